//! BinHex 4: a file of the classic Mac OS as text, with its data fork and its resource fork.
//!
//! Specification: RFC 1741, section 2, and its appendix A. Six bits in each character, runs of bytes, a header, the two
//! forks.

use std::io::{self, BufRead, ErrorKind, Read};
use std::rc::Rc;

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink, Stop};

use crate::fields::{self, u32_be};
use crate::search::find;
use crate::unpack::{Check, Promise, Steps, Unpacked, damaged, hand_over};
use crate::zip::methods::{Packed, Progress};
use crate::{Format, Glimpse};

const SIGN: &[u8] = b"(This file must be converted with BinHex";
const ALPHABET: &[u8; 64] = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
/// The byte that a count follows.
const RUN: u8 = 0x90;

/// The BinHex format.
pub(crate) struct Binhex;

impl Format for Binhex {
    fn file_type(&self) -> FileType {
        FileType::new("binhex")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.head.trim_ascii_start().starts_with(SIGN)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        // A colon at the start of a line begins the data; magic of signatures may name the type where there is no sign.
        let start = find(content, 0, (1, 2), sink, |head| matches!(head, [b'\n' | b'\r', b':']))?;
        let Some(start) = start.map(|start| start.saturating_add(2)) else {
            sink.gap(Reason::Truncated, "no data");
            return Ok(());
        };
        let end = find(content, start, (1, 1), sink, |head| head == b":")?;
        let body = content.range(start, end.unwrap_or(u64::MAX).saturating_sub(start));
        if end.is_none() {
            sink.gap(Reason::Truncated, "the colon at the end is missing");
        }
        open_forks(&body, sink)?;
        if let Some(end) = end {
            let rest = content.from(end.saturating_add(1));
            let window = rest.window(0, 1 << 16)?;
            if !window.iter().all(u8::is_ascii_whitespace) {
                sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
            }
        }
        Ok(())
    }
}

fn open_forks(body: &Content, sink: &mut dyn Sink) -> Flow {
    let progress = Rc::new(Progress::default());
    let mut header = Vec::new();
    let read = decoder(body, &progress).take(96).read_to_end(&mut header);
    if let Some(error) = progress.failure() {
        return Err(Stop::Unreadable(error));
    }
    if let Err(error) = read
        && header.is_empty()
    {
        sink.gap(Reason::Damaged, &format!("the header: {error}"));
        return Ok(());
    }
    let length = usize::from(header.first().copied().unwrap_or(0));
    let name = fields::name(header.get(1..length.saturating_add(1)).unwrap_or_default());
    let sizes = length.saturating_add(12);
    let (Some(data), Some(resources)) = (u32_be(&header, sizes), u32_be(&header, sizes.saturating_add(4)))
    else {
        sink.gap(Reason::Truncated, "the header");
        return Ok(());
    };
    let start = (length as u64).saturating_add(22);
    let data = u64::from(data);
    let forks = [
        (name.clone(), start, data),
        (format!("{name}:resources"), start.saturating_add(data).saturating_add(2), u64::from(resources)),
    ];
    for (name, skip, size) in forks {
        if size == 0 {
            continue;
        }
        let place = format!("fork {name:?}");
        let promise = Promise { size: Some(size), check: Check::None };
        hand_over(sink, Child::member(&name), &place, body, promise, |body, progress| {
            let fork = Fork { decoder: decoder(body, progress), skip, left: size };
            Ok(Box::new(fork) as Box<dyn Read>)
        })?;
    }
    Ok(())
}

/// A part of what is decoded.
struct Fork {
    decoder: Unpacked<Text>,
    skip: u64,
    left: u64,
}

impl Read for Fork {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.skip > 0 {
            let skipped = io::copy(&mut Read::by_ref(&mut self.decoder).take(self.skip), &mut io::sink())?;
            if skipped < self.skip {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.skip = 0;
        }
        let count = Read::by_ref(&mut self.decoder).take(self.left).read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn decoder(body: &Content, progress: &Rc<Progress>) -> Unpacked<Text> {
    let steps = Text { input: Packed::new(body, progress), bits: 0, count: 0, last: 0, in_run: false };
    Unpacked::new(steps, Vec::new(), 0, u64::MAX)
}

struct Text {
    input: Packed,
    bits: u32,
    count: u32,
    /// The byte that a run repeats.
    last: u8,
    in_run: bool,
}

impl Steps for Text {
    fn step(&mut self, output: &mut Vec<u8>) -> io::Result<bool> {
        let line = self.input.fill_buf()?;
        let line = line.get(..256).unwrap_or(line);
        if line.is_empty() {
            return Ok(false);
        }
        let taken = line.len();
        let mut result = Ok(true);
        for character in line {
            let value = match ALPHABET.iter().position(|known| known == character) {
                Some(value) => u32::try_from(value).unwrap_or_default(),
                None if character.is_ascii_whitespace() => continue,
                None => {
                    result = Err(damaged("a character is none of BinHex"));
                    break;
                }
            };
            self.bits = self.bits << 6 | value;
            self.count = self.count.saturating_add(6);
            if self.count < 8 {
                continue;
            }
            self.count = self.count.saturating_sub(8);
            let byte = u8::try_from(self.bits >> self.count & 0xff).unwrap_or_default();
            match (self.in_run, byte) {
                (false, RUN) => self.in_run = true,
                (false, byte) => {
                    output.push(byte);
                    self.last = byte;
                }
                // A run of none is the byte itself.
                (true, 0) => {
                    output.push(RUN);
                    (self.last, self.in_run) = (RUN, false);
                }
                (true, times) => {
                    let more = usize::from(times).saturating_sub(1);
                    output.resize(output.len().saturating_add(more), self.last);
                    self.in_run = false;
                }
            }
        }
        self.input.consume(taken);
        result
    }
}
