//! Writing the rows of a batch: one statement, however many there are and of whatever kinds.

use futures_util::future::join3;

use super::apply::Erased;
use super::bind::{Entries, Keys, Movements, NewRefunds, Parameters, Refunds, Sums, stored};
use super::errors::Fault;
use super::load::Known;
use super::schema::MIGRATIONS;
use super::session::Link;
use super::statements::{
    ERASE_TEXTS, INSERT_ENTRIES, INSERT_ENTRY, INSERT_MOVEMENT, INSERT_MOVEMENTS, INSERT_REFUND,
    INSERT_REFUNDS, TAKE_POSITIONS, UPDATE_MOVEMENTS, UPDATE_REFUND, UPDATE_REFUNDS, UPDATE_SUM,
    UPDATE_SUMS,
};
use crate::movement::Movement;
use crate::refund::{ExternalId, Refund};
use crate::store::{RefundWrite, WriteBatch};

/// The rows of a batch, by the statement that writes them.
#[derive(Default)]
pub(super) struct Rows<'b> {
    new_movements: Movements<'b>,
    movements: Movements<'b>,
    sums: Sums<'b>,
    new_refunds: NewRefunds<'b>,
    refunds: Refunds<'b>,
    entries: Entries<'b>,
    positions: i64,
    known_version: i32,
    erased: Keys<'b>,
    erased_sequences: Vec<i64>,
}

/// What writes the rows of one kind.
struct Part<'p> {
    /// What the statement knows it by.
    name: &'static str,
    /// The statement for any number of rows, and the one for a single row, over the same parameters.
    sql: (&'static str, &'static str),
    parameters: Parameters<'p>,
    rows: usize,
    /// How many rows the statement for any number of them must write, by its parameters.
    wanted: &'static str,
}

impl<'b> Rows<'b> {
    pub(super) fn of(batch: &'b WriteBatch, known: &Known, erased: &Erased<'b>) -> Self {
        let mut rows = Self::default();
        // Whoever inserts the same ones waits for the first instead of each for the other.
        let mut movements: Vec<&Movement> = batch.movements.iter().collect();
        movements.sort_unstable_by_key(|movement| &movement.key);
        for movement in movements {
            rows.add_movement(movement, known);
        }
        let mut inserts: Vec<&Refund> = Vec::with_capacity(batch.refunds.len());
        for write in &batch.refunds {
            match write {
                RefundWrite::Insert(refund) => inserts.push(refund),
                RefundWrite::Replace(refund) => rows.refunds.add(refund),
            }
        }
        inserts.sort_unstable_by_key(|refund| {
            let external_id = refund.details.external_id.as_ref().map(ExternalId::id);
            (refund.movement.org_id(), external_id, refund.id)
        });
        for refund in inserts {
            rows.new_refunds.add(refund);
        }
        rows.positions = stored(u64::try_from(batch.entries.len()).unwrap_or(u64::MAX));
        rows.known_version = MIGRATIONS.latest();
        for entry in &batch.entries {
            rows.entries.add(entry, erased.spares(entry));
        }
        for (key, sequence) in &erased.stored {
            rows.erased.add(key);
            rows.erased_sequences.push(*sequence);
        }
        rows
    }

    fn add_movement(&mut self, movement: &'b Movement, known: &Known) {
        match known.movements.get(&movement.key) {
            Some(Some(before)) if before.has_same_content(movement) => self.sums.add(movement),
            Some(Some(_)) => self.movements.add(movement),
            Some(None) | None => self.new_movements.add(movement),
        }
    }

    /// Writes them, and commits.
    pub(super) async fn write(&self, link: &Link) -> Result<(), Fault> {
        let parts = self.parts();
        let sql = together(&parts);
        let parameters: Parameters<'_> = parts
            .iter()
            .flat_map(|part| part.parameters.iter().copied())
            .collect();
        let statement = link.prepare(&sql).await?;
        link.will_commit();
        // Each wait for a lock may take what the call has left, and the first one may have taken much.
        let patience = format!("SET LOCAL lock_timeout = {}", link.server_limit_ms());
        let patience = async {
            if link.has_waited() {
                link.client().batch_execute(&patience).await?;
            }
            Ok::<(), Fault>(())
        };
        let written = link.client().execute(&statement, &parameters);
        let committed = link.client().batch_execute("COMMIT");
        let (patience, written, committed) = join3(patience, written, committed).await;
        patience?;
        written?;
        Ok(committed?)
    }

    /// What there is to write.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut erased = self.erased.parameters();
        erased.push(&self.erased_sequences);
        let part = |name, many, one, parameters, rows| Part {
            name,
            sql: (many, one),
            parameters,
            rows,
            wanted: "cardinality($1)",
        };
        let mut parts = vec![
            part(
                "new_movements",
                INSERT_MOVEMENTS,
                INSERT_MOVEMENT,
                self.new_movements.parameters(),
                self.new_movements.count(),
            ),
            part(
                "changed_movements",
                UPDATE_MOVEMENTS,
                UPDATE_MOVEMENTS,
                self.movements.parameters(),
                self.movements.count(),
            ),
            part(
                "sums",
                UPDATE_SUMS,
                UPDATE_SUM,
                self.sums.parameters(),
                self.sums.count(),
            ),
            part(
                "new_refunds",
                INSERT_REFUNDS,
                INSERT_REFUND,
                self.new_refunds.parameters(),
                self.new_refunds.count(),
            ),
            part(
                "changed_refunds",
                UPDATE_REFUNDS,
                UPDATE_REFUND,
                self.refunds.parameters(),
                self.refunds.count(),
            ),
            part(
                "erased",
                ERASE_TEXTS,
                ERASE_TEXTS,
                erased,
                self.erased_sequences.len(),
            ),
            // The row that everybody writes is the last one, held for as short as can be.
            Part {
                wanted: "1",
                ..part(
                    "taken",
                    TAKE_POSITIONS,
                    TAKE_POSITIONS,
                    vec![&self.positions, &self.known_version],
                    1,
                )
            },
            part(
                "entries",
                INSERT_ENTRIES,
                INSERT_ENTRY,
                self.entries.parameters(),
                self.entries.count(),
            ),
        ];
        parts.retain(|part| part.rows > 0);
        parts
    }
}

/// All parts in one statement, in their order, which fails where any does not write as many rows as it
/// should: triggers, rules and policies can swallow some, and the commit is on its way by then.
///
/// A connection keeps each text that it was given, prepared: there is one for the kinds that a batch is
/// of, whatever their sizes, and one for those of a single row each.
fn together(parts: &[Part<'_>]) -> String {
    let is_single = parts.iter().all(|part| part.rows == 1);
    let mut commands = Vec::with_capacity(parts.len());
    let mut checks = Vec::with_capacity(parts.len());
    let mut behind = 0;
    for part in parts {
        let (many, one) = part.sql;
        let command = numbered(if is_single { one } else { many }, behind);
        commands.push(format!("{} AS ({command})", part.name));
        let wanted = if is_single { "1" } else { part.wanted };
        let wanted = numbered(wanted, behind);
        checks.push(format!("(SELECT count(*) FROM {}) = {wanted}", part.name));
        behind = part.parameters.len().saturating_add(behind);
    }
    format!(
        "WITH {} SELECT 1 / CASE WHEN {} THEN 1 ELSE 0 END",
        commands.join(", "),
        checks.join(" AND "),
    )
}

/// A statement with its parameters numbered from behind some others on.
fn numbered(sql: &str, behind: usize) -> String {
    let mut pieces = sql.split('$');
    let mut numbered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|next: char| !next.is_ascii_digit());
        let (number, rest) = piece.split_at(end.unwrap_or(piece.len()));
        let number: usize = number.parse().unwrap_or_default();
        let number = number.saturating_add(behind);
        numbered.extend(["$", &number.to_string(), rest]);
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::{Part, numbered, together};

    /// A connection keeps what it has prepared, with plans that take the server half a megabyte each.
    #[test]
    fn batches_of_the_same_kinds_share_a_statement_whatever_their_sizes() {
        let written = |rows: [usize; 2]| {
            let kinds = [("a", "A OF $1"), ("b", "B OF $1")];
            let parts = kinds
                .into_iter()
                .zip(rows)
                .map(|((name, many), rows)| Part {
                    name,
                    sql: (many, "ONE OF $1"),
                    parameters: vec![&0_i64],
                    rows,
                    wanted: "cardinality($1)",
                });
            together(&parts.collect::<Vec<_>>())
        };
        for rows in [[3, 2], [2, 1], [1, 2]] {
            assert_eq!(written(rows), written([2, 2]), "{rows:?}");
        }
        assert_ne!(written([1, 1]), written([2, 2]), "one of each costs less");
    }

    #[test]
    fn parameters_are_numbered_behind_those_of_others() {
        assert_eq!(
            numbered("SELECT $1::text[], ($12)[1], $2", 9),
            "SELECT $10::text[], ($21)[1], $11"
        );
        assert_eq!(numbered("SELECT $1", 0), "SELECT $1");
        assert_eq!(numbered("SELECT 1", 9), "SELECT 1");
    }
}
