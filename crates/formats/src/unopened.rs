//! Types that have a name and are not opened: some because nothing is inside, some because nobody has written
//! their format yet. The latter say so with a gap, so that no report passes an unopened archive over in silence.
//!
//! The signs are those that the formats' own documents give; a collection of them is
//! <https://www.garykessler.net/library/file_sigs.html>. A format that gets its own file loses its rows here.

use std::time::Instant;

use candor_object::{Content, FileType, Flow, Reason, Sink, Undecoded};

use crate::fields::u32_be;
use crate::{Format, Glimpse, picture};

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
    hides("7z", "7z archives", &[Bytes(0, b"7z\xbc\xaf\x27\x1c")]),
    hides("rar", "rar archives", &[Bytes(0, b"Rar!\x1a\x07")]),
    hides("rar", "rar archives", &[Bytes(0, b"RE~^"), Binary]),
    hides("cab", "cabinets", &[Bytes(0, b"MSCF\0\0\0\0")]),
    hides("installshield-cab", "installshield cabinets", &[Bytes(0, b"ISc("), Binary]),
    // The eleventh byte is 2 for the header of the whole archive.
    hides("arj", "arj archives", &[Bytes(0, b"\x60\xea"), Bytes(10, b"\x02")]),
    hides("lha", "lha archives", &[Bytes(2, b"-lh"), Bytes(6, b"-"), Binary]),
    hides("lha", "lha archives", &[Bytes(2, b"-lz"), Bytes(6, b"-"), Binary]),
    hides("lha", "lha archives", &[Bytes(2, b"-pm"), Bytes(6, b"-"), Binary]),
    hides("ace", "ace archives", &[Bytes(7, b"**ACE**"), Binary]),
    hides("xar", "xar archives", &[Bytes(0, b"xar!"), Binary]),
    hides("rpm", "rpm packages", &[Bytes(0, b"\xed\xab\xee\xdb")]),
    hides("wim", "wim images", &[Bytes(0, b"MSWIM\0\0\0")]),
    hides("egg", "egg archives", &[Bytes(0, b"EGGA"), Binary]),
    hides("alz", "alz archives", &[Bytes(0, b"ALZ\x01")]),

    // Compressed streams.
    hides("lzip", "lzip streams", &[Bytes(0, b"LZIP\x01")]),
    hides("compress", "compress (.Z) streams", &[Bytes(0, b"\x1f\x9d")]),
    hides("szdd", "szdd files", &[Bytes(0, b"SZDD\x88\xf0\x27\x33")]),
    hides("szdd", "szdd files", &[Bytes(0, b"SZ \x88\xf0\x27\x33\xd1")]),
    hides("kwaj", "kwaj files", &[Bytes(0, b"KWAJ\x88\xf0\x27\xd1")]),

    // Disk images.
    hides("squashfs", "squashfs images", &[Bytes(0, b"hsqs"), Binary]),
    hides("squashfs", "squashfs images", &[Bytes(0, b"sqsh"), Binary]),
    hides("qcow2", "qcow2 disks", &[Bytes(0, b"QFI\xfb")]),
    hides("vmdk", "vmdk disks", &[Bytes(0, b"KDMV"), Binary]),
    hides("vmdk", "vmdk disks", &[Bytes(0, b"COWD"), Binary]),
    hides("vhdx", "vhdx disks", &[Bytes(0, b"vhdxfile"), Binary]),
    // A disk of fixed size has this only in its last 512 bytes.
    hides("vhd", "vhd disks", &[Bytes(0, b"conectix"), Binary]),

    // Documents.
    hides("pdf", "pdf documents", &[Bytes(0, b"%PDF-")]),
    hides("chm", "chm help files", &[Bytes(0, b"ITSF"), Binary]),
    hides("onenote", "onenote sections",
        &[Bytes(0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3")]),
    hides("tnef", "tnef attachments", &[Bytes(0, b"\x78\x9f\x3e\x22")]),
    hides("swf", "packed flash files", &[Bytes(0, b"CWS"), Binary]),
    hides("swf", "packed flash files", &[Bytes(0, b"ZWS"), Binary]),
    plain("swf", &[Bytes(0, b"FWS"), Binary]),
    hides("rtf", "rtf documents", &[Bytes(0, b"{\\rt")]),
    plain("lnk", &[Bytes(0, b"\x4c\0\0\0\x01\x14\x02\0")]),
    plain("sqlite", &[Bytes(0, b"SQLite format 3\0")]),

    // Programs. Universal Mach-O files begin like Java classes, and have a smaller number next.
    plain("class", &[Bytes(0, b"\xca\xfe\xba\xbe"), Number(4, 45, u32::MAX)]),
    plain("wasm", &[Bytes(0, b"\0asm")]),

    // Pictures.
    plain("png", &[Bytes(0, b"\x89PNG\r\n\x1a\n")]),
    plain("jpeg", &[Bytes(0, b"\xff\xd8\xff")]),
    plain("gif", &[Bytes(0, b"GIF87a"), Binary]),
    plain("gif", &[Bytes(0, b"GIF89a"), Binary]),
    // Four bytes are reserved and 0; the header that follows is smaller than 64 KiB.
    plain("bmp", &[Bytes(0, b"BM"), Bytes(6, &[0; 4]), Bytes(16, &[0; 2])]),
    plain("tiff", &[Bytes(0, b"II\x2a\0")]),
    plain("tiff", &[Bytes(0, b"MM\0\x2a")]),
    plain("tiff", &[Bytes(0, b"II\x2b\0\x08\0\0\0")]),
    plain("tiff", &[Bytes(0, b"MM\0\x2b\0\x08\0\0")]),
    plain("webp", &[Bytes(0, b"RIFF"), Bytes(8, b"WEBP")]),
    // Fewer than 256 icons, and the reserved byte of the first.
    plain("ico", &[Bytes(0, b"\0\0\x01\0"), Number(4, 0x0100_0000, u32::MAX), Bytes(5, b"\0"), Bytes(9, b"\0")]),

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
    hides("iso9660", "iso 9660 images", &[Told]),
    hides("udf", "udf images", &[Told]),
    hides("dmg", "dmg images", &[Told]),
    hides("mbr", "disk images", &[Told]),
    hides("gpt", "disk images", &[Told]),
    hides("apm", "disk images", &[Told]),
    hides("binhex", "binhex files", &[Told]),
    hides("sis", "sis packages", &[Told]),
    hides("nsis", "nsis installers", &[Told]),
    hides("autoit", "autoit programs", &[Told]),
    hides("installshield-msi", "installshield installers", &[Told]),
    hides("hwp3", "hwp documents", &[Told]),
    hides("cryptff", "cryptff files", &[Told]),
    plain("postscript", &[Told]),
    plain("pyc", &[Told]),
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

    fn perceptual_hash(&self, content: &Content, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        picture::perceptual_hash(content, self.name, deadline)
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
        let glimpse = Glimpse { head, tail: head, size: head.len() as u64 };
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
        for text in
            ["CWS is short", "FWS too", "ID3 tags are", "RIFF RAFF", "BMW drivers say hello", "wOFF we go"]
        {
            assert_eq!(named(text.as_bytes()), None, "{text}");
        }
        assert_eq!(named(b"\xca\xfe\xba\xbe\0\0\0\x34\0\0"), Some("class"));
        assert_eq!(named(b"\xca\xfe\xba\xbe\0\0\0\x02\0\0"), None);
        assert_eq!(named(b"\xca\xfe\xba\xbe"), None);
    }
}
