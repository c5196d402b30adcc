//! Bank statements of ISO 20022: camt.053, "Bank To Customer Statement", versions .02 and later.
//!
//! The elements that are read have kept their names and places from camt.053.001.02 to .08 and
//! beyond ([message definitions](https://www.iso20022.org/iso-20022-message-definitions), Bank-to-Customer
//! Cash Management). Namespaces may have any prefix.
//!
//! A transaction is a `TxDtls` of an entry (`Ntry`), or the entry itself where the bank gives no
//! details. `line` is the line of the file where its tag ends.
//!
//! | what | from |
//! |---|---|
//! | key | `EndToEndId` unless it is `NOTPROVIDED`, else `AcctSvcrRef`; that of the entry only where it is one transaction. `key=` takes any other reference of `Refs`, `Ustrd` or `Strd` |
//! | invoice | the creditor's reference, `RmtInf/Strd/CdtrRefInf/Ref` |
//! | amount | the transaction's `Amt`, else its `AmtDtls/TxAmt/Amt`, else that of the entry where it is one transaction: major units with a point. Zero counts as none. Decimals beyond the currency's must be zeros |
//! | direction | the transaction's `CdtDbtInd`, else the entry's |
//! | date | the entry's `BookgDt`, else its `ValDt`; a day is that day, whatever its offset; days, and times without an offset, are in the zone that `time_zone` says, else in UTC |
//!
//! Only booked entries (`Sts` `BOOK`) count; others are ignored by their status.
//!
//! An entry of refunds whose batches (`Btch/NbOfTxs`) have more transactions than there are details of is
//! told as a line that can't be read, since nobody knows what the others are; one without any details is
//! one line. That details add up to their entry is not checked, since charges and rates stand between.
//!
//! # Which transactions are refunds
//!
//! By direction and [bank transaction
//! code](https://www.iso20022.org/catalogue-messages/additional-content-messages/external-code-sets)
//! (`BkTxCd`, of the transaction, else of the entry):
//!
//! - A debit is a refund, unless its code says that it is something else: a domain of
//!   the standard other than payments (such as `ACMT` or `SECU`), direct debits (`IDDT`, `RDDT`: collections that came back, and
//!   what others collected), a received transfer that was taken back (`RCDT`, `RRCT`), cards of the
//!   account's owner (`CCRD`), cash (`CNTR`), charges, interest, taxes, commissions, standing orders
//!   and salaries; or unless it reverses a credit (`RvslInd`).
//! - A credit is the return of a refund where it says so, and its code nothing else: by
//!   the sub-family `RRTN` of `ICDT` or `IRCT`, by `RtrInf`, or by `RvslInd`.
//! - `CdtDbtInd` of a reversal is the direction of the reversal itself, as the standard has it; it
//!   is not turned around.
//!
//! All else is ignored under its code, such as `PMNT/RCDT/ESCT`. A payment to a supplier looks like
//! a refund to a bank, so the statement should be of an account that pays refunds only, or its
//! other payments are found as refunds that the ledger doesn't have.

use std::io::Read;

use crate::options::{ColumnMap, OptionsError};
use crate::read::{StatementError, Visit};
use crate::text::Opened;

mod code;
mod entry;
mod xml;

use entry::{Elements, REFERENCES};
use xml::{Step, Xml};

/// Whether a name stands for a reference.
pub(crate) fn check_reference(name: &'static str, value: Option<&str>) -> Result<(), OptionsError> {
    match value {
        Some(value) if !REFERENCES.contains(&value) => Err(OptionsError::InvalidValue {
            name,
            value: value.into(),
            expected: "for camt053 the name of a reference: EndToEndId, InstrId, TxId, AcctSvcrRef, \
                       PmtInfId, MsgId, UETR, MndtId, ChqNb, ClrSysRef, AcctOwnrTxId, \
                       AcctSvcrTxId, MktInfrstrctrTxId, PrcgId, Ustrd or Strd",
        }),
        _ => Ok(()),
    }
}

pub(super) fn read<R: Read>(
    opened: Opened<R>,
    map: &ColumnMap,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let mut xml = Xml::open(opened, map.encoding)?;
    let mut elements = Elements::new(map, visit);
    loop {
        match xml.next()? {
            Step::Open {
                path,
                line,
                currency,
            } => elements.open(path, line, currency),
            Step::Close { path, text } => elements.close(path, text),
            Step::End => break,
            Step::Broken { line, reason } => {
                elements.broken(line, reason);
                return Ok(());
            }
        }
    }
    elements.end(xml.line())
}
