//! The libraries and functions that an ELF file takes from elsewhere.

use std::io;

use candor_object::{Content, Import};

use super::header::{DYNAMIC, Headers, Row, string};

/// Entries of the dynamic section that are read; stops one without an end. Real ones have about 30.
const MAX_ENTRIES: u64 = 4096;
/// Symbols that are read in all; stops a symbol table as long as the file.
const MAX_SYMBOLS: u64 = 65_536;

/// Tags of the dynamic section.
const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;
const STRING_TABLE_SIZE: u64 = 10;
/// Section type of the symbols that the dynamic linker uses.
const DYNAMIC_SYMBOLS: u32 = 11;

/// The needed libraries, each without a symbol, then the undefined dynamic symbols, each without a library:
/// ELF does not say which library a symbol comes from.
pub(super) fn read(content: &Content, headers: &Headers) -> io::Result<Vec<Import>> {
    let mut imports = Vec::new();
    let Some((needed, names)) = needed(content, headers)? else {
        return Ok(imports);
    };
    for offset in needed {
        let library = string(content, Some(names), offset)?;
        imports.push(Import { library, symbol: String::new() });
    }
    // Only the section table says how many symbols there are, short of reading hash tables.
    let Some(symbols) = headers.sections.iter().find(|row| row.kind == DYNAMIC_SYMBOLS) else {
        return Ok(imports);
    };
    let encoding = headers.encoding;
    let entry_size = encoding.place(16, 24);
    let count = symbols.size.checked_div(entry_size as u64).unwrap_or(0).min(MAX_SYMBOLS);
    for index in 1..count {
        let place = index.saturating_mul(entry_size as u64);
        let bytes = content.window(symbols.offset.saturating_add(place), entry_size)?;
        let (Some(name), Some(section)) =
            (encoding.word(&bytes, 0), encoding.half(&bytes, encoding.place(14, 6)))
        else {
            break;
        };
        if section == 0 && name != 0 {
            let symbol = string(content, Some(names), name)?;
            imports.push(Import { library: String::new(), symbol });
        }
    }
    Ok(imports)
}

/// Where the names of the needed libraries begin in the string table, and that table.
fn needed(content: &Content, headers: &Headers) -> io::Result<Option<(Vec<u32>, Row)>> {
    let Some(dynamic) = headers.segments.iter().find(|row| row.kind == DYNAMIC) else {
        return Ok(None);
    };
    let encoding = headers.encoding;
    let half = encoding.place(4, 8);
    let entry_size = encoding.place(8, 16);
    let (mut needed, mut names, mut size) = (Vec::new(), None, None);
    let count = dynamic.size.checked_div(entry_size as u64).unwrap_or(0).min(MAX_ENTRIES);
    for index in 0..count {
        let place = index.saturating_mul(entry_size as u64);
        let bytes = content.window(dynamic.offset.saturating_add(place), entry_size)?;
        let (Some(tag), Some(value)) = (encoding.address(&bytes, 0), encoding.address(&bytes, half)) else {
            break;
        };
        match tag {
            0 => break,
            NEEDED => needed.extend(u32::try_from(value)),
            STRING_TABLE => names = headers.file_offset(value),
            STRING_TABLE_SIZE => size = Some(value),
            _ => {}
        }
    }
    let table = |offset| Row { offset, size: size.unwrap_or(u64::MAX), ..Row::default() };
    Ok(names.map(|offset| (needed, table(offset))))
}
