//! The whole report for programs.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use serde::ser::{Serialize, SerializeMap as _, SerializeStruct as _, Serializer};

use crate::report::{Break, Proposal, Report, StatementCounts, Totals};

/// What a double counts exactly, and so every reader of JSON.
const EXACT_UP_TO: u128 = 1 << 53;

/// Writes the report as one JSON object and a line end.
///
/// Amounts are in minor units. A whole number beyond 2^53, which many readers of JSON would round,
/// is written as a string. `pair` is there for currency mismatches alone, `message` for lines that
/// can't be read; anything else that is not there is `null`.
///
/// # Errors
/// Where `out` can't be written to.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    serde_json::to_writer(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A whole number, exact for every reader.
struct Whole(i128);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0) {
            Ok(number) if self.0.unsigned_abs() <= EXACT_UP_TO => serializer.serialize_i64(number),
            _ => serializer.collect_str(&self.0),
        }
    }
}

fn count(count: u64) -> Whole {
    Whole(count.into())
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Report", 7)?;
        object.serialize_field("source", self.source.name())?;
        object.serialize_field("incomplete", &self.is_incomplete())?;
        object.serialize_field("statement", &self.statement)?;
        object.serialize_field("matched", &count(self.matched))?;
        object.serialize_field("breaks", &self.breaks)?;
        object.serialize_field("proposals", &self.proposals)?;
        object.serialize_field("totals", &self.totals)?;
        object.end()
    }
}

impl Serialize for StatementCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("StatementCounts", 3)?;
        object.serialize_field("lines", &count(self.lines))?;
        object.serialize_field("refund_lines", &count(self.refund_lines))?;
        object.serialize_field("ignored", &Ignored(&self.ignored))?;
        object.end()
    }
}

/// How many lines were left out, by type.
struct Ignored<'a>(&'a BTreeMap<Box<str>, u64>);

impl Serialize for Ignored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, lines)| (kind, count(*lines))))
    }
}

impl Serialize for Break {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("reason", self.reason.as_str())?;
        object.serialize_entry("line", &self.line.map(count))?;
        object.serialize_entry("key", &self.key)?;
        object.serialize_entry("refund_id", &self.refund_id)?;
        object.serialize_entry("currency", &self.sides.map(|sides| sides.currency))?;
        let statement_minor = self.sides.map(|sides| Whole(sides.statement_minor));
        object.serialize_entry("statement_minor", &statement_minor)?;
        let ledger_minor = self.sides.map(|sides| Whole(sides.ledger_minor));
        object.serialize_entry("ledger_minor", &ledger_minor)?;
        let difference_minor = self.sides.map(|sides| Whole(sides.difference_minor()));
        object.serialize_entry("difference_minor", &difference_minor)?;
        if let Some(pair) = self.pair {
            object.serialize_entry("pair", &pair)?;
        }
        if let Some(message) = &self.message {
            object.serialize_entry("message", message)?;
        }
        object.end()
    }
}

impl Serialize for Proposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Proposal", 5)?;
        object.serialize_field("line", &count(self.line))?;
        object.serialize_field("key", &self.key)?;
        object.serialize_field("refund_id", &self.refund_id)?;
        object.serialize_field("currency", &self.currency)?;
        object.serialize_field("amount_minor", &Whole(self.minor.into()))?;
        object.end()
    }
}

impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Totals", 4)?;
        object.serialize_field("statement_minor", &Whole(self.statement_minor))?;
        object.serialize_field("ledger_minor", &Whole(self.ledger_minor))?;
        object.serialize_field("difference_minor", &Whole(self.difference_minor()))?;
        object.serialize_field("tolerated_minor", &Whole(self.tolerated_minor))?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::Whole;

    #[test]
    fn numbers_that_readers_would_round_are_strings() {
        for (number, written) in [
            (0, "0"),
            (-1, "-1"),
            (1 << 53, "9007199254740992"),
            ((1 << 53) + 1, "\"9007199254740993\""),
            (-(1 << 53) - 1, "\"-9007199254740993\""),
            (i128::MIN, "\"-170141183460469231731687303715884105728\""),
        ] {
            assert_eq!(serde_json::to_string(&Whole(number)).unwrap(), written);
        }
    }
}
