"""Compares a statement with refunds as a script does without a library: plain.py STATEMENT REFUNDS

Prints how many amounts differ, and the seconds that reading and comparing took; then how many agree, how many
lines have no refund, how many refunds have no line, and how many of both have a key that came before.
"""

import csv
import sys
import time
from decimal import Decimal

KEY = "refund_metadata[external_refund_unique_id]"
AMOUNT = "customer_facing_amount"


def read(path, key, amount, factor):
    """The amounts in cents by key, and how many keys came again."""
    amounts = {}
    again = 0
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row[key] in amounts:
                again += 1
            else:
                amounts[row[key]] = Decimal(row[amount]) * factor
    return amounts, again


start = time.perf_counter()
refunds, refunds_again = read(sys.argv[2], "external_id", "amount_with", 1)
lines, lines_again = read(sys.argv[1], KEY, AMOUNT, -100)
matched = differ = without_refund = 0
for key, amount in lines.items():
    if key not in refunds:
        without_refund += 1
    elif amount == refunds[key]:
        matched += 1
    else:
        differ += 1
without_line = sum(key not in lines for key in refunds)
print(differ, time.perf_counter() - start)
print(matched, without_refund, without_line, lines_again + refunds_again)
