//! Small valid files of six kinds, made byte by byte, with room for what is planted; and plain text beside them.

/// What fills the room: neither letters nor digits, and no boundaries of words. No text has the one, and text may have the
/// other.
const FILLER: u8 = 0;
const TEXT_FILLER: u8 = b'~';
/// Bytes of room in a carrier, and where what is planted begins in it.
const ROOM: usize = 1024;
const BODY: usize = 128;
/// Bytes behind everything, for what is counted from the end.
const TAIL: usize = 64;

/// What a carrier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Pe,
    Elf,
    Ole2,
    Pdf,
    Html,
    Text,
}

use Kind::{Elf, Html, Ole2, Pdf, Pe, Raw, Text};

/// The six.
pub(crate) const ALL: &[Kind] = &[Raw, Pe, Elf, Ole2, Pdf, Html];
/// Those in which any byte may stand: a page with zeros or controls would be taken for something else.
pub(crate) const BINARY: &[Kind] = &[Raw, Pe, Elf, Ole2, Pdf];
/// Those that are seen as they are only: the forms of a page have other letters, places and lengths.
pub(crate) const NOT_FOLDED: &[Kind] = BINARY;
/// Those with nothing inside that would be an object of its own.
pub(crate) const FLAT: &[Kind] = &[Raw, Pe, Elf];
/// Those with an entry point and sections.
pub(crate) const EXECUTABLE: &[Kind] = &[Pe, Elf];

/// A place in a carrier.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// In the room, so many bytes on.
    Body(usize),
    /// The beginning of the file.
    Start,
    /// So many bytes before the end.
    End(usize),
    /// Beside the entry point.
    Entry(isize),
    /// In the first section with code.
    Code(usize),
    /// In the last section.
    Data(usize),
    /// The header's field with the number of sections, and the one with the entry point's address.
    SectionCount,
    EntryAddress,
    /// The name of the imported function, and the first key of the version information.
    Import,
    Version,
}

/// A file with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    body: usize,
    entry: usize,
    code: usize,
    data: usize,
}

impl Kind {
    /// What Candor calls it.
    pub(crate) fn file_type(self) -> &'static str {
        match self {
            Raw => "data",
            Pe => "pe",
            Elf => "elf",
            Ole2 => "ole2",
            Pdf => "pdf",
            Html => "html",
            Text => "text",
        }
    }

    /// ClamAV's number for it.
    fn target(self) -> usize {
        match self {
            Raw => 0,
            Pe => 1,
            Ole2 => 2,
            Html => 3,
            Elf => 6,
            Text => 7,
            Pdf => 10,
        }
    }

    pub(crate) fn carrier(self) -> Carrier {
        match self {
            Raw => plain(self, &raw_head(), b""),
            Pe => pe(),
            Elf => elf(),
            Ole2 => ole2(),
            Pdf => pdf(),
            Html => plain(self, b"<!DOCTYPE html>\n<html><head></head>\n<body><p>", b"</p></body></html>\n"),
            Text => plain(self, b"This is a letter that says nothing.\n", b"\nIt ends here.\n"),
        }
    }
}

impl Carrier {
    /// The offset of a place, where there is one.
    fn offset(&self, slot: Slot) -> Option<usize> {
        let executable = |offset: usize| EXECUTABLE.contains(&self.kind).then_some(offset);
        let portable = |offset: usize| (self.kind == Pe).then_some(offset);
        match slot {
            Slot::Body(more) => Some(self.body + more),
            Slot::Start => Some(0),
            Slot::End(back) => Some(self.bytes.len() - back),
            Slot::Entry(more) => executable(self.entry.checked_add_signed(more).unwrap()),
            Slot::Code(more) => executable(self.code + more),
            Slot::Data(more) => executable(self.data + more),
            Slot::SectionCount => executable(if self.kind == Pe { PE_AT + 6 } else { 48 }),
            Slot::EntryAddress => executable(if self.kind == Pe { PE_AT + 24 + 16 } else { 24 }),
            Slot::Import => portable(IMPORTS + IMPORT_NAME + 2),
            Slot::Version => portable(RESOURCES + VERSION_KEY),
        }
    }

    /// Puts bytes into a place.
    pub(crate) fn plant(&mut self, slot: Slot, bytes: &[u8]) {
        let kind = self.kind;
        let offset = self.offset(slot).unwrap_or_else(|| panic!("{kind:?} has no {slot:?}"));
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// What a word between angle brackets means in a signature.
    pub(crate) fn number(&self, word: &str) -> Option<usize> {
        Some(match word {
            "body" => self.body,
            "size" => self.bytes.len(),
            "target" => self.kind.target(),
            "entry" => self.entry,
            "sections" => 4,
            "code" => {
                if self.kind == Pe {
                    0
                } else {
                    2
                }
            }
            "data" => 3,
            _ => return None,
        })
    }

    /// The bytes of the last section.
    pub(crate) fn last_section(&self) -> &[u8] {
        &self.bytes[self.data..]
    }
}

/// A file whose room has nothing around but these bytes.
fn plain(kind: Kind, before: &[u8], behind: &[u8]) -> Carrier {
    let filler = if kind == Raw { FILLER } else { TEXT_FILLER };
    let bytes = [before, &[filler; ROOM], behind, &[filler; TAIL]].concat();
    Carrier { kind, bytes, body: before.len() + BODY, entry: 0, code: 0, data: 0 }
}

/// Bytes that begin nothing, and are no text in any encoding.
fn raw_head() -> Vec<u8> {
    (0..64_u8).map(|number| number.wrapping_mul(37) ^ 0x85).collect()
}

fn put16(bytes: &mut [u8], offset: usize, value: u16) {
    bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut [u8], offset: usize, value: usize) {
    bytes[offset..offset + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
}

const PE_AT: usize = 0x80;
/// File offsets of the sections: code, imports, resources, data.
const CODE: usize = 0x400;
const IMPORTS: usize = 0x800;
const RESOURCES: usize = 0xa00;
const DATA: usize = 0xe00;
const PE_SIZE: usize = 0x1600;
const IMPORT_NAME: usize = 0x80;
const VERSION: usize = 0x60;
/// The key of the first pair lies behind the heads of the four blocks around it.
const VERSION_KEY: usize = VERSION + 0x98 + 6;

/// A program for Windows: four sections, an imported function, version information.
fn pe() -> Carrier {
    let mut bytes = vec![0; CODE];
    bytes[..2].copy_from_slice(b"MZ");
    put32(&mut bytes, 60, PE_AT);
    let header = &mut bytes[PE_AT..];
    header[..4].copy_from_slice(b"PE\0\0");
    for (offset, value) in [(4, 0x14c), (6, 4), (20, 224), (22, 0x102), (24, 0x10b)] {
        put16(header, offset, value);
    }
    let optional = &mut header[24..];
    for (offset, value) in [
        (16, 0x1040), // entry point
        (20, 0x1000), // base of code
        (24, 0x4000), // base of data
        (28, 0x40_0000),
        (32, 0x1000), // alignment of sections, in memory and in the file
        (36, 0x200),
        (56, 0x5000), // size of the image, and of the headers
        (60, CODE),
        (72, 1 << 20),
        (76, 4096),
        (80, 1 << 20),
        (84, 4096),
        (92, 16), // directories: the second is that of imports, the third that of resources
        (104, 0x2000),
        (108, 40),
        (112, 0x3000),
        (116, 0x300),
    ] {
        put32(optional, offset, value);
    }
    put16(optional, 40, 4);
    put16(optional, 48, 4);
    put16(optional, 68, 2);
    let ends = [IMPORTS, RESOURCES, DATA, PE_SIZE];
    let starts = [CODE, IMPORTS, RESOURCES, DATA];
    for (number, name) in [".text", ".rdata", ".rsrc", ".data"].into_iter().enumerate() {
        let row = &mut optional[224 + 40 * number..];
        row[..name.len()].copy_from_slice(name.as_bytes());
        let size = ends[number] - starts[number];
        for (offset, value) in
            [(8, size), (12, 0x1000 * (number + 1)), (16, size), (20, starts[number]), (36, 0xe000_0020)]
        {
            put32(row, offset, value);
        }
    }
    bytes.resize(IMPORTS, 0x90);
    bytes.extend(import_table());
    bytes.resize(RESOURCES, 0);
    bytes.extend(resources());
    bytes.resize(DATA, 0);
    bytes.resize(PE_SIZE, FILLER);
    Carrier { kind: Pe, bytes, body: DATA + BODY, entry: CODE + 0x40, code: CODE, data: DATA }
}

/// `ExitProcess` of `KERNEL32.dll`, at address 0x2000.
fn import_table() -> Vec<u8> {
    let mut table = vec![0; 0x100];
    for (offset, value) in [(0, 0x2040), (12, 0x2060), (16, 0x2050), (0x40, 0x2080), (0x50, 0x2080)] {
        put32(&mut table, offset, value);
    }
    table[0x60..0x6c].copy_from_slice(b"KERNEL32.dll");
    table[IMPORT_NAME + 2..IMPORT_NAME + 13].copy_from_slice(b"ExitProcess");
    table
}

/// A tree with version information at its only leaf, at address 0x3000.
fn resources() -> Vec<u8> {
    let mut tree = vec![0; VERSION];
    // Three levels: type 16, number 1, language 0x409.
    for (level, (number, to)) in
        [(16, 1 << 31 | 0x18), (1, 1 << 31 | 0x30), (0x409, 0x48)].into_iter().enumerate()
    {
        put16(&mut tree, 0x18 * level + 14, 1);
        put32(&mut tree, 0x18 * level + 16, number);
        put32(&mut tree, 0x18 * level + 20, to);
    }
    let pair = block("CompanyName", &utf16("Acme"), 5, &[]);
    let table = block("040904b0", &[], 0, &pair);
    let info = block("StringFileInfo", &[], 0, &table);
    let mut fixed = vec![0; 52];
    put32(&mut fixed, 0, 0xfeef_04bd);
    put32(&mut fixed, 4, 0x1_0000);
    let version = block("VS_VERSION_INFO", &fixed, 52, &info);
    put32(&mut tree, 0x48, 0x3000 + VERSION);
    put32(&mut tree, 0x4c, version.len());
    tree.extend(version);
    tree
}

/// The program with the content of its room as its only icon, instead of version information.
pub(crate) fn with_icon(mut bytes: Vec<u8>) -> Vec<u8> {
    const LEAVES: usize = 0x80;
    const GROUP: usize = 0xa0;
    /// Pixels on each side; bytes of one with two colours, and its mask.
    const SIDE: usize = 16;
    const SIZE: usize = 176;
    let mut tree = vec![0; DATA - RESOURCES];
    put16(&mut tree, 14, 2);
    // Types 3 and 14 at the root; below each number 1, language 0x409 and a leaf.
    for (kind, (number, at)) in [(3, 0x20), (14, 0x50)].into_iter().enumerate() {
        put32(&mut tree, 16 + 8 * kind, number);
        put32(&mut tree, 20 + 8 * kind, 1 << 31 | at);
        let leaf = LEAVES + 16 * kind;
        for (at, number, to) in [(at, 1, 1 << 31 | (at + 0x18)), (at + 0x18, 0x409, leaf)] {
            put16(&mut tree, at + 14, 1);
            put32(&mut tree, at + 16, number);
            put32(&mut tree, at + 20, to);
        }
    }
    for (offset, value) in [(0, 0x4000 + BODY), (4, SIZE), (16, 0x3000 + GROUP), (20, 20)] {
        put32(&mut tree, LEAVES + offset, value);
    }
    tree[GROUP + 6..GROUP + 9].copy_from_slice(&[SIDE as u8, SIDE as u8, 2]);
    for (offset, value) in [(2, 1), (4, 1), (10, 1), (12, 1), (14, SIZE as u16), (18, 1)] {
        put16(&mut tree, GROUP + offset, value);
    }
    bytes[RESOURCES..DATA].copy_from_slice(&tree);
    // The mask: no pixel is transparent.
    bytes[DATA + BODY + SIZE - 64..DATA + BODY + SIZE].fill(0);
    bytes
}

/// A program [`with_icon`], whose group names that icon so many times.
pub(crate) fn with_icons(bytes: Vec<u8>, count: u16) -> Vec<u8> {
    const LEAF: usize = RESOURCES + 0x90;
    const OLD: usize = RESOURCES + 0xa0;
    const GROUP: usize = 384;
    let mut bytes = with_icon(bytes);
    let entry = bytes[OLD + 6..OLD + 20].to_vec();
    let group = [vec![0, 0, 1, 0], count.to_le_bytes().to_vec(), entry.repeat(count.into())].concat();
    put32(&mut bytes, LEAF, 0x4000 + GROUP);
    put32(&mut bytes, LEAF + 4, group.len());
    bytes[DATA + GROUP..][..group.len()].copy_from_slice(&group);
    bytes
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn block(key: &str, value: &[u8], length: u16, inside: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 6];
    put16(&mut bytes, 2, length);
    put16(&mut bytes, 4, u16::from(value.len() != 52));
    bytes.extend(utf16(key));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(inside);
    let whole = u16::try_from(bytes.len()).unwrap();
    put16(&mut bytes, 0, whole);
    bytes
}

/// A program for Linux: one segment, and four sections of which the first is the unused one.
fn elf() -> Carrier {
    const NAMES: &[u8] = b"\0.shstrtab\0.text\0.data\0";
    const SIZE: usize = 0xc00;
    let mut bytes = vec![0; 0x200];
    bytes[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    for (offset, value) in [(16, 2), (18, 3), (40, 52), (42, 32), (44, 1), (46, 40), (48, 4), (50, 1)] {
        put16(&mut bytes, offset, value);
    }
    for (offset, value) in [(20, 1), (24, 0x804_8240), (28, 52), (32, 0x80)] {
        put32(&mut bytes, offset, value);
    }
    for (number, value) in [1, 0, 0x804_8000, 0x804_8000, SIZE, SIZE, 7, 0x1000].into_iter().enumerate() {
        put32(&mut bytes, 52 + 4 * number, value);
    }
    let rows = [
        [1, 3, 0, 0, 0x140, NAMES.len()],
        [11, 1, 6, 0x804_8200, 0x200, 0x200],
        [17, 1, 3, 0x804_8400, 0x400, SIZE - 0x400],
    ];
    for (number, row) in rows.into_iter().enumerate() {
        for (field, value) in row.into_iter().enumerate() {
            put32(&mut bytes, 0x80 + 40 * (number + 1) + 4 * field, value);
        }
    }
    bytes[0x140..0x140 + NAMES.len()].copy_from_slice(NAMES);
    bytes.resize(0x400, 0x90);
    bytes.resize(SIZE, FILLER);
    Carrier { kind: Elf, bytes, body: 0x400 + BODY, entry: 0x240, code: 0x200, data: 0x400 }
}

/// A compound file with one stream of eight sectors.
fn ole2() -> Carrier {
    const END: usize = 0xffff_fffe;
    const NONE: usize = 0xffff_ffff;
    let mut bytes = vec![0xff; 1024];
    bytes[..76].fill(0);
    bytes[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    for (offset, value) in [(24, 0x3e), (26, 3), (28, 0xfffe), (30, 9), (32, 6)] {
        put16(&mut bytes, offset, value);
    }
    for (offset, value) in [(44, 1), (48, 1), (56, 4096), (60, END), (68, END), (76, 0)] {
        put32(&mut bytes, offset, value);
    }
    // The table of sectors: itself, the folder, the stream.
    for (sector, next) in [0xffff_fffd, END, 3, 4, 5, 6, 7, 8, 9, END].into_iter().enumerate() {
        put32(&mut bytes, 512 + 4 * sector, next);
    }
    for (name, kind, child, start, size) in [("Root Entry", 5, 1, END, 0), ("Body", 2, NONE, 2, 4096)] {
        let mut entry = vec![0; 128];
        let name = utf16(name);
        entry[..name.len()].copy_from_slice(&name);
        put16(&mut entry, 64, u16::try_from(name.len()).unwrap());
        entry[66..68].copy_from_slice(&[kind, 1]);
        for (offset, value) in [(68, NONE), (72, NONE), (76, child), (116, start), (120, size)] {
            put32(&mut entry, offset, value);
        }
        bytes.extend(entry);
    }
    for _ in 0..2 {
        let mut unused = vec![0; 128];
        for offset in [68, 72, 76] {
            put32(&mut unused, offset, NONE);
        }
        bytes.extend(unused);
    }
    let body = bytes.len() + BODY;
    bytes.resize(bytes.len() + 4096, FILLER);
    Carrier { kind: Ole2, bytes, body, entry: 0, code: 0, data: 0 }
}

/// A document of one page; the room is the stream of its content.
fn pdf() -> Carrier {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>".to_owned(),
        format!("<</Length {ROOM}>>\nstream\n"),
    ]
    .iter()
    .enumerate()
    {
        offsets.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}", number + 1).bytes());
        if number < 3 {
            bytes.extend(b"\nendobj\n");
        }
    }
    let body = bytes.len() + BODY;
    bytes.resize(bytes.len() + ROOM, FILLER);
    bytes.extend(b"\nendstream\nendobj\n");
    let table = bytes.len();
    bytes.extend(b"xref\n0 5\n0000000000 65535 f \n");
    for offset in offsets {
        bytes.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    bytes.extend(format!("trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").bytes());
    bytes.resize(bytes.len() + TAIL, FILLER);
    Carrier { kind: Pdf, bytes, body, entry: 0, code: 0, data: 0 }
}
