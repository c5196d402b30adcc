//! Texts of somebody else, between tags.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

use crate::render::cell::{Count, clipped};

/// Longer texts are cut, so that a file of odd references still opens.
const CHARACTERS_MAX: usize = 200;

/// A text that can't become markup, and can't change how what is around it reads: what is invisible
/// is written out.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, all) = clipped(self.0, CHARACTERS_MAX);
        for character in shown.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ if is_invisible(character) => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                _ => f.write_char(character)?,
            }
        }
        match all {
            None => Ok(()),
            Some(all) => write!(f, "… ({} characters)", Count(all)),
        }
    }
}

/// What changes the direction of reading, and other characters that nobody sees.
const UNSEEN: [RangeInclusive<char>; 12] = [
    '\u{ad}'..='\u{ad}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fdd0}'..='\u{fdef}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{e0000}'..='\u{e0fff}',
];

fn is_invisible(character: char) -> bool {
    // The last two of each plane are no characters, and HTML forbids them.
    character.is_control()
        || u32::from(character) & 0xfffe == 0xfffe
        || UNSEEN.iter().any(|range| range.contains(&character))
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn nothing_becomes_markup_and_nothing_is_invisible() {
        for (text, shown) in [
            ("Dos días 二日", "Dos días 二日"),
            (
                "<script>\"a\" & 'b'</script>",
                "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;",
            ),
            (
                "a\0\r\nb\u{202e}c\u{200b}\u{ffff}\u{e0041}\u{3164}",
                "a\\u{0}\\u{d}\\u{a}b\\u{202e}c\\u{200b}\\u{ffff}\\u{e0041}\\u{3164}",
            ),
        ] {
            assert_eq!(Text(text).to_string(), shown);
        }
        let long = Text(&"x".repeat(10_000)).to_string();
        assert_eq!(long, "x".repeat(200) + "… (10,000 characters)");
    }
}
