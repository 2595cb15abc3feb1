//! The import table of a portable executable.

use std::borrow::Cow;
use std::io;

use candor_object::{Content, Import};

use super::header::Headers;
use super::ordinals;
use crate::fields::{name, u16_le, u32_le, u64_le};

/// Imports that are kept in all. Stops tables whose libraries all share one list of functions, and lists that
/// run through the whole file; large programs have about 10,000.
const MAX_IMPORTS: usize = 65_536;
/// Libraries that are read. Stops tables of libraries without functions, which the limit above never counts.
const MAX_LIBRARIES: u32 = 4096;
/// Bytes of a name that are kept. Stops lists of which each entry is the same name as long as the file; C++
/// names reach some thousand, but the imphash definition ends at 512.
const MAX_NAME: usize = 512;
/// Bytes that all names of libraries and functions may take together: stops 65,536 names of 512 bytes.
const MAX_NAMES: usize = 8 << 20;
/// Bytes of a list of functions that are read at a time.
const LIST_WINDOW: u16 = 4096;
/// Bytes of a row in the table of libraries.
const ROW: u16 = 20;

/// Imports as far as they could be read, and what stopped the reading.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// The imported functions, in the order of the table.
    pub(super) functions: Vec<Import>,
    /// What is wrong with the table, if anything is; the first thing only.
    pub(super) defect: Option<String>,
    names: usize,
    full: bool,
}

impl Imports {
    fn wrong(&mut self, detail: impl FnOnce() -> String) {
        self.defect.get_or_insert_with(detail);
    }
}

/// Reads the import table that the headers name.
pub(super) fn read(content: &Content, headers: &Headers) -> io::Result<Imports> {
    let mut imports = Imports::default();
    if headers.imports == 0 {
        return Ok(imports);
    }
    for index in 0..MAX_LIBRARIES {
        let place = index.saturating_mul(u32::from(ROW));
        let address = headers.imports.checked_add(place);
        let window = bytes_at(content, headers, address, ROW.into())?;
        let fields = (u32_le(&window, 0), u32_le(&window, 12), u32_le(&window, 16));
        let (Some(lookup), Some(library), Some(thunks)) = fields else {
            // In memory, zeros follow the data of a section and end the table; packers leave the end out.
            if index == 0 {
                imports.wrong(|| "the import table is not in the file".to_owned());
            }
            return Ok(imports);
        };
        // The loader stops at a row without a name or without a place for the addresses.
        if library == 0 || thunks == 0 {
            return Ok(imports);
        }
        let Some(library) = name_at(content, headers, Some(library))? else {
            imports
                .wrong(|| format!("the name of library {index} at address {library:#x} is not in the file"));
            continue;
        };
        // Old Borland linkers, and packers, leave the lookup table out or point it nowhere.
        let list = if lookup != 0 && headers.file_offset(lookup).is_some_and(|at| at < content.size()) {
            lookup
        } else {
            thunks
        };
        functions(content, headers, &library, list, &mut imports)?;
        if imports.full {
            return Ok(imports);
        }
    }
    imports.wrong(|| format!("the import table has no end within {MAX_LIBRARIES} libraries"));
    Ok(imports)
}

/// Reads the functions of one library from the list at `start`.
fn functions(
    content: &Content,
    headers: &Headers,
    library: &str,
    start: u32,
    imports: &mut Imports,
) -> io::Result<()> {
    let entry_size = if headers.wide { 8_u32 } else { 4 };
    let mut address = Some(start);
    loop {
        let window = bytes_at(content, headers, address, LIST_WINDOW.into())?;
        let mut left = window.len();
        for entry in window.chunks_exact(entry_size as usize) {
            left = left.saturating_sub(entry.len());
            let (value, by_ordinal) = match u64_le(entry, 0) {
                Some(value) => (value, value >> 63 != 0),
                None => {
                    u32_le(entry, 0).map(|value| (u64::from(value), value >> 31 != 0)).unwrap_or_default()
                }
            };
            if value == 0 {
                return Ok(());
            }
            let symbol = if by_ordinal {
                let ordinal = u16_le(entry, 0).unwrap_or_default();
                Some(ordinals::name(library, ordinal).map_or_else(|| format!("ord{ordinal}"), str::to_owned))
            } else {
                // Two bytes of hint stand before the name.
                let name = u32::try_from(value).ok().and_then(|address| address.checked_add(2));
                name_at(content, headers, name)?
            };
            let Some(symbol) = symbol else {
                imports.wrong(|| {
                    format!("the function at {value:#x} of library {library:?} is not in the file")
                });
                return Ok(());
            };
            let names = imports.names.saturating_add(library.len()).saturating_add(symbol.len());
            if imports.functions.len() >= MAX_IMPORTS || names > MAX_NAMES {
                let count = imports.functions.len();
                imports.wrong(|| format!("only the first {count} imports are read"));
                imports.full = true;
                return Ok(());
            }
            imports.names = names;
            imports.functions.push(Import { library: library.to_owned(), symbol });
        }
        if window.len() < usize::from(LIST_WINDOW) || left > 0 {
            imports.wrong(|| format!("the list of functions of library {library:?} leaves the file"));
            return Ok(());
        }
        address = address.and_then(|address| address.checked_add(LIST_WINDOW.into()));
    }
}

/// Up to `size` bytes of what lies at `address`; none where the address is not in the file.
fn bytes_at<'a>(
    content: &'a Content,
    headers: &Headers,
    address: Option<u32>,
    size: usize,
) -> io::Result<Cow<'a, [u8]>> {
    match address.and_then(|address| headers.file_offset(address)) {
        Some(offset) => content.window(offset, size),
        None => Ok(Cow::Borrowed(&[])),
    }
}

/// The name at `address`; nothing where there is none.
fn name_at(content: &Content, headers: &Headers, address: Option<u32>) -> io::Result<Option<String>> {
    let window = bytes_at(content, headers, address, MAX_NAME)?;
    Ok(Some(name(&window)).filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PE of low alignment, in which addresses are offsets, with `rows` libraries of `functions` each, all
    /// in the same list.
    fn program(rows: usize, functions: usize) -> Content {
        let mut bytes = vec![0; 0x400];
        let mut put =
            |offset: usize, value: u32| bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        put(0x3c, 0x40);
        put(0x40, u32::from_le_bytes(*b"PE\0\0"));
        put(0x58, 0x10b);
        put(0x58 + 32, 4);
        put(0x58 + 92, 16);
        put(0x58 + 104, u32::try_from(0x400 + 4 * functions + 4).unwrap());
        put(0x200, u32::from_le_bytes(*b"lib\0"));
        bytes.extend([2, 0, 0, 0x80].repeat(functions));
        bytes.extend([0; 4]);
        for _ in 0..rows {
            bytes.extend([0x400_u32, 0, 0, 0x200, 0x400].map(u32::to_le_bytes).as_flattened());
        }
        bytes.extend([0; 20]);
        Content::from_vec(bytes)
    }

    fn read_all(content: &Content) -> Imports {
        read(content, &super::super::header::read(content).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn shared_lists_and_endless_tables_are_cut_at_the_limits() {
        let sound = read_all(&program(3, 1500));
        assert_eq!((sound.functions.len(), sound.defect), (4500, None));
        assert_eq!(sound.functions[0], Import { library: "lib".to_owned(), symbol: "ord2".to_owned() });
        let many = read_all(&program(100, 1500));
        assert_eq!(many.functions.len(), MAX_IMPORTS);
        assert!(many.defect.unwrap().contains("first 65536"));
        let endless = read_all(&program(5000, 0));
        assert_eq!(endless.functions.len(), 0);
        assert!(endless.defect.unwrap().contains("no end"));
    }
}
