//! Texts of rows, and which of them are equal.
//!
//! Millions of keys of two sides, in two orders, are looked for among each other. In one large table
//! each search would wait several times for memory that lies far away. So each text goes to one of
//! many parts by its hash, and only at the end each part, which lies close together, is searched for
//! equal ones.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

/// How many bits of an id say which part it is in.
const PART_BITS: u32 = 8;

/// How many parts there are.
const PARTS: usize = 1 << PART_BITS;

/// How many texts a part holds at most.
const PART_TEXTS_MAX: u32 = 1 << (u32::BITS - PART_BITS);

/// A text of a [`Texts`]: its part, and behind it its number in the part. The order of ids is none
/// that may reach a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TextId(u32);

impl TextId {
    fn new(part: usize, number: usize) -> Option<Self> {
        let (part, number) = (u32::try_from(part).ok()?, u32::try_from(number).ok()?);
        (number < PART_TEXTS_MAX).then_some(Self((part * PART_TEXTS_MAX) | number))
    }

    fn part(self) -> usize {
        place(self.0 / PART_TEXTS_MAX)
    }

    fn number(self) -> usize {
        place(self.0 % PART_TEXTS_MAX)
    }
}

/// All texts that were added, equal ones too.
#[derive(Debug)]
pub(crate) struct Texts {
    parts: Vec<Part>,
    hasher: DefaultHashBuilder,
}

impl Default for Texts {
    fn default() -> Self {
        let mut parts = Vec::new();
        parts.resize_with(PARTS, Part::default);
        Self {
            parts,
            hasher: DefaultHashBuilder::default(),
        }
    }
}

/// Texts, one behind the other, and where each ends.
#[derive(Debug, Default)]
struct Part {
    bytes: String,
    ends: Vec<u32>,
}

impl Part {
    fn get(&self, number: usize) -> &str {
        let before = number.checked_sub(1);
        let start = before.and_then(|before| self.ends.get(before));
        // INVARIANT: ids are given out by `add` alone, so each has its end.
        let end = self.ends.get(number).copied().unwrap_or(0);
        let range = place(start.copied().unwrap_or(0))..place(end);
        self.bytes.get(range).unwrap_or_default()
    }

    /// For each text, the number of the first that is equal.
    fn unify(&self, hasher: &DefaultHashBuilder) -> Vec<u32> {
        let mut first_of: HashTable<u32> = HashTable::with_capacity(self.ends.len());
        let numbers = (0_u32..).zip(&self.ends);
        numbers
            .map(|(number, _)| {
                let text = self.get(place(number));
                let entry = first_of.entry(
                    hasher.hash_one(text),
                    |first| self.get(place(*first)) == text,
                    |first| hasher.hash_one(self.get(place(*first))),
                );
                match entry {
                    Entry::Occupied(first) => *first.get(),
                    Entry::Vacant(free) => {
                        free.insert(number);
                        number
                    }
                }
            })
            .collect()
    }
}

impl Texts {
    /// Takes a text.
    ///
    /// # Errors
    /// Where there are too many, or too many bytes of them.
    pub(crate) fn add(&mut self, text: &str) -> Option<TextId> {
        // The table of a part looks at the first and the last bits.
        let [_, _, part, ..] = self.hasher.hash_one(text).to_be_bytes();
        let part_number = usize::from(part);
        let part = self.parts.get_mut(part_number)?;
        let id = TextId::new(part_number, part.ends.len())?;
        let end = part.bytes.len().checked_add(text.len())?;
        part.ends.push(u32::try_from(end).ok()?);
        part.bytes.push_str(text);
        Some(id)
    }

    pub(crate) fn get(&self, id: TextId) -> &str {
        self.parts
            .get(id.part())
            .map_or("", |part| part.get(id.number()))
    }

    /// Finds out which are equal.
    pub(crate) fn unify(&self) -> Unified {
        let mut texts = 0_usize;
        let parts = self.parts.iter().map(|part| {
            let before = texts;
            texts = texts.saturating_add(part.ends.len());
            (before, part.unify(&self.hasher))
        });
        let parts = parts.collect();
        Unified { parts, texts }
    }
}

/// Which texts are equal: how many stand in the parts before, and for each text of a part the first
/// one that is equal.
#[derive(Debug)]
pub(crate) struct Unified {
    parts: Vec<(usize, Vec<u32>)>,
    texts: usize,
}

impl Unified {
    /// The one id of all texts that are equal to this one.
    pub(crate) fn one(&self, id: TextId) -> TextId {
        let first = self.parts.get(id.part()).and_then(|(_, firsts)| {
            let first = firsts.get(id.number())?;
            TextId::new(id.part(), place(*first))
        });
        first.unwrap_or(id)
    }

    /// The place in a list that has one item per text.
    pub(crate) fn index(&self, id: TextId) -> usize {
        let before = self.parts.get(id.part()).map_or(0, |(before, _)| *before);
        before.saturating_add(id.number())
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.texts
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_id() {
        let mut texts = Texts::default();
        let given = ["a", "", "bc", "a", "", "bc", "abc"];
        let ids: Vec<_> = given.map(|text| texts.add(text).unwrap()).into();
        for (id, text) in ids.iter().zip(given) {
            assert_eq!(texts.get(*id), text);
        }
        let unified = texts.unify();
        let ones: Vec<_> = ids.iter().map(|id| unified.one(*id)).collect();
        for (one, text) in ones.iter().zip(given) {
            assert_eq!(texts.get(*one), text);
            for (other, other_text) in ones.iter().zip(given) {
                assert_eq!(one == other, text == other_text, "{text:?}, {other_text:?}");
            }
        }
    }

    #[test]
    fn each_text_has_its_place_in_a_list() {
        let mut texts = Texts::default();
        let ids: Vec<_> = (0..5_000)
            .map(|n| texts.add(&(n % 3_000).to_string()).unwrap())
            .collect();
        let unified = texts.unify();
        let mut places: Vec<_> = ids.iter().map(|id| unified.index(*id)).collect();
        places.sort_unstable();
        assert_eq!(places, (0..unified.len()).collect::<Vec<_>>());
        let mut ones: Vec<_> = ids.iter().map(|id| unified.one(*id)).collect();
        ones.sort_unstable();
        ones.dedup();
        assert_eq!(ones.len(), 3_000);
    }

    #[test]
    fn a_part_that_is_full_takes_no_more() {
        let last = place(PART_TEXTS_MAX) - 1;
        let id = TextId::new(255, last).unwrap();
        assert_eq!((id.part(), id.number()), (255, last));
        assert_eq!(TextId::new(0, last + 1), None);
    }
}
