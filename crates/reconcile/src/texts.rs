//! Texts that occur many times, kept once each.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

/// A text of a [`Texts`]. Equal texts have equal ids; the order of ids is that of their arrival,
/// and must not reach a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TextId(u32);

impl TextId {
    /// The place in a list that has one item per text.
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// All texts, one behind the other, and where each ends. A million keys cost two allocations that
/// grow, not a million.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<u32>,
    by_text: HashTable<Known>,
    hasher: DefaultHashBuilder,
}

/// A text in the table, with half of its hash and its place. Each look elsewhere waits for memory
/// that lies far away: so a table that grows looks nowhere, and a search at the text alone.
#[derive(Debug)]
struct Known {
    hash: u32,
    id: TextId,
    start: u32,
    end: u32,
}

/// A hash for the table, which takes its first and its last bits.
fn spread(hash: u32) -> u64 {
    (u64::from(hash) << 32) | u64::from(hash)
}

impl Texts {
    /// The id of a text, a new one where it was not there yet.
    ///
    /// # Errors
    /// Where there are 2^32 texts, or as many bytes of them, already.
    pub(crate) fn add(&mut self, text: &str) -> Option<TextId> {
        let id = TextId(u32::try_from(self.ends.len()).ok()?);
        let start = u32::try_from(self.bytes.len()).ok()?;
        let end = start.checked_add(u32::try_from(text.len()).ok()?)?;
        let [.., a, b, c, d] = self.hasher.hash_one(text).to_be_bytes();
        let hash = u32::from_be_bytes([a, b, c, d]);
        let bytes = &self.bytes;
        let place = self.by_text.entry(
            spread(hash),
            |known| known.hash == hash && slice(bytes, known.start, known.end) == text,
            |known| spread(known.hash),
        );
        Some(match place {
            Entry::Occupied(place) => place.get().id,
            Entry::Vacant(place) => {
                place.insert(Known {
                    hash,
                    id,
                    start,
                    end,
                });
                self.bytes.push_str(text);
                self.ends.push(end);
                id
            }
        })
    }

    pub(crate) fn get(&self, id: TextId) -> &str {
        let before = id.index().checked_sub(1);
        let start = before.and_then(|before| self.ends.get(before));
        // INVARIANT: ids are given out by `add` alone, so each has its end.
        let end = self.ends.get(id.index());
        end.map_or("", |end| {
            slice(&self.bytes, start.copied().unwrap_or(0), *end)
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn slice(bytes: &str, start: u32, end: u32) -> &str {
    let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
    bytes.get(place(start)..place(end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn equal_texts_have_one_id() {
        let mut texts = Texts::default();
        let ids: Vec<_> = ["a", "", "bc", "a", ""].map(|text| texts.add(text)).into();
        assert_eq!((ids[0], ids[1]), (ids[3], ids[4]));
        assert_eq!(texts.len(), 3);
        for (id, text) in ids.into_iter().zip(["a", "", "bc"]) {
            assert_eq!(texts.get(id.unwrap()), text);
        }
    }
}
