//! The encodings in which statements come.
//!
//! They are few, and a library for all that the web knows brings tables of Chinese, Japanese and
//! Korean that would be more than half of what a browser loads.

use std::char;

/// How text is written in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    /// Windows-1252, which is Latin-1 with more characters.
    Windows1252,
    /// Latin-9, which is Latin-1 with the euro sign and seven letters in place of others.
    Latin9,
}

/// What windows-1252 has at 0x80 to 0x9f, as [WHATWG](https://encoding.spec.whatwg.org/) has it; 0
/// where it has nothing.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc,
    0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

/// Where Latin-9 differs from Latin-1 (ISO 8859-15).
const LATIN_9: [(u8, char); 8] = [
    (0xa4, '€'),
    (0xa6, 'Š'),
    (0xa8, 'š'),
    (0xb4, 'Ž'),
    (0xb8, 'ž'),
    (0xbc, 'Œ'),
    (0xbd, 'œ'),
    (0xbe, 'Ÿ'),
];

impl Encoding {
    /// The encoding that a mark of byte order tells, and how long the mark is.
    pub(crate) fn of_mark(head: &[u8]) -> Option<(Self, usize)> {
        match head {
            [0xef, 0xbb, 0xbf, ..] => Some((Self::Utf8, 3)),
            [0xff, 0xfe, ..] => Some((Self::Utf16Le, 2)),
            [0xfe, 0xff, ..] => Some((Self::Utf16Be, 2)),
            _ => None,
        }
    }

    /// The encoding that an XML declaration names.
    pub(crate) fn of_label(label: &str) -> Option<Self> {
        match label.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Some(Self::Utf8),
            "utf-16" | "utf-16le" => Some(Self::Utf16Le),
            "utf-16be" => Some(Self::Utf16Be),
            "iso-8859-1" | "iso8859-1" | "latin1" | "windows-1252" | "cp1252" => {
                Some(Self::Windows1252)
            }
            "iso-8859-15" | "iso8859-15" | "latin-9" | "latin9" => Some(Self::Latin9),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Windows1252 => "windows-1252",
            Self::Latin9 => "ISO 8859-15",
        }
    }

    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Self::Utf16Le | Self::Utf16Be)
    }

    /// The next character and how many bytes it takes; `Err` with the bytes where they are none.
    /// `None` where more bytes are needed to tell.
    pub(crate) fn next(self, bytes: &[u8]) -> Option<(Result<char, Invalid>, usize)> {
        match self {
            // It is never decoded: it is passed on as it is.
            Self::Utf8 => bytes.first().map(|byte| (Ok(char::from(*byte)), 1)),
            Self::Windows1252 => bytes.first().map(|byte| (windows_1252(*byte), 1)),
            Self::Latin9 => bytes.first().map(|byte| (Ok(latin_9(*byte)), 1)),
            Self::Utf16Le => utf_16(bytes, u16::from_le_bytes),
            Self::Utf16Be => utf_16(bytes, u16::from_be_bytes),
        }
    }
}

/// Bytes that stand for no character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

fn windows_1252(byte: u8) -> Result<char, Invalid> {
    let special = byte.checked_sub(0x80).map(usize::from);
    match special.and_then(|at| WINDOWS_1252.get(at)) {
        None => Ok(char::from(byte)),
        Some(0) => Err(Invalid),
        Some(unit) => char::from_u32(u32::from(*unit)).ok_or(Invalid),
    }
}

fn latin_9(byte: u8) -> char {
    let special = LATIN_9.iter().find(|(known, _)| *known == byte);
    special.map_or(char::from(byte), |(_, character)| *character)
}

fn utf_16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Option<(Result<char, Invalid>, usize)> {
    let [one, other, rest @ ..] = bytes else {
        return None;
    };
    let first = read([*one, *other]);
    let second = match (first, rest) {
        (0xd800..=0xdbff, [one, other, ..]) => Some(read([*one, *other])),
        (0xd800..=0xdbff, _) => return None,
        _ => None,
    };
    let decoded = char::decode_utf16([Some(first), second].into_iter().flatten()).next()?;
    Some(match decoded {
        Ok(character) => (Ok(character), character.len_utf16().saturating_mul(2)),
        Err(_) => (Err(Invalid), 2),
    })
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Invalid};

    #[test]
    fn single_bytes_are_what_the_standards_say() {
        let all = |encoding: Encoding, bytes: &[u8]| -> Vec<_> {
            bytes
                .iter()
                .map(|byte| encoding.next(&[*byte]).unwrap().0)
                .collect()
        };
        let found = all(Encoding::Windows1252, b"a\x80\x81\x9f\xa4\xff");
        assert_eq!(
            found,
            [Ok('a'), Ok('€'), Err(Invalid), Ok('Ÿ'), Ok('¤'), Ok('ÿ')]
        );
        let found = all(Encoding::Latin9, b"a\xa4\xa5\xbe\xff");
        assert_eq!(found, [Ok('a'), Ok('€'), Ok('¥'), Ok('Ÿ'), Ok('ÿ')]);
    }

    #[test]
    fn half_a_character_needs_more() {
        assert_eq!(Encoding::Utf16Le.next(b"a"), None);
        assert_eq!(Encoding::Utf16Le.next(&[0x3d, 0xd8]), None);
        assert_eq!(
            Encoding::Utf16Le.next(&[0x3d, 0xd8, 0x00, 0xde]),
            Some((Ok('😀'), 4))
        );
        assert_eq!(
            Encoding::Utf16Be.next(&[0xd8, 0x3d, 0x00, 0x61]),
            Some((Err(Invalid), 2))
        );
    }
}
