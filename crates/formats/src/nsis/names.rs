//! The names of files, which the header block's instructions give: it has a table of blocks (pages, sections, instructions,
//! strings, ..), and an instruction is a number with six parameters.

use std::collections::HashMap;

use crate::fields::{u16_le, u32_le};

const INSTRUCTION: usize = 28;
/// Sets the folder that files go to, if its second parameter is not 0.
const CREATE_FOLDER: u32 = 11;
const EXTRACT_FILE: u32 = 20;
/// Most instructions that are looked at.
const INSTRUCTIONS: usize = 1 << 20;
/// Most names that are kept, and characters of one.
const NAMES: usize = 1 << 16;
const CHARACTERS: usize = 1024;
/// Variables that have a name of their own, behind `$0` to `$9` and `$R0` to `$R9`.
const VARIABLES: [&str; 12] = [
    "CMDLINE",
    "INSTDIR",
    "OUTDIR",
    "EXEDIR",
    "LANGUAGE",
    "TEMP",
    "PLUGINSDIR",
    "EXEPATH",
    "EXEFILE",
    "HWNDPARENT",
    "_CLICK",
    "OUTDIR",
];

/// The name of the file whose data lies at each offset behind the header.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u32, String>);

impl Names {
    pub(super) fn read(header: &[u8]) -> Self {
        // The builds for 64 bits have wider offsets.
        [8, 12].into_iter().find_map(|stride| read(header, stride)).unwrap_or_default()
    }

    /// The name of what lies at `offset`, or one made of the offset.
    pub(super) fn get(&self, offset: u64) -> String {
        let known = u32::try_from(offset).ok().and_then(|offset| self.0.get(&offset));
        known.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| format!("data at {offset}"))
    }
}

fn read(header: &[u8], stride: usize) -> Option<Names> {
    let block = |index: usize| -> Option<(usize, usize)> {
        let at = index.checked_mul(stride)?.checked_add(4)?;
        let count = at.checked_add(stride)?.checked_sub(4)?;
        Some((u32_le(header, at)? as usize, u32_le(header, count)? as usize))
    };
    let ((start, count), (strings, _)) = (block(2)?, block(3)?);
    let end = count.checked_mul(INSTRUCTION)?.checked_add(start)?;
    // The header of the header is longer than its table.
    if start < 68 || end > strings || strings > header.len() {
        return None;
    }
    let strings = Strings::new(header.get(strings..)?);
    let mut names = HashMap::new();
    let mut folder = String::new();
    for row in header.get(start..end)?.chunks_exact(INSTRUCTION).take(INSTRUCTIONS) {
        let parameter = |index: usize| u32_le(row, index.saturating_mul(4));
        match parameter(0)? {
            CREATE_FOLDER if parameter(2)? != 0 => folder = strings.get(parameter(1)?),
            EXTRACT_FILE if names.len() < NAMES => {
                let name = strings.get(parameter(2)?);
                let whole = if folder.is_empty() || name.starts_with('$') {
                    name
                } else {
                    format!("{folder}\\{name}")
                };
                names.entry(parameter(3)?).or_insert(whole);
            }
            _ => {}
        }
    }
    Some(Names(names))
}

struct Strings<'a> {
    bytes: &'a [u8],
    wide: bool,
}

/// What stands behind a character that is a code.
enum Code {
    Skip,
    Variable,
    Folder,
    Language,
}

impl<'a> Strings<'a> {
    /// The table begins with an empty string.
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, wide: bytes.starts_with(&[0, 0]) }
    }

    /// The string at a place, with what it refers to as `$NAME`.
    fn get(&self, place: u32) -> String {
        let mut text: Vec<u16> = Vec::new();
        let mut at = place as usize;
        while text.len() < CHARACTERS {
            let Some(character) = self.character(at) else { break };
            if character == 0 {
                break;
            }
            at = at.saturating_add(1);
            match self.code(character) {
                None => text.push(character),
                Some(Code::Skip) => {
                    text.extend(self.character(at));
                    at = at.saturating_add(1);
                }
                Some(code) => {
                    let (index, size) = self.index(at);
                    at = at.saturating_add(size);
                    let name = match code {
                        Code::Variable => variable(index),
                        Code::Folder => format!("$FOLDER{index}"),
                        _ => format!("$LANG{index}"),
                    };
                    text.extend(name.encode_utf16());
                }
            }
        }
        String::from_utf16_lossy(&text)
    }

    fn character(&self, place: usize) -> Option<u16> {
        if self.wide {
            u16_le(self.bytes, place.checked_mul(2)?)
        } else {
            self.bytes.get(place).map(|byte| u16::from(*byte))
        }
    }

    /// Version 3 has 1 to 4 as codes, version 2 those at the end of the code page, of which one is a letter that is rare.
    fn code(&self, character: u16) -> Option<Code> {
        match character {
            1 => Some(Code::Language),
            2 => Some(Code::Folder),
            3 => Some(Code::Variable),
            4 => Some(Code::Skip),
            0xfc if !self.wide => Some(Code::Skip),
            0xfd if !self.wide => Some(Code::Variable),
            0xfe if !self.wide => Some(Code::Folder),
            0xff if !self.wide => Some(Code::Language),
            _ => None,
        }
    }

    /// The number behind a code, which has no byte of 0, and the characters that it takes.
    fn index(&self, place: usize) -> (u16, usize) {
        let first = self.character(place).unwrap_or(0);
        if self.wide {
            return ((first & 0x7f) | (first >> 8 & 0x7f) << 7, 1);
        }
        let second = self.character(place.saturating_add(1)).unwrap_or(0);
        ((first & 0x7f) | (second & 0x7f) << 7, 2)
    }
}

fn variable(index: u16) -> String {
    match index {
        0..10 => format!("${index}"),
        10..20 => format!("$R{}", index.saturating_sub(10)),
        _ => match VARIABLES.get(usize::from(index.saturating_sub(20))) {
            Some(name) => format!("${name}"),
            None => format!("$VARIABLE{index}"),
        },
    }
}
