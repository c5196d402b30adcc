"""Compares a statement with refunds, as a table of each: compare.py STATEMENT REFUNDS whole|least

Prints how many amounts differ, and the seconds that reading and comparing took.
"""

import sys
import time

import pandas

KEY = "refund_metadata[external_refund_unique_id]"
AMOUNT = "customer_facing_amount"

_, statement, refunds, how = sys.argv
start = time.perf_counter()
if how == "whole":
    lines = pandas.read_csv(statement)
    rows = pandas.read_csv(refunds)
    both = lines.merge(rows, left_on=KEY, right_on="external_id", how="outer", indicator=True)
else:
    lines = pandas.read_csv(statement, usecols=[KEY, AMOUNT])
    rows = pandas.read_csv(refunds, usecols=["external_id", "amount_with"])
    both = lines.merge(rows, left_on=KEY, right_on="external_id")
differ = (both[AMOUNT] * -100).round() != both["amount_with"]
print(differ.sum(), time.perf_counter() - start)
