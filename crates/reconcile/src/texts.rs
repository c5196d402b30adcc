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
    ends: Vec<usize>,
    by_text: HashTable<TextId>,
    hasher: DefaultHashBuilder,
}

impl Texts {
    /// The id of a text, a new one where it was not there yet.
    ///
    /// # Errors
    /// Where there are 2^32 texts already.
    pub(crate) fn add(&mut self, text: &str) -> Option<TextId> {
        let next = TextId(u32::try_from(self.ends.len()).ok()?);
        let Self {
            bytes,
            ends,
            by_text,
            hasher,
        } = self;
        let hash = hasher.hash_one(text);
        let place = by_text.entry(
            hash,
            |known| slice(bytes, ends, *known) == text,
            |known| hasher.hash_one(slice(bytes, ends, *known)),
        );
        Some(match place {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                place.insert(next);
                bytes.push_str(text);
                ends.push(bytes.len());
                next
            }
        })
    }

    pub(crate) fn get(&self, id: TextId) -> &str {
        slice(&self.bytes, &self.ends, id)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn slice<'a>(bytes: &'a str, ends: &[usize], id: TextId) -> &'a str {
    let before = id.index().checked_sub(1);
    let start = before.and_then(|before| ends.get(before)).copied();
    // INVARIANT: ids are given out by `add` alone, so each has its end.
    ends.get(id.index())
        .and_then(|end| bytes.get(start.unwrap_or(0)..*end))
        .unwrap_or_default()
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
