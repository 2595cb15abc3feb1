//! Portable executables that UPX packed.
//!
//! Three sections: an empty one, in which the program is unpacked; one with the packed program and the code that unpacks
//! it; and one with resources and the few imports that are needed before. Unpacked are the sections of the program,
//! one after the other as they lie in memory, and behind them its headers and what is needed to put its imports,
//! relocations and resources together again; the last four bytes say where that begins.

use std::io::Read;

use candor_object::{Child, Content, Flow, Reason, Relation, Sink};

use super::filters;
use super::image::Image;
use super::upx::{self, LIMIT, Method, PACK_HEADER, PackHeader};
use crate::fields::{u16_le, u32_le};
use crate::pe::Headers;

/// Bytes before the packed data in which its header is looked for.
const HEADER_WINDOW: u64 = 1024;
/// Bytes of a row in a section table.
const ROW: usize = 40;
/// Numbers of data directories.
const IMPORTS: usize = 1;
const RESOURCES: usize = 2;
const RELOCATIONS: usize = 5;
/// Imported functions and relocations that are put back. Stops tables that refer to themselves.
const MOST: usize = 1 << 20;

/// Unpacks the program and hands it over, if it is packed with UPX; says whether it was.
pub(crate) fn open(
    content: &Content,
    headers: &Headers,
    sink: &mut dyn Sink,
) -> Result<bool, candor_object::Stop> {
    let Some((start, size, room)) = packed_section(headers, content.size()) else { return Ok(false) };
    if size > LIMIT as u64 {
        return Ok(false);
    }
    let before = HEADER_WINDOW.min(start);
    let window = content
        .window(start.saturating_sub(before), usize::try_from(before).unwrap_or(0).saturating_add(128))?;
    let header_at = memchr::memmem::rfind(&window, upx::MAGIC);
    let header = header_at.and_then(|at| PackHeader::parse(window.get(at..)?));
    let section = content.window(start, usize::try_from(size).unwrap_or(0))?;
    let (mut unpacked, mut partial) = (None, Vec::new());
    if let (Some(at), Some(header)) = (header_at, &header)
        && let Some(method) = Method::from_number(header.method)
    {
        let at = start.saturating_sub(before).saturating_add(at.saturating_add(PACK_HEADER) as u64);
        let packed = content.window(at, usize::try_from(header.packed).unwrap_or(0))?;
        let (bytes, result) = method.unpack(&packed, usize::try_from(header.unpacked).unwrap_or(0));
        // A last number that does not lead to headers is what damage leaves.
        match Program::find(bytes, Some(*header)) {
            Ok(program) => unpacked = Some(program),
            Err(bytes) if result.is_err() => partial = bytes,
            Err(_) => {}
        }
    }
    if unpacked.is_none() {
        // Without a header, or with one that is wrong.
        for method in Method::ALL {
            sink.pulse()?;
            let (bytes, _) = method.unpack(&section, usize::try_from(room).unwrap_or(LIMIT));
            unpacked = Program::find(bytes, None).ok();
            if unpacked.is_some() {
                sink.anomaly("upx-header", "the header of the packer was removed or is wrong");
                break;
            }
        }
    }
    let Some(mut program) = unpacked else {
        if header.is_some() {
            let detail = format!("packed with upx: damaged after {} bytes of the program", partial.len());
            sink.gap(Reason::Damaged, &detail);
        }
        if !partial.is_empty() {
            let child = Child { name: "upx", relation: Relation::Stream };
            sink.child(child, &mut partial.as_slice())?;
        }
        return Ok(false);
    };
    program.unfilter();
    program.restore(content, headers, sink)?;
    let file = program.file(content, headers)?;
    let overlay = content.from(headers.image_end(content.size()));
    let file = Content::from_vec(file);
    let mut body = file.reader().chain(overlay.reader());
    sink.child(Child { name: "upx", relation: Relation::Stream }, &mut body)?;
    Ok(true)
}

/// File offset and size of the section with the packed program, and the bytes that there are to unpack it to: the section
/// of the entry point, behind one that has no bytes in the file.
fn packed_section(headers: &Headers, file_size: u64) -> Option<(u64, u64, u64)> {
    let [first, second, ..] = headers.sections.as_slice() else { return None };
    let inside = headers.entry.checked_sub(second.address)?;
    if inside >= second.memory_size.max(second.file_size) || first.memory_size == 0 {
        return None;
    }
    // Some tools that hide the packer give the first section bytes that mean nothing.
    let (start, size) = headers.extent(second, file_size);
    let room = u64::from(first.memory_size).saturating_add(second.memory_size.into());
    (size > 0 && first.file_size == 0).then_some((start, size, room))
}

/// An unpacked program before it is put together.
struct Program {
    image: Image,
    /// Where the rest begins: headers, and what else is needed.
    extra: u32,
    header: Option<PackHeader>,
    wide: bool,
    /// File headers, from `PE` on to the section table.
    head: Vec<u8>,
    rows: Vec<u8>,
}

impl Program {
    /// The program, if the headers of one are where the last bytes say; else the bytes again.
    fn find(bytes: Vec<u8>, header: Option<PackHeader>) -> Result<Self, Vec<u8>> {
        let empty = Image { bytes: Vec::new(), base: 0 };
        let Some(program) = Self::parse(&bytes, header, empty) else { return Err(bytes) };
        let base = program.image.base;
        Ok(Self { image: Image { bytes, base }, ..program })
    }

    fn parse(bytes: &[u8], header: Option<PackHeader>, image: Image) -> Option<Self> {
        let extra = u32_le(bytes, bytes.len().checked_sub(4)?)?;
        let at = usize::try_from(extra).ok()?;
        let rest = bytes.get(at..)?;
        if !rest.starts_with(b"PE\0\0") {
            return None;
        }
        let wide = match u16_le(rest, 24)? {
            0x10b => false,
            0x20b => true,
            _ => return None,
        };
        let head_size = if wide { 264_usize } else { 248 };
        let head = rest.get(..head_size)?.to_vec();
        let rows_size = usize::from(u16_le(rest, 6)?).checked_mul(ROW)?;
        let rows = rest.get(head_size..)?.get(..rows_size)?.to_vec();
        let base = u32_le(&rows, 12)?;
        let extra =
            extra.checked_add(base)?.checked_add(u32::try_from(head_size.checked_add(rows_size)?).ok()?)?;
        Some(Self { image: Image { base, ..image }, extra, header, wide, head, rows })
    }

    /// Address and size of a data directory, if the program has it.
    fn directory(&self, number: usize) -> Option<(u32, u32)> {
        let at = if self.wide { 136_usize } else { 120 }.checked_add(number.checked_mul(8)?)?;
        let (address, size) = (u32_le(&self.head, at)?, u32_le(&self.head, at.checked_add(4)?)?);
        (address != 0 && size != 0).then_some((address, size))
    }

    /// Undoes the filter of the program's code.
    fn unfilter(&mut self) {
        let (Some(size), Some(base)) = (u32_le(&self.head, 28), u32_le(&self.head, 44)) else { return };
        let origin = base.wrapping_sub(self.image.base);
        let code = self.image.part_mut(base, size);
        let (filter, mark) = match self.header {
            Some(header) => (header.filter, header.mark),
            None => (if self.wide { 0x49 } else { 0x26 }, filters::likely_mark(code)),
        };
        filters::undo(code, filter, mark, origin);
    }

    /// The next number of what is needed beside the sections.
    fn next(&mut self) -> Option<u32> {
        let number = self.image.u32(self.extra)?;
        self.extra = self.extra.checked_add(4)?;
        Some(number)
    }

    /// Puts imports, relocations and resources together. What is wrong with one of them leaves the others.
    fn restore(&mut self, content: &Content, headers: &Headers, sink: &mut dyn Sink) -> Flow {
        let mut wrong = Vec::new();
        if let Some((table, _)) = self.directory(IMPORTS)
            && self.imports(content, headers, table)?.is_none()
        {
            wrong.push("imports");
        }
        let stripped = u16_le(&self.head, 22).unwrap_or(0) & 1 != 0;
        if let Some((table, size)) = self.directory(RELOCATIONS)
            && !stripped
            && self.relocations(table, size).is_none()
        {
            wrong.push("relocations");
        }
        if let Some((tree, _)) = self.directory(RESOURCES)
            && self.resources(content, headers, tree)?.is_none()
        {
            wrong.push("resources");
        }
        if !wrong.is_empty() {
            sink.anomaly("upx-rebuild", &format!("these could not be put back: {}", wrong.join(", ")));
        }
        Ok(())
    }

    /// Imports: for each library its name and its address table; then a byte for each function and what it says follows:
    /// a name, an ordinal, or a place among the imports of the packer.
    fn imports(&mut self, content: &Content, headers: &Headers, table: u32) -> std::io::Result<Option<()>> {
        let (Some(list), Some(names)) = (self.next(), self.next()) else { return Ok(None) };
        let Some(start) = list.checked_add(self.image.base) else { return Ok(None) };
        let list = self.image.get(start, usize::MAX).to_vec();
        let stub = |place: u32, size: usize| {
            let address = headers.imports.checked_add(place).and_then(|address| headers.file_offset(address));
            address.map(|offset| content.window(offset, size)).transpose()
        };
        // Names of libraries stand one after the other, names of functions behind them.
        let mut libraries = Vec::new();
        let mut at = 0;
        while let Some(name) = u32_le(&list, at).filter(|name| *name != 0) {
            let Some(addresses) = u32_le(&list, at.saturating_add(4)) else { return Ok(None) };
            let Some(name) = stub(name, 256)? else { return Ok(None) };
            let (functions, end) = functions(&list, at.saturating_add(8));
            let Some(end) = end.filter(|_| libraries.len() < MOST) else { return Ok(None) };
            let end_of_name = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            libraries.push((name.get(..end_of_name).unwrap_or_default().to_vec(), addresses, functions));
            at = end;
        }
        let all: usize = libraries.iter().map(|(name, ..)| name.len().saturating_add(1)).sum();
        let mut library_at = names;
        let first = names.wrapping_add(u32::try_from(all.next_multiple_of(2)).unwrap_or(0));
        let mut function_at = first;
        let size: u32 = if self.wide { 8 } else { 4 };
        let mut row = table;
        for (mut name, addresses, functions) in libraries {
            name.push(0);
            let mut slot = addresses.wrapping_add(self.image.base);
            if names != 0 {
                self.image.put(library_at, &name);
                self.image.put(row.wrapping_add(12), &library_at.to_le_bytes());
                library_at = library_at.wrapping_add(size_of(&name));
            } else if let Some(place) = self.image.u32(row.wrapping_add(12)) {
                self.image.put(place, &name);
            }
            self.image.put(row.wrapping_add(16), &slot.to_le_bytes());
            for function in functions {
                let value = match function {
                    Function::Name(name) if names != 0 => {
                        if function_at.wrapping_sub(first) & 1 != 0 {
                            function_at = function_at.wrapping_sub(1);
                        }
                        let place = function_at;
                        self.image.put(place.wrapping_add(2), name);
                        function_at = place.wrapping_add(2).wrapping_add(size_of(name));
                        u64::from(place)
                    }
                    Function::Name(name) => {
                        let place = self.image.u32(slot).unwrap_or(0);
                        self.image.put(place.wrapping_add(2), name);
                        u64::from(place)
                    }
                    Function::Ordinal(ordinal) if self.wide => u64::from(ordinal) | 1 << 63,
                    Function::Ordinal(ordinal) => u64::from(ordinal) | 1 << 31,
                    Function::Stub(place) => {
                        let field = stub(place, 8)?.unwrap_or_default();
                        let wide = crate::fields::u64_le(&field, 0).filter(|_| self.wide);
                        wide.or_else(|| u32_le(&field, 0).map(u64::from)).unwrap_or(0)
                    }
                };
                self.put_word(slot, value);
                slot = slot.wrapping_add(size);
            }
            self.put_word(slot, 0);
            row = row.wrapping_add(20);
        }
        Ok(Some(()))
    }

    /// Puts an address of the program's size.
    fn put_word(&mut self, address: u32, value: u64) {
        let bytes = value.to_le_bytes();
        self.image.put(address, bytes.get(..if self.wide { 8 } else { 4 }).unwrap_or_default());
    }

    /// Relocations: distances from one to the next; what is relocated has its bytes in reverse order and counts from the
    /// first section.
    fn relocations(&mut self, table: u32, size: u32) -> Option<()> {
        if size == 8 {
            self.image.put(table, &[0, 0, 0, 0, 8, 0, 0, 0]);
            return Some(());
        }
        let start = self.next()?;
        self.extra = self.extra.checked_add(1)?;
        let list = self.image.get(start.checked_add(self.image.base)?, usize::MAX).to_vec();
        let load =
            if self.wide { crate::fields::u64_le(&self.head, 48)? } else { u32_le(&self.head, 52)?.into() };
        let base = self.image.base;
        let mut blocks = Blocks::new(if self.wide { 10 } else { 3 });
        let (mut at, mut place) = (0_usize, base.wrapping_sub(4));
        while let Some(byte) = list.get(at).copied().filter(|byte| *byte != 0) {
            if blocks.count > MOST {
                return None;
            }
            let distance = if byte < 0xf0 {
                at = at.saturating_add(1);
                u32::from(byte)
            } else {
                let short = (u32::from(byte) & 0x0f) << 16 | u32::from(u16_le(&list, at.saturating_add(1))?);
                at = at.saturating_add(3);
                if short == 0 {
                    at = at.saturating_add(4);
                    u32_le(&list, at.saturating_sub(4))?
                } else {
                    short
                }
            };
            place = place.wrapping_add(distance);
            let value = if self.wide {
                self.image.u64(place)?.swap_bytes()
            } else {
                self.image.u32(place)?.swap_bytes().into()
            };
            self.put_word(place, value.wrapping_add(load).wrapping_add(base.into()));
            blocks.add(place);
        }
        let blocks = blocks.finish();
        self.image.put(table, &blocks);
        Some(())
    }

    /// Resources: the packed file has the tree, and those that Windows shows; before each stands where it was.
    fn resources(&mut self, content: &Content, headers: &Headers, tree: u32) -> std::io::Result<Option<()>> {
        let icons = u16_le(self.image.get(self.extra, 2), 0).unwrap_or(0);
        let tree_size = (16_u64 << 20).min(content.size());
        let Some(root) = headers.file_offset(headers.resources).filter(|_| headers.resources != 0) else {
            return Ok(Some(()));
        };
        let bytes = content.window(root, usize::try_from(tree_size).unwrap_or(0))?;
        let mut leaves = Vec::new();
        let mut visits = 1 << 16;
        leaves_of(&bytes, (0, 0), None, &mut visits, &mut leaves);
        // Data follow the tree; the smallest address tells where it ends.
        let kept = leaves.iter().filter_map(|leaf| leaf.address.checked_sub(headers.resources));
        let end = kept.min().and_then(|end| end.checked_sub(4)).unwrap_or(0);
        let last = leaves.iter().map(|leaf| leaf.at.saturating_add(16)).max().unwrap_or(0);
        let end = usize::try_from(end).unwrap_or(0).max(last);
        let mut directory = bytes.get(..end).unwrap_or_default().to_vec();
        let mut icons = Some(icons).filter(|icons| *icons > 0);
        for leaf in leaves {
            let Some(inside) = leaf.address.checked_sub(headers.resources).map(|inside| inside as usize)
            else {
                continue;
            };
            let Some(place) = inside.checked_sub(4).and_then(|at| u32_le(&bytes, at)) else { continue };
            let data = bytes.get(inside..inside.saturating_add(leaf.size as usize)).unwrap_or_default();
            self.image.put(place, data);
            if leaf.kind == Some(14)
                && let Some(icons) = icons.take()
            {
                self.image.put(place.wrapping_add(4), &icons.to_le_bytes());
            }
            if let Some(field) = directory.get_mut(leaf.at..leaf.at.saturating_add(4)) {
                field.copy_from_slice(&place.to_le_bytes());
            }
        }
        self.image.put(tree, &directory);
        Ok(Some(()))
    }

    /// The file: the DOS program of the packed one, the headers, the sections.
    fn file(&self, content: &Content, headers: &Headers) -> std::io::Result<Vec<u8>> {
        let size = usize::try_from(headers.start).unwrap_or(0).min(LIMIT);
        let mut file = content.window(0, size)?.into_owned();
        file.extend_from_slice(&self.head);
        file.extend_from_slice(&self.rows);
        let alignment = u32_le(&self.head, 60).unwrap_or(0).clamp(1, 0x1_0000);
        let header_size = u32_le(&self.head, 84).unwrap_or(0) as usize;
        if file.len() < header_size.min(1 << 20) {
            file.resize(header_size.min(1 << 20), 0);
        }
        for row in self.rows.chunks_exact(ROW) {
            let (Some(address), Some(size), Some(offset)) =
                (u32_le(row, 12), u32_le(row, 16), u32_le(row, 20))
            else {
                continue;
            };
            let size = size.div_ceil(alignment).saturating_mul(alignment) as usize;
            let offset = offset as usize;
            if offset == 0 || size == 0 || offset.saturating_add(size) > LIMIT {
                continue;
            }
            let data = self.image.get(address, size);
            let end = offset.saturating_add(size);
            if file.len() < end {
                file.resize(end, 0);
            }
            if let Some(room) = file.get_mut(offset..offset.saturating_add(data.len())) {
                room.copy_from_slice(data);
            }
        }
        Ok(file)
    }
}

/// The size of a name.
fn size_of(name: &[u8]) -> u32 {
    u32::try_from(name.len()).unwrap_or(0)
}

/// An imported function as UPX writes it down.
enum Function<'a> {
    /// With the zero at its end.
    Name(&'a [u8]),
    Ordinal(u16),
    /// It is an import of the packed file, too: there its entry in the table is.
    Stub(u32),
}

/// The functions of a library from `at` on, and where they end.
fn functions(list: &[u8], mut at: usize) -> (Vec<Function<'_>>, Option<usize>) {
    let mut all = Vec::new();
    while let Some(kind) = list.get(at) {
        at = at.saturating_add(1);
        let (function, size) = match kind {
            0 => return (all, Some(at)),
            1 => {
                let rest = list.get(at..).unwrap_or_default();
                let Some(end) = rest.iter().take(4096).position(|byte| *byte == 0) else { break };
                let size = end.saturating_add(1);
                (Function::Name(rest.get(..size).unwrap_or_default()), size)
            }
            0xff => match u16_le(list, at) {
                Some(ordinal) => (Function::Ordinal(ordinal), 2),
                None => break,
            },
            _ => match u32_le(list, at) {
                Some(place) => (Function::Stub(place), 4),
                None => break,
            },
        };
        if all.len() >= MOST {
            break;
        }
        all.push(function);
        at = at.saturating_add(size);
    }
    (all, None)
}

/// A leaf of the resource tree: where its record stands, and what that says.
struct Leaf {
    at: usize,
    address: u32,
    size: u32,
    kind: Option<u32>,
}

/// Collects the leaves below a directory at a level; `visits` bounds the entries that are looked at.
fn leaves_of(
    bytes: &[u8],
    (directory, level): (usize, u32),
    kind: Option<u32>,
    visits: &mut u32,
    leaves: &mut Vec<Leaf>,
) {
    let (Some(named), Some(numbered)) =
        (u16_le(bytes, directory.saturating_add(12)), u16_le(bytes, directory.saturating_add(14)))
    else {
        return;
    };
    for index in 0..usize::from(named.saturating_add(numbered)) {
        let entry = directory.saturating_add(16).saturating_add(index.saturating_mul(8));
        let (Some(id), Some(to)) = (u32_le(bytes, entry), u32_le(bytes, entry.saturating_add(4))) else {
            return;
        };
        *visits = visits.saturating_sub(1);
        if *visits == 0 {
            return;
        }
        let at = (to & !(1 << 31)) as usize;
        let kind = kind.or(Some(id));
        if to & 1 << 31 == 0 {
            if let (Some(address), Some(size)) = (u32_le(bytes, at), u32_le(bytes, at.saturating_add(4))) {
                leaves.push(Leaf { at, address, size, kind });
            }
        } else if level < 2 {
            leaves_of(bytes, (at, level.saturating_add(1)), kind, visits, leaves);
        }
    }
}

/// A table of relocations: a block for each page, of whole double words.
struct Blocks {
    kind: u16,
    page: Option<u32>,
    entries: Vec<u8>,
    table: Vec<u8>,
    count: usize,
}

impl Blocks {
    fn new(kind: u16) -> Self {
        Self { kind, page: None, entries: Vec::new(), table: Vec::new(), count: 0 }
    }

    fn add(&mut self, address: u32) {
        let page = address & !0xfff;
        if self.page != Some(page) {
            self.end_block();
            self.page = Some(page);
        }
        let entry = self.kind << 12 | (address & 0xfff) as u16;
        self.entries.extend_from_slice(&entry.to_le_bytes());
        self.count = self.count.saturating_add(1);
    }

    fn end_block(&mut self) {
        let Some(page) = self.page else { return };
        self.entries.resize(self.entries.len().next_multiple_of(4), 0);
        let size = u32::try_from(self.entries.len().saturating_add(8)).unwrap_or(u32::MAX);
        self.table.extend_from_slice(&page.to_le_bytes());
        self.table.extend_from_slice(&size.to_le_bytes());
        self.table.append(&mut self.entries);
    }

    fn finish(mut self) -> Vec<u8> {
        self.end_block();
        self.table
    }
}
