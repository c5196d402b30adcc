//! Text that can't do anything to a terminal.

use std::fmt::Write as _;

/// The text with control characters, and those that change the direction of reading, written out.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if acts_on_a_terminal(character) {
            // Writing to a string can't fail.
            let _always_fits = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

fn acts_on_a_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn escapes_are_written_out_and_text_stays() {
        assert_eq!(visible("Dos días 二日"), "Dos días 二日");
        assert_eq!(
            visible("\u{1b}[2J\nx\u{202e}y"),
            r"\u{1b}[2J\u{a}x\u{202e}y"
        );
    }
}
