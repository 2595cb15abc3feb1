//! ELF and Mach-O programs that UPX packed.
//!
//! A row of blocks: the headers of the program, then what it loads into memory, piece by piece in the order of its
//! headers. Behind the code that unpacks it follow blocks with what is between and behind those pieces. Each block has
//! 12 bytes before it: its size, its packed size (the same, if it is not packed), method, filter and mark. The file
//! begins with two more headers, `UPX!` and the size of the program; malware overwrites both, and nothing needs them.

use std::io::Cursor;

use candor_object::{Child, Content, Reason, Relation, Sink, Stop};

use super::filters;
use super::upx::{self, LIMIT, Method};
use crate::fields::{u32_be, u32_le};

/// Bytes at the start of the file in which the first block is looked for.
const HEAD: usize = 4096;
/// Bytes before the data of a block.
const BLOCK_HEAD: usize = 12;
/// Largest headers of a program; UPX itself takes less.
const LARGEST_HEADERS: u32 = 64 << 10;
/// Places that look like the head of a block and are tried.
const MOST_TRIES: u32 = 64;

/// What is known of a packed program that was taken apart.
pub(crate) struct Packed {
    /// Whether bytes behind the loaded ones may be something else than blocks.
    pub(crate) overlay: bool,
}

/// Unpacks the program and hands it over, if it is packed with UPX.
pub(crate) fn open(content: &Content, big_endian: bool, sink: &mut dyn Sink) -> Result<Option<Packed>, Stop> {
    let head = content.window(0, HEAD)?;
    let Some((first_at, first, headers)) = first_block(content, &head, big_endian)? else {
        return Ok(None);
    };
    let pieces = pieces(&headers)?;
    let end = pieces.iter().map(|(offset, size)| offset.saturating_add(*size)).max().unwrap_or(0);
    let size_at = first_at.saturating_sub(8);
    let claimed = if big_endian { u32_be(&head, size_at) } else { u32_le(&head, size_at) };
    let block_at = first_at.saturating_sub(4);
    let most = if big_endian { u32_be(&head, block_at) } else { u32_le(&head, block_at) };
    let plausible = |size: &u64| *size >= end && *size <= LIMIT as u64;
    let size = claimed.map(u64::from).filter(plausible).unwrap_or(end);
    if size > LIMIT as u64 {
        sink.gap(Reason::Unsupported, &format!("packed with upx: {size} bytes are more than are unpacked"));
        return Ok(Some(Packed { overlay: true }));
    }
    let mut reader = Blocks { content, big_endian, at: first_at.saturating_add(first.whole()) as u64 };
    let mut file = headers.clone();
    file.resize(usize::try_from(size).unwrap_or(0).max(headers.len()), 0);
    let mut last = 0;
    let mut missing = Vec::new();
    let mut between = Vec::new();
    let mut loaded = true;
    for (offset, size) in pieces {
        if offset > last {
            between.push((last, offset));
        }
        last = last.max(offset.saturating_add(size));
        let skipped = if offset == 0 { headers.len() as u64 } else { 0 };
        let piece = (offset.saturating_add(skipped), offset.saturating_add(size));
        if loaded && !reader.fill(&mut file, piece, sink)? {
            loaded = false;
            missing.push(piece);
        }
    }
    let size = file.len() as u64;
    if last < size {
        between.push((last, size));
    }
    for piece in between {
        if !reader.find(&mut file, piece, most, sink)? {
            missing.push(piece);
        }
    }
    if let Some((from, to)) = missing.first() {
        let detail = format!("packed with upx: bytes {from} to {to} of the program could not be unpacked");
        sink.gap(Reason::Damaged, &detail);
    }
    sink.child(Child { name: "upx", relation: Relation::Stream }, &mut Cursor::new(file))?;
    Ok(Some(Packed { overlay: !loaded || !reader.ends_as_upx()? }))
}

/// The first block, whose content are the headers of a program.
fn first_block(
    content: &Content,
    head: &[u8],
    big_endian: bool,
) -> std::io::Result<Option<(usize, Head, Vec<u8>)>> {
    let mut tries = MOST_TRIES;
    for at in (28..head.len()).step_by(4) {
        let Some(block) = Head::parse(head.get(at..).unwrap_or_default(), big_endian) else { continue };
        if !(28..=LARGEST_HEADERS).contains(&block.size) || tries == 0 {
            continue;
        }
        tries = tries.saturating_sub(1);
        let bytes = block.read(content, at as u64)?.unwrap_or_default();
        const MAGICS: [&[u8]; 5] =
            [b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"];
        if MAGICS.iter().any(|magic| bytes.starts_with(magic)) {
            return Ok(Some((at, block, bytes)));
        }
    }
    Ok(None)
}

/// Offsets and sizes of what the program loads.
fn pieces(headers: &[u8]) -> std::io::Result<Vec<(u64, u64)>> {
    let content = Content::from_vec(headers.to_vec());
    if headers.starts_with(b"\x7fELF") {
        crate::elf::loaded(&content)
    } else {
        crate::macho::loaded(&content)
    }
}

/// What stands before a block.
#[derive(Clone, Copy, Debug)]
struct Head {
    size: u32,
    packed: u32,
    method: u8,
    filter: u8,
    mark: u8,
}

impl Head {
    /// The head at the start of `bytes`, if it is one.
    fn parse(bytes: &[u8], big_endian: bool) -> Option<Self> {
        let number = if big_endian { u32_be } else { u32_le };
        let (size, packed) = (number(bytes, 0)?, number(bytes, 4)?);
        let [method, filter, mark] = crate::fields::array(bytes, 8)?;
        let known = Method::from_number(method).is_some() || (packed == size && method == 0);
        let plausible = packed > 0 && packed <= size && size as usize <= LIMIT && known;
        plausible.then_some(Self { size, packed, method, filter, mark })
    }

    /// Bytes of the block with its head.
    fn whole(&self) -> usize {
        BLOCK_HEAD.saturating_add(self.packed as usize)
    }

    /// What is in the block whose head is at `at`; nothing if it is damaged.
    fn read(&self, content: &Content, at: u64) -> std::io::Result<Option<Vec<u8>>> {
        let packed = content.window(at.saturating_add(BLOCK_HEAD as u64), self.packed as usize)?;
        if self.packed == self.size {
            return Ok((packed.len() == self.size as usize).then(|| packed.into_owned()));
        }
        let Some(method) = Method::from_number(self.method) else { return Ok(None) };
        let (mut bytes, result) = method.unpack(&packed, self.size as usize);
        if result.is_err() || bytes.len() != self.size as usize {
            return Ok(None);
        }
        filters::undo(&mut bytes, self.filter, self.mark, 0);
        Ok(Some(bytes))
    }
}

/// The blocks behind the first.
struct Blocks<'a> {
    content: &'a Content,
    big_endian: bool,
    at: u64,
}

impl Blocks<'_> {
    fn head(&self, at: u64) -> std::io::Result<Option<Head>> {
        Ok(Head::parse(&self.content.window(at, BLOCK_HEAD)?, self.big_endian))
    }

    /// Fills a piece of the file from the next blocks; says whether they filled it.
    fn fill(&mut self, file: &mut [u8], (from, to): (u64, u64), sink: &mut dyn Sink) -> Result<bool, Stop> {
        let mut from = from;
        while from < to {
            sink.pulse()?;
            let Some(head) = self.head(self.at)? else { return Ok(false) };
            if u64::from(head.size) > to.saturating_sub(from) {
                return Ok(false);
            }
            let Some(bytes) = head.read(self.content, self.at)? else { return Ok(false) };
            put(file, from, &bytes);
            self.at = self.at.saturating_add(head.whole() as u64);
            from = from.saturating_add(head.size.into());
        }
        Ok(true)
    }

    /// Looks for the block that fills a piece of the file, or begins to.
    fn find(
        &mut self,
        file: &mut [u8],
        piece: (u64, u64),
        most: Option<u32>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Stop> {
        let size = u32::try_from(piece.1.saturating_sub(piece.0)).unwrap_or(u32::MAX);
        let sizes = [Some(size), most.filter(|most| *most < size)];
        let mut from = self.at;
        for _ in 0..MOST_TRIES {
            let big_endian = self.big_endian;
            let fits = |head: &[u8]| {
                Head::parse(head, big_endian).is_some_and(|head| sizes.contains(&Some(head.size)))
            };
            let Some(place) = crate::search::find(self.content, from, (1, BLOCK_HEAD), sink, fits)? else {
                return Ok(false);
            };
            let before = std::mem::replace(&mut self.at, place);
            if self.fill(file, piece, sink)? {
                return Ok(true);
            }
            self.at = before;
            from = place.saturating_add(1);
        }
        Ok(false)
    }

    /// Whether nothing but the packer's own headers is behind the last block.
    fn ends_as_upx(&self) -> std::io::Result<bool> {
        let rest = self.content.size().saturating_sub(self.at);
        let window = self.content.window(self.content.size().saturating_sub(64), 64)?;
        Ok(rest <= 128 || memchr::memmem::find(&window, upx::MAGIC).is_some())
    }
}

fn put(file: &mut [u8], at: u64, bytes: &[u8]) {
    let room = usize::try_from(at).ok().and_then(|at| file.get_mut(at..)).unwrap_or_default();
    for (to, from) in room.iter_mut().zip(bytes) {
        *to = *from;
    }
}
