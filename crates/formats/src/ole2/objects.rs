//! Objects within streams: packages, links by address, the files that presentations of PowerPoint hold, and fields of Word.
//!
//! Specifications: [MS-OLEDS] 2.3.6, [MS-PPT] 2.10.34 (`ExOleObjStg`) and 2.3.1 (records), [MS-DOC] 2.8.25 (fields).

use std::io::{self, BufReader, Read};

use candor_object::{Child, Flow, Limit, Reason, Sink};
use flate2::read::ZlibDecoder;

use super::compound::Compound;
use super::entries::Entry;
use super::excel;
use crate::fields::{u16_le, u32_le};
use crate::{ole1, references};

/// Most records of a presentation that hold files.
const MOST_FILES: u32 = 10_000;
/// Bytes of a document of Word that are searched for fields.
const MOST_TEXT: u64 = 16 << 20;
/// Longest field.
const LONGEST_FIELD: usize = 1 << 10;
/// Fields that are told of.
const MOST_FIELDS: u32 = 50;

/// Hands over what is in a stream.
pub(super) fn open(compound: &Compound<'_>, entry: &Entry, sink: &mut dyn Sink) -> Flow {
    let stream = || BufReader::with_capacity(4 << 10, compound.stream(entry));
    // Many begin with a control character.
    let label: String = entry.path.chars().filter(|letter| !letter.is_control()).collect();
    // Names of streams are compared so by all readers.
    match entry.name().to_ascii_lowercase().as_str() {
        "\x01ole10native" => ole1::native(&label, &mut stream(), sink),
        "\x01ole" => ole1::note_address(&label, &mut stream(), sink),
        "powerpoint document" => presentation(&label, &mut stream(), sink),
        "workbook" | "book" => excel::open(&entry.path, compound.stream(entry), sink),
        "worddocument" => fields(&mut stream(), sink),
        _ => Ok(()),
    }
}

/// Passes so many bytes; whether they were there.
fn pass(body: &mut dyn Read, size: u64) -> bool {
    io::copy(&mut body.take(size), &mut io::sink()).is_ok_and(|count| count == size)
}

/// A file of a presentation, with errors that name it.
struct Packed<'r, R> {
    decoder: ZlibDecoder<R>,
    name: &'r str,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.name));
        self.decoder.read(buffer).map_err(named)
    }
}

/// Goes through the records of a presentation.
fn presentation(path: &str, body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    const FILE: u16 = 0x1011;
    let mut files = 0_u32;
    let mut header = [0; 8];
    // Damage is a gap of the stream.
    while body.read_exact(&mut header).is_ok() {
        sink.pulse()?;
        let version = u16_le(&header, 0).unwrap_or(0);
        let kind = u16_le(&header, 2).unwrap_or(0);
        let size = u64::from(u32_le(&header, 4).unwrap_or(0));
        // What is in a container follows its header.
        if version & 15 == 15 {
            continue;
        }
        if kind != FILE {
            if !pass(body, size) {
                break;
            }
            continue;
        }
        files = files.saturating_add(1);
        if files > MOST_FILES {
            sink.gap(Reason::Limit(Limit::Objects), &format!("{path} holds too many files"));
            break;
        }
        let name = format!("{path} object {files}");
        let mut data = body.take(size);
        if version >> 4 == 0 {
            sink.child(Child::member(&name), &mut data)?;
        } else if pass(&mut data, 4) {
            // Behind the size that it unpacks to.
            let mut packed = Packed { decoder: ZlibDecoder::new(&mut data), name: &name };
            sink.child(Child::member(&name), &mut packed)?;
        }
        ole1::drain(&mut data, sink)?;
    }
    Ok(())
}

/// Looks for fields in the text of a document, which lies among other things, in bytes or in pairs of bytes.
fn fields(body: &mut dyn Read, sink: &mut dyn Sink) -> Flow {
    const BEGIN: u8 = 0x13;
    let mut bytes = Vec::new();
    // Damage is a gap of the stream.
    let _ = body.take(MOST_TEXT).read_to_end(&mut bytes);
    let mut told = 0_u32;
    for (number, place) in memchr::memchr_iter(BEGIN, &bytes).enumerate() {
        if number.is_multiple_of(1 << 12) {
            sink.pulse()?;
        }
        let rest = bytes.get(place.saturating_add(1)..).unwrap_or_default();
        let text =
            if rest.first() == Some(&0) { pairs(rest.get(1..).unwrap_or_default()) } else { single(rest) };
        let Some((name, detail)) = text.and_then(|text| references::judge(&text)) else { continue };
        sink.anomaly(name, &detail);
        told = told.saturating_add(1);
        if told >= MOST_FIELDS {
            break;
        }
    }
    Ok(())
}

/// What may stand in the instruction of a field; it ends with its result or its end.
fn instruction(letters: impl Iterator<Item = u16>) -> Option<String> {
    let mut text = String::new();
    for letter in letters.take(LONGEST_FIELD) {
        match letter {
            0x14 | 0x15 => return Some(text),
            // A field in the field.
            0x13 => text.push(' '),
            0 => return None,
            letter => text.push(char::from_u32(letter.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
    None
}

fn single(bytes: &[u8]) -> Option<String> {
    instruction(bytes.iter().map(|byte| u16::from(*byte)))
}

fn pairs(bytes: &[u8]) -> Option<String> {
    instruction(bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)))
}
