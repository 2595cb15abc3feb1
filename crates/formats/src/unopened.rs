//! Types that have a name and are not opened: some because nothing is inside, some because nobody has written
//! their format yet. The latter say so with a gap, so that no report passes an unopened archive over in silence.
//!
//! The signs are those that the formats' own documents give; a collection of them is
//! <https://www.garykessler.net/library/file_sigs.html>. A format that gets its own file loses its rows here.

use candor_object::{Content, FileType, Flow, Reason, Sink};

use crate::fields::u32_be;
use crate::{Format, Glimpse};

/// A type that is not opened.
pub(crate) struct Unopened {
    name: &'static str,
    signs: &'static [Sign],
    /// What to call such content in the gap, if something can hide inside.
    hides: Option<&'static str>,
}

/// What content of a type has; all signs of a row have to be there.
enum Sign {
    /// These bytes at this offset.
    Bytes(usize, &'static [u8]),
    /// A big-endian number at this offset, within bounds.
    Number(usize, u32, u32),
    /// A byte near the start that no text has: for a magic of a few letters that could begin a text.
    Binary,
    /// Nothing: only magic of a signature file tells that content is of the type.
    Told,
}

use Sign::{Binary, Bytes, Number, Told};

/// A type in which things can hide.
const fn hides(name: &'static str, what: &'static str, signs: &'static [Sign]) -> Unopened {
    Unopened { name, signs, hides: Some(what) }
}

/// A type of which the bytes show all there is.
const fn plain(name: &'static str, signs: &'static [Sign]) -> Unopened {
    Unopened { name, signs, hides: None }
}

/// The rows, in the order in which they are asked.
#[rustfmt::skip]
pub(crate) static TABLE: &[Unopened] = &[
    // Archives.
    hides("ace", "ace archives", &[Bytes(7, b"**ACE**"), Binary]),

    // Disk images.
    hides("vmdk", "vmdk disks of ESX", &[Bytes(0, b"COWD"), Binary]),

    // Documents.
    plain("sqlite", &[Bytes(0, b"SQLite format 3\0")]),

    // Programs. Universal Mach-O files begin like Java classes, and have a smaller number next.
    plain("class", &[Bytes(0, b"\xca\xfe\xba\xbe"), Number(4, 45, u32::MAX)]),
    // The first code object stands behind a header that became longer twice.
    plain("dex", &[Bytes(0, b"dex\n0"), Bytes(7, b"\0")]),
    plain("pyc", &[Bytes(0, b"\x03\xf3\r\n"), Bytes(8, b"c")]),
    plain("pyc", &[Bytes(1, b"\x0c\r\n"), Bytes(12, b"\xe3")]),
    plain("pyc", &[Bytes(1, b"\x0d\r\n"), Bytes(12, b"\xe3")]),
    plain("pyc", &[Bytes(1, b"\x0d\r\n"), Bytes(16, b"\xe3")]),
    plain("pyc", &[Bytes(1, b"\x0e\r\n"), Bytes(16, b"\xe3")]),
    plain("wasm", &[Bytes(0, b"\0asm")]),

    // Sound and film.
    plain("riff", &[Bytes(0, b"RIFF"), Binary]),
    plain("ogg", &[Bytes(0, b"OggS\0")]),
    plain("mp3", &[Bytes(0, b"ID3"), Binary]),
    plain("flac", &[Bytes(0, b"fLaC"), Binary]),
    plain("mp4", &[Bytes(4, b"ftyp"), Bytes(0, b"\0")]),

    // Fonts. TrueType has its number of tables next, below 256 but not 0.
    plain("ttf", &[Bytes(0, b"\0\x01\0\0\0"), Number(4, 0x0001_0000, 0x00ff_ffff)]),
    plain("ttf", &[Bytes(0, b"ttcf\0")]),
    plain("otf", &[Bytes(0, b"OTTO\0")]),
    plain("woff", &[Bytes(0, b"wOFF"), Binary]),
    plain("woff", &[Bytes(0, b"wOF2"), Binary]),

    // What only a signature file's magic tells.
    hides("cryptff", "cryptff files", &[Told]),
    plain("postscript", &[Told]),
];

impl Format for Unopened {
    fn file_type(&self) -> FileType {
        FileType::new(self.name)
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        self.signs.iter().all(|sign| match *sign {
            Bytes(offset, bytes) => glimpse.has(offset, bytes),
            Number(offset, least, most) => {
                u32_be(glimpse.head, offset).is_some_and(|number| (least..=most).contains(&number))
            }
            Binary => glimpse.head.iter().take(32).any(|byte| *byte < 8),
            Told => false,
        })
    }

    fn open(&self, _content: &Content, sink: &mut dyn Sink) -> Flow {
        if let Some(what) = self.hides {
            sink.gap(Reason::Unsupported, &format!("{what} are not opened yet"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(head: &[u8]) -> Option<&'static str> {
        let glimpse = Glimpse { head, deep: head, tail: head, size: head.len() as u64 };
        TABLE.iter().find(|row| row.recognises(&glimpse)).map(|row| row.name)
    }

    #[test]
    fn every_row_can_be_recognised() {
        let told = |row: &&Unopened| row.signs.iter().any(|sign| matches!(sign, Told));
        for row in TABLE.iter().filter(|row| !told(row)) {
            let mut head = vec![0_u8; 64];
            // In reverse, so that the magic wins over a number that overlaps with it.
            for sign in row.signs.iter().rev() {
                match *sign {
                    Bytes(offset, bytes) => head[offset..offset + bytes.len()].copy_from_slice(bytes),
                    Number(offset, least, _) => {
                        head[offset..offset + 4].copy_from_slice(&least.to_be_bytes())
                    }
                    Binary | Told => {}
                }
            }
            assert_eq!(named(&head), Some(row.name));
        }
    }

    #[test]
    fn letters_alone_are_no_sign() {
        for text in ["ID3 tags are", "RIFF RAFF", "BMW drivers say hello", "wOFF we go"] {
            assert_eq!(named(text.as_bytes()), None, "{text}");
        }
        assert_eq!(named(b"\xca\xfe\xba\xbe\0\0\0\x34\0\0"), Some("class"));
        assert_eq!(named(b"\xca\xfe\xba\xbe\0\0\0\x02\0\0"), None);
        assert_eq!(named(b"\xca\xfe\xba\xbe"), None);
    }
}
