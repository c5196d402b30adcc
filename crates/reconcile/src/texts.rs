//! Texts of rows, one behind the other, and which of them are equal.

use std::hash::BuildHasher;
use std::num::NonZeroU32;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

/// A text of a [`Texts`], counted from 1, so that none takes no more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextId(NonZeroU32);

/// All texts that were added, equal ones too: their bytes, and where each ends.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Takes a text. Nothing where there are too many, or too many bytes of them.
    pub(crate) fn add(&mut self, text: &str) -> Option<TextId> {
        let end = self.bytes.len().checked_add(text.len())?;
        let number = u32::try_from(self.ends.len()).ok()?.checked_add(1)?;
        self.ends.push(u32::try_from(end).ok()?);
        self.bytes.push_str(text);
        NonZeroU32::new(number).map(TextId)
    }

    pub(crate) fn get(&self, id: TextId) -> &str {
        let number = place(id.0.get());
        let end = |number: usize| self.ends.get(number.checked_sub(1)?).copied().map(place);
        // INVARIANT: ids are given out by `add` alone, so each has its end.
        let range = end(number.saturating_sub(1)).unwrap_or(0)..end(number).unwrap_or(0);
        self.bytes.get(range).unwrap_or_default()
    }
}

/// Gives equal texts one number, from 0 on, in the order in which they are first seen.
pub(crate) struct Numbers<'a> {
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    texts: Vec<&'a str>,
}

impl<'a> Numbers<'a> {
    pub(crate) fn with_capacity(texts: usize) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            table: HashTable::with_capacity(texts),
            texts: Vec::with_capacity(texts),
        }
    }

    pub(crate) fn number(&mut self, text: &'a str) -> u32 {
        let known = |number: &u32| self.texts.get(place(*number)).copied();
        let entry = self.table.entry(
            self.hasher.hash_one(text),
            |number| known(number) == Some(text),
            |number| self.hasher.hash_one(known(number).unwrap_or_default()),
        );
        match entry {
            Entry::Occupied(number) => *number.get(),
            Entry::Vacant(free) => {
                // INVARIANT: the texts are those of rows, and no part has more than 2^31 of them.
                let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
                free.insert(number);
                self.texts.push(text);
                number
            }
        }
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_kept_as_it_came() {
        let mut texts = Texts::default();
        let given = ["a", "", "bc", "a", "", "日本", "abc"];
        let ids = given.map(|text| texts.add(text).unwrap());
        assert_eq!(ids.map(|id| texts.get(id)), given);
    }

    #[test]
    fn equal_texts_have_one_number() {
        let texts: Vec<String> = (0..5_000).map(|n| (n % 3_000).to_string()).collect();
        let mut numbers = Numbers::with_capacity(0);
        let given: Vec<u32> = texts.iter().map(|text| numbers.number(text)).collect();
        let wanted: Vec<u32> = (0..5_000).map(|n| n % 3_000).collect();
        assert_eq!(given, wanted);
    }
}
