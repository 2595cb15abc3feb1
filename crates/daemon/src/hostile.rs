//! Every parser of what clients send, for fuzz targets: bytes in, nothing out, and no panic.

use crate::clamd_config;
use crate::frontends::hostile::{commands, conversation, form, requests};

/// Bytes in front of those for a parser.
const CHOICE: usize = 2;

/// Gives bytes to the parser that the first of them chooses.
pub fn read(bytes: &[u8]) {
    let Some((&[parser, piece], bytes)) = bytes.split_first_chunk::<CHOICE>() else { return };
    match parser {
        b'c' => commands(bytes),
        b'f' => form(bytes, usize::from(piece)),
        b'i' => requests(bytes),
        b'm' => conversation(bytes),
        _ => {
            let _ = clamd_config::read(&String::from_utf8_lossy(bytes)).keys();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// A conversation with each front-end; fuzz targets begin with these, too.
    #[test]
    fn conversations_that_are_cut_anywhere_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
        let files: Vec<_> = fs::read_dir(folder).unwrap().collect();
        assert!(files.len() >= 5);
        for file in files {
            let conversation = fs::read(file.unwrap().path()).unwrap();
            (0..=conversation.len()).for_each(|end| read(&conversation[..end]));
        }
    }
}
