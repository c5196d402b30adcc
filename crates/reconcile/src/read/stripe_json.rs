//! Lists of Stripe's API, as JSON: [balance
//! transactions](https://docs.stripe.com/api/balance_transactions/object) or
//! [refunds](https://docs.stripe.com/api/refunds/object).
//!
//! A file is a [list](https://docs.stripe.com/api/pagination) (`"object": "list"` with `data`),
//! several lists one behind another, which are its pages, or an array of the objects. `line` is the
//! number of the object, counted from 1. All objects are of one type, since a refund and its
//! balance transaction are the same money.
//!
//! | what | of a balance transaction | of a refund |
//! |---|---|---|
//! | kind | `reporting_category` (where it's missing, `type`) `refund`, and `refund_failure` where the money came back | `status` `succeeded`; every other is ignored by its name |
//! | key | with `source` expanded its `metadata.external_refund_unique_id`, else the `source`'s id | `metadata.external_refund_unique_id`, else `id` |
//! | amount | with `source` expanded the refund's `amount` and `currency`, else `amount` (negative for a refund) and `currency` | `amount` (positive) and `currency` |
//! | date | `created`, in seconds since 1970 | the same |
//!
//! Amounts are whole numbers of [minor units as Stripe has
//! them](https://docs.stripe.com/currencies): the Icelandic króna and the Ugandan
//! shilling with two decimals that are zeros, the ariary without decimals.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use refund_ledger::{Currency, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::line::{Item, StatementLine};
use crate::money::{Currencies, rescale, shown, stripe_decimals};
use crate::options::ColumnMap;
use crate::read::{StatementError, Visit};
use crate::rows::ROW_BYTES_MAX;
use crate::text::Opened;

mod object;

use object::{Object, Source, default_key, field, number, positive};

const EXPECTED: &str = "a list of balance transactions or refunds of Stripe's API";

/// Whether a stream begins as JSON.
pub(super) fn is_json<R: Read>(opened: &Opened<R>) -> bool {
    let first = opened
        .head()
        .iter()
        .find(|byte| !byte.is_ascii_whitespace() && **byte != 0);
    matches!(first, Some(b'{' | b'['))
}

pub(super) fn read<R: Read>(
    opened: Opened<R>,
    map: &ColumnMap,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let encoding = opened.encoding();
    let budget = Rc::new(Cell::new(ROW_BYTES_MAX));
    let mut input = BufReader::new(opened.decode(encoding));
    let mut list = List {
        map,
        budget: Rc::clone(&budget),
        objects: 0,
        kind: None,
        has_more: false,
        wrong: None,
        currencies: Currencies::default(),
        visit,
    };
    while is_filled(&mut input)? {
        budget.set(ROW_BYTES_MAX);
        list.has_more = false;
        // A new parser for each document: one that goes on would read ahead of the budget.
        let limited = Limited {
            input: &mut input,
            budget: Rc::clone(&budget),
        };
        let mut parser = serde_json::Deserializer::from_reader(limited);
        let result = (&mut list).deserialize(&mut parser);
        if let Some(seen) = list.wrong.take() {
            return Err(StatementError::WrongFormat {
                expected: EXPECTED,
                seen,
            });
        }
        if let Err(error) = result {
            if let Some(kind) = error.io_error_kind()
                && kind != io::ErrorKind::FileTooLarge
            {
                return Err(StatementError::Io(error.into()));
            }
            return list.broken(&error);
        }
    }
    if list.has_more {
        let reason = "the list goes on (`has_more` is true); what is on its other pages is missing";
        let line = list.objects;
        (list.visit)(Item::Unreadable {
            line,
            reason: reason.into(),
        });
    }
    Ok(())
}

/// Passes blanks; whether anything stands behind them.
fn is_filled(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        let blanks = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        if blanks < bytes.len() {
            input.consume(blanks);
            return Ok(true);
        }
        if bytes.is_empty() {
            return Ok(false);
        }
        input.consume(blanks);
    }
}

/// A stream of which only so many bytes may be read until somebody raises the budget again.
struct Limited<'r, R> {
    input: &'r mut R,
    budget: Rc<Cell<usize>>,
}

impl<R: BufRead> Read for Limited<'_, R> {
    /// Reads at most one byte, so that nothing behind a document is taken.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(place) = out.first_mut() else {
            return Ok(0);
        };
        let Some(byte) = self.input.fill_buf()?.first().copied() else {
            return Ok(0);
        };
        let Some(left) = self.budget.get().checked_sub(1) else {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the object has more than 1 MiB",
            ));
        };
        self.budget.set(left);
        *place = byte;
        self.input.consume(1);
        Ok(1)
    }
}

/// What is known while a list is read.
struct List<'m, 'v> {
    map: &'m ColumnMap,
    budget: Rc<Cell<usize>>,
    objects: u64,
    /// The type of the first object, which all must have.
    kind: Option<Kind>,
    has_more: bool,
    /// Why this is no list of ours.
    wrong: Option<String>,
    currencies: Currencies,
    visit: Visit<'v>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    BalanceTransaction,
    Refund,
}

impl Kind {
    fn read(object: &str) -> Option<Self> {
        match object {
            "balance_transaction" => Some(Self::BalanceTransaction),
            "refund" => Some(Self::Refund),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::BalanceTransaction => "balance_transaction",
            Self::Refund => "refund",
        }
    }
}

impl List<'_, '_> {
    /// JSON that ends or breaks: nothing behind that place can be read.
    fn broken(self, error: &serde_json::Error) -> Result<(), StatementError> {
        if self.objects == 0 && !error.is_eof() && !error.is_io() {
            let what = if error.is_data() {
                "it has another form"
            } else {
                "it is no JSON"
            };
            let seen = format!("{what}: {error}");
            return Err(StatementError::WrongFormat {
                expected: EXPECTED,
                seen,
            });
        }
        let what = if error.is_eof() {
            "the file ends in the middle"
        } else {
            "the JSON breaks here"
        };
        (self.visit)(Item::Unreadable {
            line: self.objects.saturating_add(1),
            reason: format!("{what}, and what may follow is missing: {error}"),
        });
        Ok(())
    }

    fn wrong<E: serde::de::Error>(&mut self, seen: String) -> E {
        self.wrong = Some(seen);
        E::custom("not a list")
    }
}

impl<'de> DeserializeSeed<'de> for &mut List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut has_data = false;
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "object" => {
                    let object: String = fields.next_value()?;
                    if object != "list" {
                        return Err(
                            self.wrong(format!("it is one `{}`, not a list", shown(&object)))
                        );
                    }
                }
                "data" if has_data => return Err(self.wrong("it has `data` twice".into())),
                "data" => {
                    has_data = true;
                    fields.next_value_seed(Objects(self))?;
                }
                "has_more" => self.has_more = fields.next_value()?,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_data {
            return Ok(());
        }
        Err(self.wrong("it is a JSON object without `data`".into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, objects: A) -> Result<(), A::Error> {
        Objects(self).visit_seq(objects)
    }
}

/// The objects of a list.
struct Objects<'l, 'm, 'v>(&'l mut List<'m, 'v>);

impl<'de> DeserializeSeed<'de> for Objects<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut objects: A) -> Result<(), A::Error> {
        let Self(list) = self;
        while let Some(raw) = objects.next_element::<Box<RawValue>>()? {
            list.budget.set(ROW_BYTES_MAX);
            list.objects = list.objects.saturating_add(1);
            list.object(raw.get())?;
        }
        Ok(())
    }
}

impl List<'_, '_> {
    fn object<E: serde::de::Error>(&mut self, raw: &str) -> Result<(), E> {
        let line = self.objects;
        let mut unreadable = |reason: String| (self.visit)(Item::Unreadable { line, reason });
        let object: Object<'_> = match serde_json::from_str(raw) {
            Ok(object) => object,
            Err(error) => {
                unreadable(format!("the object can't be read: {error}"));
                return Ok(());
            }
        };
        match (self.kind, Kind::read(&object.object)) {
            (None, Some(kind)) => self.kind = Some(kind),
            (Some(kind), Some(own)) if kind == own => {}
            // Whichever of them comes first, such a list is refused.
            (None, None) => {
                return Err(self.wrong(format!("it is a list of `{}`", shown(&object.object))));
            }
            (Some(kind), own) => {
                let mut names = [
                    kind.name(),
                    own.map_or(object.object.as_str(), |own| own.name()),
                ];
                names.sort_unstable();
                let [first, second] = names.map(shown);
                return Err(self.wrong(format!("it holds both `{first}` and `{second}`")));
            }
        }
        if let Err(reason) = self.line(raw, &object) {
            (self.visit)(Item::Unreadable { line, reason });
        }
        Ok(())
    }

    fn line(&mut self, raw: &str, object: &Object<'_>) -> Result<(), String> {
        match self.kind {
            Some(Kind::Refund) => self.refund(raw, object),
            _ => self.balance_transaction(raw, object),
        }
    }

    fn refund(&mut self, raw: &str, object: &Object<'_>) -> Result<(), String> {
        match object.status.as_deref() {
            Some("succeeded") => {}
            Some(status) => {
                (self.visit)(Item::Ignored(status));
                return Ok(());
            }
            None => return Err("`status` is missing".into()),
        }
        let (minor, currency) = self.amount(object)?;
        let minor = positive(minor)?;
        let key = match &self.map.key {
            Some(name) => field(name, raw, object),
            None => default_key(object),
        };
        self.hand_over(raw, object, key.as_deref(), minor, currency)
    }

    fn balance_transaction(&mut self, raw: &str, object: &Object<'_>) -> Result<(), String> {
        let category = object.reporting_category.as_deref();
        let kind = category
            .or(object.kind.as_deref())
            .ok_or("`reporting_category` is missing")?;
        let failed = match (kind, category) {
            ("refund", _) | ("payment_refund", None) => false,
            ("refund_failure", _) => true,
            _ => {
                (self.visit)(Item::Ignored(kind));
                return Ok(());
            }
        };
        let (effect, mut currency) = self.amount(object)?;
        let mut minor = effect.checked_neg().ok_or("`amount` has too many digits")?;
        if (minor < 0) != failed && minor != 0 {
            return Err(format!(
                "the amount of a `{kind}` is on the wrong side of zero"
            ));
        }
        let source = Source::read(object.source)?;
        if let Source::Expanded(refund) = &source
            && Kind::read(&refund.object) == Some(Kind::Refund)
        {
            let (amount, own) = self.amount(refund)?;
            let amount = positive(amount)?;
            (minor, currency) = (
                if failed {
                    amount.saturating_neg()
                } else {
                    amount
                },
                own,
            );
        }
        let key = match (&self.map.key, source) {
            (Some(name), _) => field(name, raw, object),
            (None, Source::Expanded(source)) => default_key(&source),
            (None, Source::Id(id)) => Some(id),
            (None, Source::None) => None,
        };
        self.hand_over(raw, object, key.as_deref(), minor, currency)
    }

    fn hand_over(
        &mut self,
        raw: &str,
        object: &Object<'_>,
        key: Option<&str>,
        minor: i64,
        currency: Currency,
    ) -> Result<(), String> {
        let created = number("created", object.created)?;
        let date = Timestamp::from_unix(created, 0).map_err(|_| {
            format!("`created` is `{created}`, which is no second of the years 1 to 9999")
        })?;
        let invoice = self
            .map
            .invoice
            .as_deref()
            .and_then(|name| field(name, raw, object));
        (self.visit)(Item::Refund(StatementLine {
            line: self.objects,
            key,
            invoice: invoice.as_deref(),
            currency,
            minor,
            date,
        }));
        Ok(())
    }

    fn amount(&mut self, object: &Object<'_>) -> Result<(i64, Currency), String> {
        let amount = number("amount", object.amount)?;
        let currency = object.currency.as_deref().unwrap_or_default();
        let currency = self.currencies.read("currency", currency)?;
        let minor = rescale("amount", amount, stripe_decimals(currency), currency)?;
        Ok((minor, currency))
    }
}
