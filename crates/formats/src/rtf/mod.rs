//! RTF: the objects, pictures and other data in hexadecimal digits that a document holds.
//!
//! Specification: RTF 1.9.1, <https://interoperability.blob.core.windows.net/files/Archive_References/[MSFT-RTF].pdf>.
//!
//! Exploits live in objects, hidden by all that readers tolerate: words, groups and escapes between the digits, groups that
//! are never closed, `{\rt` alone as the header, bytes of `\bin` that hold more of the document. A group of data is
//! handed over as it is met, and looked into again, since data may hold data.

mod hex;
mod tokens;
mod words;

use std::io::{Cursor, Read};

use candor_object::{Child, Content, FileType, Flow, Limit, Link, Reason, Relation, Sink, Stop};
use memchr::memmem;

use crate::ole1::{self, Trust};
use crate::{Format, Glimpse, references};
use hex::{Hex, Reading};
use tokens::{Token, Tokens};

/// Blanks before the header that are believed.
const MOST_BLANKS: usize = 64;
/// Bytes of a text that is judged.
const LONGEST_TEXT: usize = 8 << 10;
/// Texts around each other.
const MOST_TEXTS: usize = 64;
/// Bytes that are read again, as a multiple of the content: data in data in data is read as often as it is deep.
const MOST_PASSES: u64 = 8;
/// Stretches of bytes of `\bin` that are looked into.
const MOST_BINARY: usize = 1000;
/// Anomalies of a document.
const MOST_ANOMALIES: u32 = 100;
/// Bytes that are looked at between two looks at the clock.
const PULSE: u64 = 64 << 10;

/// What objects are called.
const OBJECT: &str = "object";

/// The RTF format.
pub(crate) struct Rtf;

impl Format for Rtf {
    fn file_type(&self) -> FileType {
        FileType::new("rtf")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        let blanks = glimpse.head.iter().take(MOST_BLANKS).position(|byte| !byte.is_ascii_whitespace());
        glimpse.has(blanks.unwrap_or(0), b"{\\rt")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let most = content.size().saturating_mul(MOST_PASSES).saturating_add(16 << 20);
        let mut walk = Walk {
            content,
            sink,
            left: most,
            objects: 0,
            binary: Vec::new(),
            binary_count: 0,
            over: false,
            tired: false,
            anomalies: 0,
        };
        walk.run(0, content.size())?;
        walk.hidden()
    }
}

/// What the text of a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Template,
    Field,
    /// Something else, which is no part of the text around it.
    Other,
}

/// A text that is put together.
struct Gathered {
    what: Text,
    /// The depth of its group.
    depth: u32,
    text: Vec<u8>,
}

struct Walk<'c, 's> {
    content: &'c Content,
    sink: &'s mut dyn Sink,
    /// Bytes that may still be read.
    left: u64,
    objects: u32,
    /// Where bytes of `\bin` lie outside of data.
    binary: Vec<(u64, u64)>,
    /// How many of those there were.
    binary_count: usize,
    /// Whether the first group was closed.
    over: bool,
    /// Whether it was told that not all was read.
    tired: bool,
    anomalies: u32,
}

impl Walk<'_, '_> {
    /// Goes through the groups between two places.
    fn run(&mut self, from: u64, to: u64) -> Flow {
        let mut tokens = Tokens::new(self.content, from);
        let mut depth = 0_u32;
        let mut texts: Vec<Gathered> = Vec::new();
        let mut data: Option<u32> = None;
        let mut pulsed = from;
        // Letters that stand behind `\u` for readers that know no Unicode, and those of them that still come.
        let (mut replacements, mut replaced) = (1_i32, 0_i32);
        while let Some(token) = tokens.next()? {
            if tokens.position() > to {
                break;
            }
            if tokens.position().saturating_sub(pulsed) > PULSE {
                pulsed = tokens.position();
                self.sink.pulse()?;
            }
            match token {
                Token::Open => {
                    depth = depth.saturating_add(1);
                    replaced = 0;
                }
                Token::Close => {
                    depth = depth.saturating_sub(1);
                    replaced = 0;
                    data = data.filter(|data| depth >= *data);
                    while texts.last().is_some_and(|text| text.depth > depth) {
                        self.judge(texts.pop());
                    }
                    let is_over = from == 0 && depth == 0 && !std::mem::replace(&mut self.over, depth == 0);
                    if is_over && self.ends_at(tokens.position())? {
                        return Ok(());
                    }
                }
                Token::Word => {
                    let found = self.word(&mut tokens, depth)?;
                    if found {
                        data = data.or(Some(depth));
                    }
                    if let Some(what) = text_of(&tokens.word).filter(|_| texts.len() < MOST_TEXTS) {
                        texts.push(Gathered { what, depth, text: Vec::new() });
                    } else if let Some(letter) = letter_of(&tokens) {
                        push(&mut texts, letter.encode_utf8(&mut [0; 4]).as_bytes());
                        replaced = replacements;
                    } else if tokens.word == b"uc" {
                        replacements = tokens.number.unwrap_or(1);
                    }
                }
                Token::Escape(_) | Token::Text(_) if replaced > 0 => replaced = replaced.saturating_sub(1),
                Token::Text(b'\r' | b'\n') => {}
                Token::Escape(byte) | Token::Text(byte) => push(&mut texts, &[byte]),
                Token::Symbol(symbol @ (b'\\' | b'{' | b'}')) => push(&mut texts, &[symbol]),
                Token::Binary(start, size) if size > 0 && data.is_none() => self.note_binary(start, size),
                Token::Symbol(_) | Token::Binary(..) => {}
            }
        }
        while let Some(text) = texts.pop() {
            self.judge(Some(text));
        }
        if depth > 0 && from == 0 {
            self.anomaly("rtf-unclosed", &format!("{depth} groups are not closed"));
        }
        Ok(())
    }

    /// Looks at a control word; whether data begins.
    fn word(&mut self, tokens: &mut Tokens<'_>, depth: u32) -> Result<bool, Stop> {
        let kind = match tokens.word.as_slice() {
            b"objdata" => OBJECT,
            b"pict" => "picture",
            b"datastore" => "data store",
            b"themedata" => "theme",
            b"colorschememapping" => "color scheme",
            b"fontemb" => "font",
            b"objalias" => "alias",
            b"objsect" => "section",
            b"svb" => "svb",
            b"objupdate" => {
                let detail = format!("an object at offset {} is loaded at once", tokens.position());
                self.anomaly("rtf-objupdate", &detail);
                return Ok(false);
            }
            _ => return Ok(false),
        };
        self.objects = self.objects.saturating_add(1);
        if depth == 0 {
            self.anomaly("rtf-no-group", &format!("{kind} at offset {} is in no group", tokens.position()));
        }
        let label = format!("{kind} {}", self.objects);
        let at = tokens.position();
        // Every picture of Word has a group that is ignored.
        if self.data(&label, at, Reading::Word)? && kind == OBJECT {
            let detail = format!("{label} at offset {at} can be read in two ways");
            self.anomaly("rtf-ambiguous", &detail);
            self.data(&label, at, Reading::Plain)?;
        }
        Ok(true)
    }

    /// Hands over data that begins at a place; whether another reading gives something else.
    fn data(&mut self, label: &str, at: u64, reading: Reading) -> Result<bool, Stop> {
        if self.left == 0 {
            if !std::mem::replace(&mut self.tired, true) {
                let detail = format!("{label} at offset {at} and what follows: too much data in data");
                self.sink.gap(Reason::Limit(Limit::UnpackedBytes), &detail);
            }
            return Ok(false);
        }
        let mut hex = Hex::new(self.content, at, reading);
        let mut first = [0; 1];
        // Errors of reading come again.
        let any = hex.read(&mut first).unwrap_or(0);
        if any > 0 {
            let mut body = Cursor::new(first).chain(&mut hex);
            if label.starts_with(OBJECT) {
                let trust = if reading == Reading::Word { Trust::Full } else { Trust::None };
                ole1::open(label, trust, &mut body, self.sink)?;
            } else {
                self.sink.child(Child::member(label), &mut body)?;
            }
            ole1::drain(&mut body, self.sink)?;
            if !hex.closed && reading == Reading::Word {
                let detail = format!("{label} at offset {at} is not closed");
                self.sink.gap(Reason::Truncated, &detail);
            }
        }
        self.left = self.left.saturating_sub(hex.passed());
        Ok(hex.differs)
    }

    /// Whether the document ends here, where its first group is closed. What lies behind is handed over; only Word does not
    /// look at it.
    fn ends_at(&mut self, end: u64) -> Result<bool, Stop> {
        let rest = self.content.from(end);
        let start = rest.window(0, MOST_BLANKS)?;
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
        if start.iter().all(blank) && rest.size() <= MOST_BLANKS as u64 {
            return Ok(true);
        }
        let begins = start.iter().position(|byte| !blank(byte)).unwrap_or(0);
        let is_document = start.get(begins..).is_some_and(|start| start.starts_with(b"{\\rt"));
        self.sink.range(Child { name: "", relation: Relation::Overlay }, rest)?;
        Ok(is_document)
    }

    fn note_binary(&mut self, start: u64, size: u64) {
        match self.binary.last_mut() {
            // What lies between them is looked into as well.
            Some((first, whole)) if self.binary_count >= MOST_BINARY => {
                *whole = start.saturating_add(size).saturating_sub(*first);
            }
            _ => {
                self.binary.push((start, size));
                self.binary_count = self.binary_count.saturating_add(1);
            }
        }
    }

    /// Looks for data in bytes that `\bin` hides.
    fn hidden(&mut self) -> Flow {
        while let Some((start, size)) = self.binary.pop() {
            self.sink.pulse()?;
            let end = start.saturating_add(size);
            let Some(place) = self.place_of_data(start, end)? else { continue };
            if self.left < size {
                let detail = format!("{size} bytes of bin at offset {start} are not looked into");
                self.sink.gap(Reason::Limit(Limit::UnpackedBytes), &detail);
                continue;
            }
            self.left = self.left.saturating_sub(size);
            self.anomaly("rtf-hidden", &format!("data at offset {place}, in bytes of bin"));
            self.run(start, end)?;
        }
        Ok(())
    }

    /// The first place between two where data may begin.
    fn place_of_data(&mut self, start: u64, end: u64) -> Result<Option<u64>, Stop> {
        const WORD: &[u8] = b"\\objdata";
        let mut at = start;
        while at < end {
            self.sink.pulse()?;
            let size = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(1 << 20);
            let window = self.content.window(at, size)?;
            if let Some(place) = memmem::find(&window, WORD) {
                return Ok(Some(at.saturating_add(place as u64)));
            }
            if window.len() <= WORD.len() {
                break;
            }
            at = at.saturating_add(window.len().saturating_sub(WORD.len()) as u64);
        }
        Ok(None)
    }

    /// Looks at a text that is complete.
    fn judge(&mut self, text: Option<Gathered>) {
        let Some(Gathered { what, text, .. }) = text else { return };
        let shown = String::from_utf8_lossy(&text);
        let shown = shown.trim();
        match what {
            Text::Template if references::is_elsewhere(shown) => {
                self.anomaly(references::EXTERNAL, &format!("the template is {shown:.300?}"));
            }
            Text::Field => self.field(shown),
            Text::Template | Text::Other => {}
        }
    }

    /// Looks at what a field does.
    fn field(&mut self, shown: &str) {
        if let Some(target) = references::link(shown) {
            self.sink.link(Link { target: target.as_bytes(), shown: b"", is_text: true });
        }
        if let Some((name, detail)) = references::judge(shown) {
            self.anomaly(name, &detail);
        }
    }

    fn anomaly(&mut self, name: &'static str, detail: &str) {
        self.anomalies = self.anomalies.saturating_add(1);
        if self.anomalies <= MOST_ANOMALIES {
            self.sink.anomaly(name, detail);
        }
    }
}

fn text_of(word: &[u8]) -> Option<Text> {
    match word {
        b"template" => Some(Text::Template),
        b"fldinst" => Some(Text::Field),
        b"fldrslt" | b"objclass" | b"objdata" | b"pict" | b"datastore" => Some(Text::Other),
        _ => None,
    }
}

/// The letter that a word stands for.
fn letter_of(tokens: &Tokens<'_>) -> Option<char> {
    if tokens.word != b"u" {
        return None;
    }
    // Letters beyond 32767 are negative.
    let number = tokens.number?;
    let number = if number < 0 { number.saturating_add(0x1_0000) } else { number };
    char::from_u32(u32::try_from(number).ok()?)
}

fn push(texts: &mut [Gathered], bytes: &[u8]) {
    if let Some(last) = texts.last_mut()
        && last.what != Text::Other
        && last.text.len() < LONGEST_TEXT
    {
        last.text.extend_from_slice(bytes);
    }
}
