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
    /// Why, and what to call such content in the gap, if something can hide inside.
    hides: Option<(Reason, &'static str)>,
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
    Unopened { name, signs, hides: Some((Reason::Unsupported, what)) }
}

/// A type of which nobody sees anything without its key.
const fn encrypted(name: &'static str, what: &'static str, signs: &'static [Sign]) -> Unopened {
    Unopened { name, signs, hides: Some((Reason::Encrypted, what)) }
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
    hides("vmdk", "vmdk disks of other versions", &[Bytes(0, b"COWD"), Binary]),
    hides("vmdk", "vmdk disks of vSphere (sesparse)", &[Bytes(0, b"\xbe\xba\xfe\xca\0\0\0\0")]),

    // Volumes. Most leave the first sectors free, in which boot code may stand.
    encrypted("luks", "luks volumes", &[Bytes(0, b"LUKS\xba\xbe\0")]),
    encrypted("bitlocker", "bitlocker volumes", &[Bytes(3, b"-FVE-FS-")]),
    encrypted("bitlocker", "bitlocker volumes", &[Bytes(424, BITLOCKER_TO_GO)]),
    hides("corestorage", "corestorage volumes", &[Bytes(8, b"\x01\0\x10\0"), Bytes(88, b"CS\x01\0\0\0")]),
    hides("lvm", "lvm volumes", &[Bytes(0, b"LABELONE"), Bytes(24, b"LVM2 001")]),
    hides("lvm", "lvm volumes", &[Bytes(512, b"LABELONE"), Bytes(536, b"LVM2 001")]),
    hides("lvm", "lvm volumes", &[Bytes(1024, b"LABELONE"), Bytes(1048, b"LVM2 001")]),
    hides("lvm", "lvm volumes", &[Bytes(1536, b"LABELONE"), Bytes(1560, b"LVM2 001")]),
    hides("raid", "volumes of linux's raid", &[Bytes(0, b"\xfc\x4e\x2b\xa9\x01\0\0\0")]),
    hides("raid", "volumes of linux's raid", &[Bytes(4096, b"\xfc\x4e\x2b\xa9\x01\0\0\0")]),
    plain("swap", &[Bytes(4086, b"SWAPSPACE2")]),

    // File systems.
    hides("apfs", "apfs volumes", &[Bytes(32, b"NXSB\0"), Binary]),
    hides("bcachefs", "bcachefs volumes",
        &[Bytes(4120, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81")]),
    hides("btrfs", "btrfs volumes", &[Bytes(0x1_0040, b"_BHRfS_M")]),
    hides("erofs", "erofs volumes", &[Bytes(1024, b"\xe2\xe1\xf5\xe0")]),
    hides("f2fs", "f2fs volumes", &[Bytes(1024, b"\x10\x20\xf5\xf2\x01\0")]),
    // Two letters alone would be no sign: the map of blocks is in block 3, and sizes are of whole sectors.
    hides("hfs", "hfs volumes", &[Bytes(1024, b"BD"), Bytes(1038, b"\0\x03"), Bytes(1047, b"\0"),
        Number(1044, 512, 1 << 24)]),
    hides("jffs2", "jffs2 volumes", &[Bytes(0, b"\x85\x19\x03\x20")]),
    hides("jffs2", "jffs2 volumes", &[Bytes(0, b"\x85\x19\x01\xe0")]),
    hides("jffs2", "jffs2 volumes", &[Bytes(0, b"\x85\x19\x02\xe0")]),
    hides("jfs", "jfs volumes", &[Bytes(0x8000, b"JFS1"), Bytes(0x8005, b"\0\0\0")]),
    hides("nilfs", "nilfs volumes", &[Bytes(1024, b"\x02\0\0\0\0\0\x34\x34")]),
    hides("refs", "refs volumes", &[Bytes(3, b"ReFS\0\0\0\0"), Bytes(16, b"FSRS")]),
    hides("reiserfs", "reiserfs volumes", &[Bytes(0x1_0034, b"ReIsErFs\0")]),
    hides("reiserfs", "reiserfs volumes", &[Bytes(0x1_0034, b"ReIsEr2Fs\0")]),
    hides("reiserfs", "reiserfs volumes", &[Bytes(0x1_0034, b"ReIsEr3Fs\0")]),
    hides("ubi", "ubi volumes", &[Bytes(0, b"UBI#\x01\0\0\0")]),
    hides("ubi", "ubi volumes", &[Bytes(0, b"\x31\x18\x10\x06"), Bytes(21, b"\0")]),
    hides("ufs", "ufs volumes", &[Bytes(0x255c, b"\x54\x19\x01\0")]),
    hides("ufs", "ufs volumes", &[Bytes(0x1_055c, b"\x19\x01\x54\x19")]),
    hides("xfs", "xfs volumes", &[Bytes(0, b"XFSB\0")]),

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

/// What encrypted removable disks have at a fixed place.
const BITLOCKER_TO_GO: &[u8] = b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01";

/// Whether a first sector, which may claim to be of a FAT volume, is of an encrypted disk.
pub(crate) fn is_bitlocker_to_go(sector: &[u8]) -> bool {
    sector.get(424..).is_some_and(|rest| rest.starts_with(BITLOCKER_TO_GO))
}

/// Whether opening content of such a type ends in a gap that says why.
pub(crate) fn says_so(file_type: FileType) -> bool {
    TABLE.iter().any(|row| row.file_type() == file_type && row.hides.is_some())
}

impl Format for Unopened {
    fn file_type(&self) -> FileType {
        FileType::new(self.name)
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        self.signs.iter().all(|sign| match *sign {
            Bytes(offset, bytes) => glimpse.deep.get(offset..).is_some_and(|rest| rest.starts_with(bytes)),
            Number(offset, least, most) => {
                u32_be(glimpse.deep, offset).is_some_and(|number| (least..=most).contains(&number))
            }
            Binary => glimpse.head.iter().take(32).any(|byte| *byte < 8),
            Told => false,
        })
    }

    fn open(&self, _content: &Content, sink: &mut dyn Sink) -> Flow {
        match self.hides {
            Some((Reason::Encrypted, what)) => {
                sink.gap(Reason::Encrypted, &format!("{what} cannot be opened without their keys"));
            }
            Some((reason, what)) => sink.gap(reason, &format!("{what} are not opened yet")),
            None => {}
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
            let mut head = vec![0_u8; crate::DEEP];
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
