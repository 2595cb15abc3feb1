//! Python pickles: a program for a small stack machine, which may call any function. It is walked and never run.
//!
//! Specification: <https://github.com/python/cpython/blob/main/Lib/pickletools.py>. What it names and calls comes out as a
//! form; calls of what runs code or commands are anomalies.

use std::collections::HashMap;

use candor_object::{Child, Content, FileType, Flow, Form, Reason, Relation, Sink, Stop};

use crate::fields::{u16_le, u32_le, u64_le};
use crate::text::normalise::Normalised;
use crate::{Format, Glimpse};

/// The format of pickles.
pub(crate) struct Pickle;

const FORM: Form<'_> = Form { name: "pickle", file_type: FileType::new("text-normalized"), hashed: false };
/// Most bytes of the listing.
const MOST_LISTED: usize = 1 << 20;
/// Longest string that stands in the listing.
const LONGEST: usize = 4096;
/// Smallest string or bytes that come out by themselves, and most of them.
const SMALLEST: u64 = 64;
const MOST_PARTS: u32 = 256;
/// Most strings that are remembered.
const MOST_MEMOS: usize = 1 << 16;
/// Most anomalies of one pickle.
const MOST_ODD: u32 = 32;

/// Modules of which pickles of data need nothing, and what runs code in those that are common.
const DANGEROUS: &[&str] = &[
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "socket",
    "shutil",
    "runpy",
    "pty",
    "ctypes",
    "importlib",
    "urllib",
    "requests",
    "webbrowser",
    "marshal",
    "code",
    "pdb",
    "bdb",
    "timeit",
    "commands",
    "platform",
    "asyncio",
    "multiprocessing",
    "operator",
    "pip",
    "tempfile",
    "profile",
    "cProfile",
    "distutils",
    "_io",
    "io",
    "types",
    "http",
    "ftplib",
    "smtplib",
    "pickle",
    "cloudpickle",
    "dill",
    "venv",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "trace",
];
const FUNCTIONS: &[&str] = &[
    "eval",
    "exec",
    "compile",
    "getattr",
    "setattr",
    "__import__",
    "open",
    "apply",
    "execfile",
    "input",
    "breakpoint",
    "globals",
    "vars",
    "map",
    "load",
    "system",
    "popen",
];

impl Format for Pickle {
    fn file_type(&self) -> FileType {
        FileType::new("pickle")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let head = glimpse.head;
        let binary = matches!(head, [0x80, 2..=5, ..]);
        // The first protocol is text: only what names something and calls it counts.
        if !binary && !matches!(head, [b'c' | b'(', ..]) {
            return false;
        }
        let mut at = 0_usize;
        let (mut count, mut names, mut calls) = (0_u32, 0_u32, 0_u32);
        while let Some(operation) = head.get(at).copied() {
            let bytes = head.get(at..).unwrap_or_default();
            let Some(size) = size(operation, bytes) else {
                // What was named up to the damage is run all the same. What the head cuts is no mistake.
                return binary && (names > 0 || count >= 3 && head.len() as u64 != glimpse.size);
            };
            count = count.saturating_add(1);
            match operation {
                b'c' | b'i' if is_named(bytes) => names = names.saturating_add(1),
                b'c' | b'i' => return false,
                0x93 => names = names.saturating_add(1),
                _ => {}
            }
            calls = calls.saturating_add(u32::from(matches!(operation, b'R' | b'i' | b'o' | b'b' | 0x81)));
            if operation == b'.' {
                return binary || calls > 0 && names > 0;
            }
            at = at.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        }
        binary && (names > 0 || count >= 2 && at as u64 <= glimpse.size)
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let mut walk = Walk::default();
        let mut offset = 0_u64;
        loop {
            offset = walk.pickle(content, offset, sink)?;
            // Several may follow each other.
            let next = content.window(offset, 2)?;
            if !(walk.stopped && matches!(*next, [0x80, 2..=5])) {
                break;
            }
        }
        if !walk.stopped {
            let detail = format!("the pickle is damaged or cut at offset {offset}");
            sink.gap(if offset >= content.size() { Reason::Truncated } else { Reason::Damaged }, &detail);
        }
        let blank =
            content.window(offset, 2)?.trim_ascii().is_empty() && content.size().saturating_sub(offset) < 3;
        if offset < content.size() && offset > 0 && !blank {
            sink.range(Child { name: "", relation: Relation::Overlay }, content.from(offset))?;
        }
        if sink.wants(FORM) && !walk.listing.is_empty() {
            let listing = Content::from_vec(walk.listing);
            sink.form(FORM, &mut Normalised::new(listing))?;
        }
        Ok(())
    }
}

/// Whether the two lines behind an operation are names.
fn is_named(bytes: &[u8]) -> bool {
    let lines = bytes.get(1..).unwrap_or_default().split(|byte| *byte == b'\n').take(2);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.<>".contains(byte) || *byte >= 0x80;
    lines.filter(|line| !line.is_empty() && line.len() < 256 && line.iter().all(is_name)).count() == 2
}

/// Bytes of an operation with its argument, as far as `bytes` tells; nothing if there is no such operation.
fn size(operation: u8, bytes: &[u8]) -> Option<u64> {
    let lines = |count: usize| {
        let mut ends = memchr::memchr_iter(b'\n', bytes);
        ends.nth(count.saturating_sub(1)).map(|end| end.saturating_add(1) as u64)
    };
    let after = |size: u64, number: Option<u64>| Some(size.saturating_add(number?));
    match operation {
        b'('
        | b'.'
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'R'
        | b'Q'
        | b'a'
        | b'b'
        | b'd'
        | b'}'
        | b'e'
        | b'l'
        | b']'
        | b'o'
        | b's'
        | b't'
        | b')'
        | b'u'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94
        | 0x97
        | 0x98 => Some(1),
        b'F' | b'I' | b'L' | b'S' | b'V' | b'P' | b'g' | b'p' => lines(1),
        b'c' | b'i' => lines(2),
        b'G' | 0x95 => Some(9),
        b'J' | b'j' | b'r' | 0x84 => Some(5),
        b'K' | b'h' | b'q' | 0x80 | 0x82 => Some(2),
        b'M' | 0x83 => Some(3),
        b'T' | b'X' | b'B' | 0x8b => after(5, u32_le(bytes, 1).map(u64::from)),
        b'U' | b'C' | 0x8a | 0x8c => after(2, bytes.get(1).copied().map(u64::from)),
        0x8d | 0x8e | 0x96 => after(9, u64_le(bytes, 1)),
        _ => None,
    }
}

/// What a walk has seen.
#[derive(Default)]
struct Walk {
    listing: Vec<u8>,
    /// The last strings that were pushed.
    strings: Vec<String>,
    memo: HashMap<u64, String>,
    memos: u64,
    parts: u32,
    odd: u32,
    stopped: bool,
}

impl Walk {
    /// Walks one pickle; where it ends.
    fn pickle(&mut self, content: &Content, from: u64, sink: &mut dyn Sink) -> Result<u64, Stop> {
        self.stopped = false;
        self.memo.clear();
        self.memos = 0;
        let mut offset = from;
        loop {
            sink.pulse()?;
            let bytes = content.window(offset, LONGEST)?;
            let Some(operation) = bytes.first().copied() else { return Ok(offset) };
            let Some(size) = size(operation, &bytes) else { return Ok(offset) };
            let end = offset.saturating_add(size);
            if end > content.size() {
                return Ok(offset);
            }
            let shown =
                bytes.get(..usize::try_from(size).unwrap_or(LONGEST).min(bytes.len())).unwrap_or(&bytes);
            self.operation(operation, shown, sink);
            let header = match operation {
                b'T' | b'X' | b'B' => 5,
                b'U' | b'C' | 0x8c => 2,
                0x8d | 0x8e | 0x96 => 9,
                _ => size,
            };
            let held = size.saturating_sub(header);
            if held >= SMALLEST && self.parts < MOST_PARTS {
                self.parts = self.parts.saturating_add(1);
                sink.range(Child::part(""), content.range(offset.saturating_add(header), held))?;
            }
            offset = end;
            if operation == b'.' {
                self.stopped = true;
                return Ok(offset);
            }
        }
    }

    fn operation(&mut self, operation: u8, bytes: &[u8], sink: &mut dyn Sink) {
        let text = |from: usize| String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned();
        match operation {
            b'T' | b'X' | b'B' => self.push(text(5)),
            b'U' | b'C' | 0x8c => self.push(text(2)),
            0x8d | 0x8e | 0x96 => self.push(text(9)),
            b'S' | b'V' => self.push(text(1).trim().trim_matches(['\'', '"']).to_owned()),
            b'c' | b'i' => {
                let text = text(1);
                let mut lines = text.lines();
                let (module, name) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
                self.global(module, name, sink);
                if operation == b'i' {
                    self.list("call", "");
                }
            }
            0x93 => {
                let name = self.strings.pop().unwrap_or_default();
                let module = self.strings.pop().unwrap_or_default();
                self.global(&module, &name, sink);
            }
            b'R' | b'o' | 0x81 | 0x92 => self.list("call", ""),
            b'b' => self.list("build", ""),
            0x94 => {
                let number = self.memos;
                self.memos = self.memos.saturating_add(1);
                self.remember(number);
            }
            b'q' => self.remember(bytes.get(1).copied().map_or(0, u64::from)),
            b'r' => self.remember(u32_le(bytes, 1).map_or(0, u64::from)),
            b'p' => self.remember(text(1).trim().parse().unwrap_or(0)),
            b'h' => self.recall(bytes.get(1).copied().map_or(0, u64::from)),
            b'j' => self.recall(u32_le(bytes, 1).map_or(0, u64::from)),
            b'g' => self.recall(text(1).trim().parse().unwrap_or(0)),
            0x82..=0x84 => {
                let code = u16_le(bytes, 1).or_else(|| bytes.get(1).copied().map(u16::from)).unwrap_or(0);
                self.list("extension", &code.to_string());
            }
            _ => {}
        }
    }

    fn push(&mut self, text: String) {
        if text.len() >= 3 {
            self.list("string", &text);
        }
        if self.strings.len() >= 64 {
            self.strings.remove(0);
        }
        self.strings.push(text);
    }

    fn remember(&mut self, number: u64) {
        if let Some(last) = self.strings.last()
            && self.memo.len() < MOST_MEMOS
            && last.len() <= 256
        {
            self.memo.insert(number, last.clone());
        }
    }

    fn recall(&mut self, number: u64) {
        if let Some(text) = self.memo.get(&number).cloned() {
            self.strings.push(text);
            if self.strings.len() > 64 {
                self.strings.remove(0);
            }
        }
    }

    fn global(&mut self, module: &str, name: &str, sink: &mut dyn Sink) {
        self.list("global", &format!("{module}.{name}"));
        let package = module.split('.').next().unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        if (DANGEROUS.contains(&package) || FUNCTIONS.contains(&last)) && self.odd < MOST_ODD {
            self.odd = self.odd.saturating_add(1);
            let (module, name) = (cut(module), cut(name));
            sink.anomaly("runs-code", &format!("the pickle names {module}.{name}"));
        }
    }

    fn list(&mut self, what: &str, text: &str) {
        if self.listing.len() < MOST_LISTED {
            self.listing.extend_from_slice(what.as_bytes());
            self.listing.push(b' ');
            self.listing.extend_from_slice(text.as_bytes());
            self.listing.push(b'\n');
        }
    }
}

/// The first letters of a name.
fn cut(name: &str) -> String {
    name.chars().take(64).collect()
}
