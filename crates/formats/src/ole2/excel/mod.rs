//! Macros of Excel 4, which are formulas in sheets.
//!
//! Specification: [MS-XLS] 2.3 (records), <https://learn.microsoft.com/openspecs/office_file_formats/ms-xls>. What comes out
//! is a text with what each cell of a macro sheet says; where there is one, the texts and numbers of all other sheets come
//! with it, since macros put themselves together from them.

mod formula;
mod functions;

use std::io::{BufRead, BufReader, Read};

use candor_object::{Child, Flow, Limit, Reason, Sink, Stop};

use super::encryption::FIRST_RECORDS;
use crate::fields::{array, u16_le, u32_le};
use crate::references::DDE;
use formula::{Context, cell, letters, narrow_text, wide_text};
use functions::Functions;

/// Bytes of the text.
const MOST_TEXT: usize = 8 << 20;
/// Bytes of records that are kept for their texts.
const MOST_STRINGS: usize = 16 << 20;
/// Bytes of names.
const MOST_NAMES: usize = 4 << 20;
/// Most shared texts.
const MOST_SHARED: usize = 1 << 18;
/// Most sheets, names and references between sheets.
const MOST: usize = 16 << 10;
/// Anomalies of each kind.
const MOST_ANOMALIES: usize = 20;

mod record {
    pub(super) const BOF: u16 = 0x809;
    pub(super) const EOF: u16 = 0x0a;
    pub(super) const BOUNDSHEET: u16 = 0x85;
    pub(super) const FILEPASS: u16 = 0x2f;
    pub(super) const NAME: u16 = 0x18;
    pub(super) const EXTERNSHEET: u16 = 0x17;
    pub(super) const SUPBOOK: u16 = 0x1ae;
    pub(super) const SST: u16 = 0xfc;
    pub(super) const CONTINUE: u16 = 0x3c;
    pub(super) const FORMULA: u16 = 0x06;
    pub(super) const FORMULA_4: u16 = 0x406;
    pub(super) const SHARED: u16 = 0x4bc;
    pub(super) const ARRAY: u16 = 0x221;
    pub(super) const STRING: u16 = 0x207;
    pub(super) const LABEL: u16 = 0x204;
    pub(super) const RICH: u16 = 0xd6;
    pub(super) const LABEL_SST: u16 = 0xfd;
    pub(super) const NUMBER: u16 = 0x203;
    pub(super) const RK: u16 = 0x27e;
    pub(super) const MANY_RK: u16 = 0xbd;
}

/// A sheet as the list of them says.
struct Sheet {
    name: String,
    /// Where it begins in the stream.
    place: u32,
    state: u8,
    kind: u8,
}

impl Sheet {
    fn is_macro(&self) -> bool {
        self.kind == 1
    }
}

struct Workbook {
    context: Context,
    sheets: Vec<Sheet>,
    /// Formulas of names, until all sheets are known.
    names: Vec<(String, Vec<u8>)>,
    /// The shared texts, as records.
    shared: Vec<u8>,
    /// Where a record of them continues in another.
    seams: Vec<usize>,
    strings: Vec<String>,
    text: String,
    /// Whether any sheet is one of macros.
    has_macros: bool,
    /// Whether all but the sheets was read and told of.
    told: bool,
    /// Bytes of names that were kept.
    kept: usize,
    /// Whether the text became too long.
    full: bool,
}

/// Hands over the macros of a workbook, which may have been decrypted. `path` names its stream.
pub(super) fn open(path: &str, workbook: impl Read, sink: &mut dyn Sink) -> Flow {
    let mut stream = BufReader::with_capacity(16 << 10, workbook);
    let mut workbook = Workbook {
        context: Context { biff8: true, functions: Functions::new(), names: Vec::new(), sheets: Vec::new() },
        sheets: Vec::new(),
        names: Vec::new(),
        shared: Vec::new(),
        seams: Vec::new(),
        strings: Vec::new(),
        text: String::new(),
        has_macros: false,
        told: false,
        kept: 0,
        full: false,
    };
    workbook.read(path, &mut stream, sink)?;
    if workbook.full {
        sink.gap(Reason::Limit(Limit::UnpackedBytes), &format!("the macros in {path:?}"));
    }
    if workbook.text.is_empty() {
        return Ok(());
    }
    sink.child(Child::part(&format!("{path}.xlm")), &mut workbook.text.as_bytes())
}

/// Passes so many bytes.
fn pass(stream: &mut impl BufRead, mut count: usize) -> bool {
    while count > 0 {
        let size = match stream.fill_buf() {
            Ok(bytes) if !bytes.is_empty() => bytes.len().min(count),
            _ => return false,
        };
        stream.consume(size);
        count = count.saturating_sub(size);
    }
    true
}

impl Workbook {
    fn read(&mut self, path: &str, stream: &mut impl BufRead, sink: &mut dyn Sink) -> Result<(), Stop> {
        let mut place = 0_u32;
        // The sheet that is being read, and whether what it holds is of interest.
        let mut sheet: Option<String> = None;
        let mut is_macro = false;
        let mut depth = 0_u32;
        let mut last_kind = 0;
        let mut last_cell = String::new();
        let mut anomalies = 0_usize;
        let mut header = [0; 4];
        let mut body = Vec::new();
        let mut number = 0_u32;
        // Damage is a gap of the stream.
        while stream.read_exact(&mut header).is_ok() {
            number = number.wrapping_add(1);
            if number.is_multiple_of(256) {
                sink.pulse()?;
            }
            let kind = u16_le(&header, 0).unwrap_or(0);
            let size = u16_le(&header, 2).unwrap_or(0);
            let start = place;
            place = place.saturating_add(4).saturating_add(size.into());
            let in_globals = sheet.is_none();
            if !self.wants(kind, in_globals, is_macro) {
                if !pass(stream, size.into()) {
                    break;
                }
                last_kind = if kind == record::CONTINUE { last_kind } else { kind };
                continue;
            }
            body.resize(usize::from(size), 0);
            let complete = stream.read_exact(&mut body).is_ok();
            match kind {
                record::BOF => {
                    depth = depth.saturating_add(1);
                    let what = u16_le(&body, 2).unwrap_or(0);
                    if what == 5 {
                        self.context.biff8 = u16_le(&body, 0).is_none_or(|version| version >= 0x600);
                        sheet = None;
                        last_kind = kind;
                        continue;
                    }
                    let known = self.sheets.iter().find(|sheet| sheet.place == start);
                    // Charts lie within sheets; a sheet that does not end is none of theirs.
                    if depth == 1 || sheet.is_none() || known.is_some() || what == 0x40 {
                        depth = 1;
                        is_macro = what == 0x40 || known.is_some_and(Sheet::is_macro);
                        if what == 0x40 && known.is_some_and(|known| !known.is_macro()) {
                            sink.anomaly(
                                "xlm-disguised",
                                &format!("{path:?}: a macro sheet is listed as another"),
                            );
                        }
                        let name = known.map_or_else(|| format!("at {start}"), |known| known.name.clone());
                        self.finish_globals(path, sink);
                        if is_macro {
                            self.line(&format!("macro sheet {name:?}"));
                        }
                        sheet = Some(name);
                    }
                }
                record::EOF => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.finish_globals(path, sink);
                        sheet = sheet.take().map(|_| String::from("?"));
                        is_macro = false;
                    }
                }
                record::FILEPASS => {
                    // What is encrypted comes here again if a password opens it.
                    if number > FIRST_RECORDS {
                        let detail = format!("macros of Excel 4 behind a late FilePass ({path})");
                        sink.gap(Reason::Encrypted, &detail);
                    }
                    return Ok(());
                }
                record::BOUNDSHEET => {
                    self.sheets.extend(self.listed(&body));
                    self.has_macros |= self.sheets.last().is_some_and(Sheet::is_macro);
                }
                record::NAME => {
                    self.kept = self.kept.saturating_add(body.len());
                    self.full |= self.kept > MOST_NAMES;
                    if self.kept <= MOST_NAMES {
                        self.names.extend(self.name(&body));
                    }
                }
                record::EXTERNSHEET if self.context.biff8 => self.references(&body),
                record::SUPBOOK => {
                    let linked = self.program(&body).filter(|_| anomalies < MOST_ANOMALIES);
                    if let Some(what) = linked {
                        anomalies = anomalies.saturating_add(1);
                        sink.anomaly(DDE, &format!("{path:?}: {what:.300?}"));
                    }
                }
                record::SST => self.shared.clone_from(&body),
                record::CONTINUE if last_kind == record::SST && self.shared.len() < MOST_STRINGS => {
                    self.seams.push(self.shared.len());
                    self.shared.extend_from_slice(&body);
                }
                _ => {
                    if let Some(name) = &sheet {
                        let line = self.cell(kind, &body, &last_cell);
                        if let Some((at, text)) = line {
                            let line = format!("{name}!{at}: {text}");
                            last_cell = at;
                            self.line(&line);
                        }
                    }
                }
            }
            last_kind = if kind == record::CONTINUE { last_kind } else { kind };
            if !complete {
                break;
            }
        }
        self.finish_globals(path, sink);
        Ok(())
    }

    /// Whether a record is read at all.
    fn wants(&self, kind: u16, in_globals: bool, is_macro: bool) -> bool {
        use record::{ARRAY, BOF, BOUNDSHEET, CONTINUE, EOF, EXTERNSHEET, FILEPASS, FORMULA, FORMULA_4};
        use record::{LABEL, LABEL_SST, MANY_RK, NAME, NUMBER, RICH, RK, SHARED, SST, STRING, SUPBOOK};
        let has_macros = is_macro || self.has_macros;
        match kind {
            BOF | EOF | FILEPASS | SUPBOOK => true,
            BOUNDSHEET => self.sheets.len() < MOST,
            NAME => self.names.len() < MOST,
            EXTERNSHEET => true,
            SST | CONTINUE => in_globals && has_macros,
            FORMULA | FORMULA_4 | SHARED | ARRAY => is_macro && !self.full,
            STRING | LABEL | RICH | LABEL_SST | NUMBER | RK | MANY_RK => has_macros && !self.full,
            _ => false,
        }
    }

    fn line(&mut self, line: &str) {
        if self.text.len().saturating_add(line.len()) > MOST_TEXT {
            self.full = true;
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A text with a count before it, of one byte or two.
    fn counted(&self, bytes: &[u8], at: usize, wide_count: bool) -> Option<String> {
        let (count, start) = if wide_count {
            (usize::from(u16_le(bytes, at)?), at.checked_add(2)?)
        } else {
            (usize::from(*bytes.get(at)?), at.checked_add(1)?)
        };
        let rest = bytes.get(start..)?;
        if self.context.biff8 {
            letters(rest, count).map(|known| known.0)
        } else {
            Some(narrow_text(rest.get(..count)?))
        }
    }

    fn listed(&self, body: &[u8]) -> Option<Sheet> {
        let name = self.counted(body, 6, false)?;
        Some(Sheet { name, place: u32_le(body, 0)?, state: body.get(4)? & 3, kind: *body.get(5)? })
    }

    /// A name, and the tokens of what it means.
    fn name(&self, body: &[u8]) -> Option<(String, Vec<u8>)> {
        let flags = u16_le(body, 0)?;
        let count = usize::from(*body.get(3)?);
        let size = usize::from(u16_le(body, 4)?);
        let rest = body.get(14..)?;
        let (name, taken) =
            if self.context.biff8 { letters(rest, count)? } else { (narrow_text(rest.get(..count)?), count) };
        // Names that Excel knows have one letter, which is a number.
        let name = match (flags & 0x20 != 0, name.chars().next()) {
            (true, Some('\u{1}')) => "Auto_Open".to_owned(),
            (true, Some('\u{2}')) => "Auto_Close".to_owned(),
            (true, Some('\u{a}')) => "Auto_Activate".to_owned(),
            (true, Some('\u{b}')) => "Auto_Deactivate".to_owned(),
            (true, Some(letter)) => format!("builtin{}", u32::from(letter)),
            _ => name,
        };
        let tokens = rest.get(taken..)?;
        Some((name, tokens.get(..size).unwrap_or(tokens).to_vec()))
    }

    /// The sheets that references mean.
    fn references(&mut self, body: &[u8]) {
        for entry in body.get(2..).unwrap_or_default().as_chunks::<6>().0.iter().take(MOST) {
            let number = usize::from(u16_le(entry, 2).unwrap_or(u16::MAX));
            let name = self.sheets.get(number).map(|sheet| sheet.name.clone());
            self.context.sheets.push(name.unwrap_or_else(|| format!("sheet{number}")));
            if self.context.sheets.len() >= MOST {
                break;
            }
        }
    }

    /// The program that a link by dynamic data exchange starts.
    fn program(&self, body: &[u8]) -> Option<String> {
        let count = usize::from(u16_le(body, 2)?);
        // Smaller ones mean this workbook, or functions of add-ins.
        if body.len() <= 4 || count == 0x0401 || count == 0x3a01 {
            return None;
        }
        let path = self.counted(body, 2, true)?;
        let (program, topic) = path.split_once('\u{3}')?;
        Some(format!("{program}|{topic}"))
    }

    /// Says what is known when all of the workbook but its sheets was read, once.
    fn finish_globals(&mut self, path: &str, sink: &mut dyn Sink) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let names = std::mem::take(&mut self.names);
        self.strings = strings(&std::mem::take(&mut self.shared), &self.seams);
        self.full |= self.strings.len() >= MOST_SHARED;
        self.context.names.extend(names.iter().map(|(name, _)| name.clone()));
        if !self.has_macros {
            return;
        }
        let states = ["visible", "hidden", "very hidden", "hidden"];
        let macros: Vec<String> = self
            .sheets
            .iter()
            .filter(|sheet| sheet.is_macro())
            .map(|sheet| {
                let state = states.get(usize::from(sheet.state)).copied().unwrap_or_default();
                format!("{:?} ({state})", sheet.name)
            })
            .collect();
        for line in macros.iter().take(MOST_ANOMALIES) {
            sink.anomaly("xlm-sheet", &format!("{path:?}: the macro sheet {line:.200}"));
        }
        let mut told = 0_usize;
        for (name, tokens) in names {
            let text = formula::text(&self.context, &tokens, (0, 0));
            if name.to_ascii_lowercase().starts_with("auto_") && told < MOST_ANOMALIES {
                told = told.saturating_add(1);
                sink.anomaly("xlm-auto", &format!("{path:?}: {name:.100} runs {text:.200} by itself"));
            }
            self.line(&format!("name {name} = {text}"));
        }
    }

    /// What a cell says, and where it is.
    fn cell(&self, kind: u16, body: &[u8], last: &str) -> Option<(String, String)> {
        let (row, column) = (u32::from(u16_le(body, 0)?), u32::from(u16_le(body, 2).unwrap_or(0)));
        let at = cell(row, column);
        let formula = |from: usize, at: (u32, u32)| {
            let size = usize::from(u16_le(body, from)?);
            let tokens = body.get(from.checked_add(2)?..)?;
            Some(format!("={}", formula::text(&self.context, tokens.get(..size).unwrap_or(tokens), at)))
        };
        let text = match kind {
            record::FORMULA | record::FORMULA_4 => formula(20, (row, column))?,
            record::SHARED | record::ARRAY => {
                let column = u32::from(*body.get(4)?);
                let text = formula(if kind == record::SHARED { 8 } else { 12 }, (row, column))?;
                return Some((cell(row, column), format!("shared {text}")));
            }
            // The value that the formula before had.
            record::STRING => {
                return Some((last.to_owned(), format!("was {:?}", self.counted(body, 0, true)?)));
            }
            record::LABEL | record::RICH => format!("{:?}", self.counted(body, 6, true)?),
            record::LABEL_SST => {
                let number = usize::try_from(u32_le(body, 6)?).ok()?;
                format!("{:?}", self.strings.get(number).map_or("?", String::as_str))
            }
            record::NUMBER => f64::from_le_bytes(array(body, 6)?).to_string(),
            record::RK => packed_number(u32_le(body, 6)?).to_string(),
            record::MANY_RK => {
                let numbers = body.get(4..)?.as_chunks::<6>().0.iter();
                let numbers = numbers.filter_map(|entry| u32_le(entry, 2));
                numbers.map(|number| packed_number(number).to_string()).collect::<Vec<_>>().join(" ")
            }
            _ => return None,
        };
        Some((at, text))
    }
}

/// A number in 30 bits, as [MS-XLS] 2.5.217 has it.
fn packed_number(number: u32) -> f64 {
    let value = if number & 2 != 0 {
        // The sign is that of the whole.
        f64::from(i32::from_ne_bytes(number.to_ne_bytes()) >> 2)
    } else {
        f64::from_bits(u64::from(number & !3) << 32)
    };
    if number & 1 != 0 { value / 100.0 } else { value }
}

/// The shared texts. Where a text goes on in another record, flags stand before its rest.
fn strings(bytes: &[u8], seams: &[usize]) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 8_usize;
    let mut seams = seams.iter().copied().peekable();
    while out.len() < MOST_SHARED
        && let Some((text, end)) = shared_string(bytes, at, &mut seams)
    {
        out.push(text);
        at = end;
    }
    out
}

type Seams<'a> = std::iter::Peekable<std::iter::Copied<std::slice::Iter<'a, usize>>>;

fn shared_string(bytes: &[u8], at: usize, seams: &mut Seams<'_>) -> Option<(String, usize)> {
    let mut left = usize::from(u16_le(bytes, at)?);
    let mut at = at.checked_add(2)?;
    let mut flags = *bytes.get(at)?;
    at = at.checked_add(1)?;
    let mut behind = 0_usize;
    if flags & 8 != 0 {
        behind = usize::from(u16_le(bytes, at)?).checked_mul(4)?;
        at = at.checked_add(2)?;
    }
    if flags & 4 != 0 {
        behind = behind.checked_add(usize::try_from(u32_le(bytes, at)?).ok()?)?;
        at = at.checked_add(4)?;
    }
    let mut text = String::new();
    while left > 0 {
        while seams.peek().is_some_and(|seam| *seam < at) {
            seams.next();
        }
        if seams.next_if(|seam| *seam == at).is_some() {
            flags = *bytes.get(at)?;
            at = at.checked_add(1)?;
        }
        let unit = if flags & 1 != 0 { 2 } else { 1 };
        let room = seams.peek().copied().unwrap_or(bytes.len()).checked_sub(at)?;
        let size = left.checked_mul(unit)?.min(room);
        if size < unit {
            // What is there of a text that is cut.
            return Some((text, bytes.len()));
        }
        let part = bytes.get(at..at.checked_add(size)?)?;
        text.push_str(&if unit == 2 { wide_text(part) } else { narrow_text(part) });
        left = left.checked_sub(size.checked_div(unit)?)?;
        at = at.checked_add(size)?;
    }
    Some((text, at.checked_add(behind)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unpacked() {
        assert_eq!(packed_number(0x3ff0_0000), 1.0);
        assert_eq!(packed_number(101 << 2 | 2), 101.0);
        assert_eq!(packed_number(150 << 2 | 3), 1.5);
        assert_eq!(packed_number(!1), -1.0);
    }

    #[test]
    fn shared_texts_go_on_in_other_records() {
        let mut bytes = b"\0\0\0\0\0\0\0\0\x03\0\0abc\x04\0\0de".to_vec();
        let seam = bytes.len();
        bytes.extend(b"\x01f\0g\0\x01\0\x08\x01\0hRRRR\x01\0\0i");
        assert_eq!(strings(&bytes, &[seam]), ["abc", "defg", "h", "i"]);
    }
}
