//! Makes hostile text fit for a terminal: nothing that moves the cursor, hides or reorders text goes through.

use std::fmt::{self, Write};

/// Text that is displayed with every dangerous character written as an escape such as `\x1b` or `\u{202e}`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                _ if !is_dangerous(character) => f.write_char(character)?,
                _ if u32::from(character) < 0x100 => write!(f, "\\x{:02x}", u32::from(character))?,
                _ => write!(f, "\\u{{{:x}}}", u32::from(character))?,
            }
        }
        Ok(())
    }
}

/// A name without characters that would end a line, that a terminal obeys, or that reorder or hide text: each is
/// [`Escaped`]. Bytes that are no UTF-8 stay, so that a script can still tell which file is meant.
pub fn harmless(name: &[u8]) -> Vec<u8> {
    let chunks = name.utf8_chunks();
    chunks
        .flat_map(|chunk| [Escaped(chunk.valid()).to_string().as_bytes(), chunk.invalid()].concat())
        .collect()
}

/// Whether a character controls a terminal, reorders text, or cannot be seen.
pub fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Zero-width characters and direction marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators; embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators; isolates of direction; deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            // Fillers that look like nothing.
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
            // Byte order mark, interlinear annotations.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags, which spell invisible text.
            | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dangerous_is_left() {
        let hostile = "a\x1b[2Jb\u{9b}31mc\u{202e}exe.txt\u{2066}\r\n\t\x07\u{200b}\x7f\u{e0041}é>";
        let shown = Escaped(hostile).to_string();
        assert!(!shown.chars().any(is_dangerous), "{shown:?}");
        assert_eq!(
            shown,
            "a\\x1b[2Jb\\x9b31mc\\u{202e}exe.txt\\u{2066}\\r\\n\\t\\x07\\u{200b}\\x7f\\u{e0041}é>"
        );
    }

    #[test]
    fn a_name_can_neither_end_a_line_nor_move_the_cursor() {
        assert_eq!(harmless(b"/tmp/a b\xff"), b"/tmp/a b\xff");
        assert_eq!(harmless(b"x: OK\n\xff\x1b[2J"), b"x: OK\\n\xff\\x1b[2J");
    }

    #[test]
    fn a_name_ends_no_line() {
        assert_eq!(harmless(b"/tmp/a b\xff"), b"/tmp/a b\xff");
        assert_eq!(harmless(b"x: OK\n\0\x1b[2J"), b"x: OK\\n\\x00\\x1b[2J");
    }

    #[test]
    fn a_name_neither_moves_the_cursor_nor_reorders_text() {
        assert_eq!(harmless("é\u{9b}2J\u{202e}fdp.exe".as_bytes()), "é\\x9b2J\\u{202e}fdp.exe".as_bytes());
        // Bytes around what is no UTF-8 are looked at as well.
        assert_eq!(harmless(b"\xff\xc2\x9b\xe2\x80\r"), b"\xff\\x9b\xe2\x80\\r");
    }
}
