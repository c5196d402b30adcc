//! Entries and their transactions, from the elements of a statement.

use chrono::FixedOffset;
use refund_ledger::{Currency, Timestamp};

use super::code::{Code, Signs, Verdict};
use super::xml::Name;
use crate::dates::Civil;
use crate::line::{Item, StatementLine};
use crate::money::{Currencies, NumberStyle, shown, unsigned_to_minor};
use crate::options::ColumnMap;
use crate::read::{StatementError, Visit};

/// What `key` and `invoice` can be.
pub(super) const REFERENCES: [&str; 16] = [
    "EndToEndId",
    "InstrId",
    "TxId",
    "AcctSvcrRef",
    "PmtInfId",
    "MsgId",
    "UETR",
    "MndtId",
    "ChqNb",
    "ClrSysRef",
    "AcctOwnrTxId",
    "AcctSvcrTxId",
    "MktInfrstrctrTxId",
    "PrcgId",
    "Ustrd",
    "Strd",
];

/// What banks write where the payer gave no reference.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// An amount as it is written.
#[derive(Debug, Default)]
struct Amount {
    currency: String,
    value: String,
}

impl Amount {
    fn clear(&mut self) {
        self.currency.clear();
        self.value.clear();
    }

    fn set(&mut self, currency: Option<String>) {
        self.value.clear();
        self.currency = currency.unwrap_or_default();
    }

    /// Whether it says how much; zero does not.
    fn is_given(&self) -> bool {
        self.value.bytes().any(|byte| !matches!(byte, b'0' | b'.'))
    }
}

#[derive(Debug, Default)]
struct Entry {
    line: u64,
    amount: Amount,
    direction: String,
    reversal: String,
    status: String,
    booked: String,
    valued: String,
    servicer_reference: String,
    code: Code,
    /// How many transactions have details, and how many there are by the batches' own account.
    transactions: u64,
    batched: u64,
}

#[derive(Debug, Default)]
struct Transaction {
    line: u64,
    amount: Amount,
    detailed_amount: Amount,
    direction: String,
    code: Code,
    is_return: bool,
    end_to_end: String,
    servicer_reference: String,
    creditor_reference: String,
    /// The references that options ask for.
    chosen: [String; 2],
}

impl Entry {
    fn clear(&mut self, line: u64) {
        (self.line, self.transactions, self.batched) = (line, 0, 0);
        self.amount.clear();
        self.code.clear();
        for text in [
            &mut self.direction,
            &mut self.reversal,
            &mut self.status,
            &mut self.booked,
            &mut self.valued,
            &mut self.servicer_reference,
        ] {
            text.clear();
        }
    }

    /// Whether what the entry says is about one transaction.
    fn is_of_one(&self) -> bool {
        self.transactions.max(self.batched) <= 1
    }

    fn date(&self, zone: Option<FixedOffset>) -> Result<Timestamp, String> {
        let (name, text) = match self.booked.as_str() {
            "" => ("ValDt", self.valued.as_str()),
            booked => ("BookgDt", booked),
        };
        if text.is_empty() {
            return Err("the entry has neither `BookgDt` nor `ValDt`".into());
        }
        Civil::read(text)
            .map(|civil| match civil.time {
                // It is a day of the bank's calendar, which its offset doesn't move.
                None => Civil {
                    offset: None,
                    ..civil
                },
                Some(_) => civil,
            })
            .and_then(|civil| civil.at(zone))
            .ok_or_else(|| format!("`{name}` is `{}`, which is no date of XML", shown(text)))
    }
}

impl Transaction {
    fn clear(&mut self, line: u64) {
        (self.line, self.is_return) = (line, false);
        self.amount.clear();
        self.detailed_amount.clear();
        self.code.clear();
        let [key, invoice] = &mut self.chosen;
        for text in [
            &mut self.direction,
            &mut self.end_to_end,
            &mut self.servicer_reference,
            &mut self.creditor_reference,
            key,
            invoice,
        ] {
            text.clear();
        }
    }
}

/// Takes elements, and hands over transactions.
///
/// A transaction waits until it's known whether it is its entry's only one, since only then what the
/// entry says is about it alone.
pub(super) struct Elements<'m, 'v> {
    zone: Option<FixedOffset>,
    /// The names of the references that options ask for: key, invoice.
    chosen: [Option<&'m str>; 2],
    entry: Entry,
    current: Transaction,
    waiting: Transaction,
    is_waiting: bool,
    statements: u64,
    has_more_pages: bool,
    currencies: Currencies,
    visit: Visit<'v>,
}

impl<'m, 'v> Elements<'m, 'v> {
    pub(super) fn new(map: &'m ColumnMap, visit: Visit<'v>) -> Self {
        Self {
            zone: map.time_zone,
            chosen: [map.key.as_deref(), map.invoice.as_deref()],
            entry: Entry::default(),
            current: Transaction::default(),
            waiting: Transaction::default(),
            is_waiting: false,
            statements: 0,
            has_more_pages: false,
            currencies: Currencies::default(),
            visit,
        }
    }

    pub(super) fn open(&mut self, path: &[Name], line: u64, currency: Option<String>) {
        use Name::{
            Amt, AmtDtls, BkToCstmrStmt, Document, Ntry, NtryDtls, RtrInf, Stmt, TxAmt, TxDtls,
        };
        let [Document, BkToCstmrStmt, Stmt, path @ ..] = path else {
            return;
        };
        match path {
            [] => self.statements = self.statements.saturating_add(1),
            [Ntry] => self.entry.clear(line),
            [Ntry, Amt] => self.entry.amount.set(currency),
            [Ntry, NtryDtls, TxDtls, path @ ..] => match path {
                [] => {
                    self.entry.transactions = self.entry.transactions.saturating_add(1);
                    self.hand_over();
                    self.current.clear(line);
                }
                [Amt] => self.current.amount.set(currency),
                [AmtDtls, TxAmt, Amt] => self.current.detailed_amount.set(currency),
                [RtrInf] => self.current.is_return = true,
                _ => {}
            },
            _ => {}
        }
    }

    pub(super) fn close(&mut self, path: &[Name], text: &str) {
        use Name::{
            AcctSvcrRef, Amt, BkToCstmrStmt, BkTxCd, BookgDt, Btch, Cd, CdtDbtInd, Document, Dt,
            DtTm, GrpHdr, LastPgInd, MsgPgntn, NbOfTxs, Ntry, NtryDtls, Prtry, RvslInd, Stmt,
            StmtPgntn, Sts, TxDtls, ValDt,
        };
        let [Document, BkToCstmrStmt, path @ ..] = path else {
            return;
        };
        let entry = &mut self.entry;
        let slot = match path {
            [GrpHdr, MsgPgntn, LastPgInd] | [Stmt, StmtPgntn, LastPgInd] => {
                self.has_more_pages |= !is_true(text);
                return;
            }
            [Stmt, Ntry] => return self.close_entry(),
            [Stmt, Ntry, NtryDtls, TxDtls] => {
                std::mem::swap(&mut self.current, &mut self.waiting);
                self.is_waiting = true;
                return;
            }
            [Stmt, Ntry, NtryDtls, TxDtls, path @ ..] => {
                return self.close_in_transaction(path, text);
            }
            [Stmt, Ntry, NtryDtls, Btch, NbOfTxs] => {
                entry.batched = entry.batched.saturating_add(text.parse().unwrap_or(0));
                return;
            }
            [Stmt, Ntry, Amt] => &mut entry.amount.value,
            [Stmt, Ntry, CdtDbtInd] => &mut entry.direction,
            [Stmt, Ntry, RvslInd] => &mut entry.reversal,
            // A word of its own up to version .06, then a choice.
            [Stmt, Ntry, Sts] if !text.is_empty() => &mut entry.status,
            [Stmt, Ntry, Sts, Cd | Prtry] => &mut entry.status,
            [Stmt, Ntry, BookgDt, Dt | DtTm] => &mut entry.booked,
            [Stmt, Ntry, ValDt, Dt | DtTm] => &mut entry.valued,
            [Stmt, Ntry, AcctSvcrRef] => &mut entry.servicer_reference,
            [Stmt, Ntry, BkTxCd, path @ ..] => return set_code(&mut entry.code, path, text),
            _ => return,
        };
        set(slot, text);
    }

    fn close_in_transaction(&mut self, path: &[Name], text: &str) {
        use Name::{
            AcctSvcrRef, Amt, AmtDtls, BkTxCd, CdtDbtInd, CdtrRefInf, EndToEndId, Ref, Refs,
            RmtInf, Strd, TxAmt, Ustrd,
        };
        let current = &mut self.current;
        let reference = match path {
            [Refs, name] => name.text(),
            [RmtInf, Ustrd] => Ustrd.text(),
            [RmtInf, Strd, CdtrRefInf, Ref] => Strd.text(),
            _ => "",
        };
        for (name, slot) in self.chosen.iter().zip(&mut current.chosen) {
            if *name == Some(reference) && text != NOT_PROVIDED {
                // Free text may be split over several elements.
                if !slot.is_empty() && !text.is_empty() {
                    slot.push(' ');
                }
                slot.push_str(text);
            }
        }
        let slot = match path {
            [Amt] => &mut current.amount.value,
            [AmtDtls, TxAmt, Amt] => &mut current.detailed_amount.value,
            [CdtDbtInd] => &mut current.direction,
            [Refs, EndToEndId] if text != NOT_PROVIDED => &mut current.end_to_end,
            [Refs, AcctSvcrRef] => &mut current.servicer_reference,
            [RmtInf, Strd, CdtrRefInf, Ref] => &mut current.creditor_reference,
            [BkTxCd, path @ ..] => return set_code(&mut current.code, path, text),
            _ => return,
        };
        set(slot, text);
    }

    fn close_entry(&mut self) {
        if self.entry.transactions == 0 {
            self.waiting.clear(self.entry.line);
            self.is_waiting = true;
        }
        self.hand_over();
        if let Some(reason) = self.undetailed() {
            let line = self.entry.line;
            (self.visit)(Item::Unreadable { line, reason });
        }
    }

    /// Says that a batch of refunds has more transactions than details, where it has any: with none it
    /// is one line of its own.
    fn undetailed(&self) -> Option<String> {
        let entry = &self.entry;
        if entry.transactions == 0 || entry.batched <= entry.transactions || entry.status != "BOOK"
        {
            return None;
        }
        let signs = Signs {
            is_debit: is_debit(&entry.direction).ok()?,
            is_reversal: is_reversal(&entry.reversal).ok()?,
            is_return: false,
        };
        (entry.code.verdict(signs) != Verdict::Other).then(|| {
            format!(
                "the entry has {} transactions by `NbOfTxs`, and details of {}; what the others are \
                 is missing",
                entry.batched, entry.transactions
            )
        })
    }

    /// Hands over the transaction that waits.
    fn hand_over(&mut self) {
        if !std::mem::take(&mut self.is_waiting) {
            return;
        }
        let line = self.waiting.line;
        if let Err(reason) = self.transaction() {
            (self.visit)(Item::Unreadable { line, reason });
        }
    }

    fn transaction(&mut self) -> Result<(), String> {
        let (entry, waiting) = (&self.entry, &self.waiting);
        match entry.status.as_str() {
            "BOOK" => {}
            "" => return Err("`Sts` is missing".into()),
            status => {
                (self.visit)(Item::Ignored(status));
                return Ok(());
            }
        }
        let is_debit = is_debit(either(&waiting.direction, &entry.direction))?;
        let is_reversal = is_reversal(&entry.reversal)?;
        let code = if waiting.code.is_empty() {
            &entry.code
        } else {
            &waiting.code
        };
        let signs = Signs {
            is_debit,
            is_reversal,
            is_return: waiting.is_return,
        };
        let verdict = code.verdict(signs);
        if verdict == Verdict::Other {
            (self.visit)(Item::Ignored(&code.name()));
            return Ok(());
        }
        let (given, currency) = amount(entry, waiting, &mut self.currencies)?;
        // A batch without any details is one line under its own reference.
        let entry_reference = if entry.transactions == 0 || entry.is_of_one() {
            entry.servicer_reference.as_str()
        } else {
            ""
        };
        let servicer = either(&waiting.servicer_reference, entry_reference);
        let [chosen_key, chosen_invoice] = &waiting.chosen;
        let key = match self.chosen {
            [Some("AcctSvcrRef"), _] => servicer,
            [Some(_), _] => chosen_key.as_str(),
            [None, _] => either(&waiting.end_to_end, servicer),
        };
        let invoice = match self.chosen {
            [_, Some("AcctSvcrRef")] => servicer,
            [_, Some(_)] => chosen_invoice.as_str(),
            [_, None] => waiting.creditor_reference.as_str(),
        };
        let line = StatementLine {
            line: waiting.line,
            key: Some(key).filter(|key| !key.is_empty()),
            invoice: Some(invoice).filter(|invoice| !invoice.is_empty()),
            currency,
            minor: if is_debit {
                given
            } else {
                given.saturating_neg()
            },
            date: entry.date(self.zone)?,
        };
        (self.visit)(Item::Refund(line));
        Ok(())
    }

    /// The file ends in its middle.
    pub(super) fn broken(&mut self, line: u64, reason: String) {
        // What waits is whole, but perhaps not the only one of its entry.
        if self.is_waiting {
            self.entry.transactions = self.entry.transactions.saturating_add(1);
            self.hand_over();
        }
        (self.visit)(Item::Unreadable { line, reason });
    }

    pub(super) fn end(self, line: u64) -> Result<(), StatementError> {
        if self.statements == 0 {
            return Err(StatementError::WrongFormat {
                expected: "a bank statement of ISO 20022 (camt.053)",
                seen: "it has no statement (`Stmt`)".into(),
            });
        }
        if self.has_more_pages {
            let reason =
                "the statement has more pages (`LastPgInd` is false); what is on them is missing";
            (self.visit)(Item::Unreadable {
                line,
                reason: reason.into(),
            });
        }
        Ok(())
    }
}

fn is_debit(direction: &str) -> Result<bool, String> {
    match direction {
        "DBIT" => Ok(true),
        "CRDT" => Ok(false),
        other => Err(format!(
            "`CdtDbtInd` is `{}`; it must be `DBIT` or `CRDT`",
            shown(other)
        )),
    }
}

fn is_reversal(indicator: &str) -> Result<bool, String> {
    match indicator {
        "" | "false" | "0" => Ok(false),
        "true" | "1" => Ok(true),
        other => Err(format!(
            "`RvslInd` is `{}`; it must be `true` or `false`",
            shown(other)
        )),
    }
}

fn is_true(text: &str) -> bool {
    matches!(text, "true" | "1")
}

fn set(slot: &mut String, text: &str) {
    slot.clear();
    slot.push_str(text);
}

fn set_code(code: &mut Code, path: &[Name], text: &str) {
    use Name::{Cd, Domn, Fmly, Prtry, SubFmlyCd};
    let slot = match path {
        [Domn, Cd] => &mut code.domain,
        [Domn, Fmly, Cd] => &mut code.family,
        [Domn, Fmly, SubFmlyCd] => &mut code.sub_family,
        [Prtry, Cd] => &mut code.proprietary,
        _ => return,
    };
    set(slot, text);
}

fn either<'a>(first: &'a str, second: &'a str) -> &'a str {
    if first.is_empty() { second } else { first }
}

/// How much a transaction is of: what it says itself, or its entry where it's the only one.
fn amount(
    entry: &Entry,
    transaction: &Transaction,
    currencies: &mut Currencies,
) -> Result<(i64, Currency), String> {
    let own = [&transaction.amount, &transaction.detailed_amount]
        .into_iter()
        .find(|own| own.is_given());
    let amount = match own {
        Some(own) => own,
        None if entry.transactions == 0 || entry.is_of_one() => &entry.amount,
        None => return Err(
            "the transaction has no amount of its own, and that of its entry is not about it alone"
                .into(),
        ),
    };
    let currency = match amount.currency.as_str() {
        "" => return Err("`Amt` has no `Ccy`".into()),
        code if code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            currencies.read("Ccy", code)?
        }
        code => {
            return Err(format!(
                "`Ccy` is `{}`; it must be a currency code of ISO 4217",
                shown(code)
            ));
        }
    };
    let minor = unsigned_to_minor("Amt", &amount.value, NumberStyle::PLAIN, currency)?;
    Ok((minor, currency))
}
