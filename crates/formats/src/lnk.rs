//! Windows shortcuts: what they run and with which arguments, as text; extra data and what lies behind come out.
//!
//! Specification: MS-SHLLINK, <https://learn.microsoft.com/openspecs/windows_protocols/ms-shllink>.

use candor_object::{Child, Content, FileType, Flow, Reason, Relation, Sink};

use crate::fields::{self, u16_le, u32_le};
use crate::{Format, Glimpse, search};

/// The format of shortcuts.
pub(crate) struct Lnk;

const HEADER: u64 = 76;
/// Most blocks of extra data.
const MOST_BLOCKS: u32 = 1024;
/// Bytes of extra data from which on a block comes out; smaller ones hold numbers.
const SMALLEST: u64 = 64;
const ENVIRONMENT: u32 = 0xa000_0001;
const ICON: u32 = 0xa000_0007;
const DARWIN: u32 = 0xa000_0006;

impl Format for Lnk {
    fn file_type(&self) -> FileType {
        FileType::new("lnk")
    }

    fn recognises(&self, glimpse: &Glimpse<'_>) -> bool {
        glimpse.has(0, b"\x4c\0\0\0\x01\x14\x02\0")
    }

    fn open(&self, content: &Content, sink: &mut dyn Sink) -> Flow {
        let head = content.window(0, 76)?.into_owned();
        let Some(flags) = u32_le(&head, 20) else {
            sink.gap(Reason::Truncated, "the header of the shortcut is cut");
            return Ok(());
        };
        let mut shortcut = Shortcut { content, offset: HEADER, text: String::new(), cut: false };
        if flags & 1 != 0 {
            shortcut.target()?;
        }
        if flags & 2 != 0 {
            shortcut.info()?;
        }
        let wide = flags & 0x80 != 0;
        let names = [
            (4, "description"),
            (8, "relative path"),
            (16, "working directory"),
            (32, "arguments"),
            (64, "icon"),
        ];
        for (flag, name) in names {
            if flags & flag != 0 {
                shortcut.string(name, wide)?;
            }
        }
        shortcut.extra(sink)?;
        if shortcut.cut {
            sink.gap(Reason::Truncated, "the shortcut ends too early");
        }
        let text = shortcut.text;
        if !text.is_empty() {
            sink.child(Child { name: "shortcut.txt", relation: Relation::Stream }, &mut text.as_bytes())?;
        }
        Ok(())
    }
}

/// A shortcut that is being read.
struct Shortcut<'a> {
    content: &'a Content,
    offset: u64,
    /// What it says, a line each.
    text: String,
    cut: bool,
}

impl Shortcut<'_> {
    fn say(&mut self, name: &str, value: &str) {
        let value = value.trim_end_matches('\0');
        if !value.is_empty() {
            self.text.push_str(name);
            self.text.push_str(": ");
            // It must be a text to be looked at as one.
            self.text.extend(value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }));
            self.text.push('\n');
        }
    }

    /// The bytes of a structure that begins with its size in two bytes or four.
    fn sized(&mut self, long: bool) -> std::io::Result<Vec<u8>> {
        let head = self.content.window(self.offset, 4)?;
        let size = if long { u32_le(&head, 0) } else { u16_le(&head, 0).map(u32::from) };
        let size = u64::from(size.unwrap_or(0)).saturating_add(if long { 0 } else { 2 });
        drop(head);
        let bytes = self.content.window(self.offset, usize::try_from(size.min(1 << 20)).unwrap_or(0))?;
        let bytes = bytes.into_owned();
        self.offset = self.offset.saturating_add(size.max(if long { 4 } else { 2 }));
        self.cut |= self.offset > self.content.size();
        Ok(bytes)
    }

    /// The list of identifiers: the names in it, in both encodings.
    fn target(&mut self) -> std::io::Result<()> {
        let list = self.sized(false)?;
        let mut at = 2_usize;
        let mut path = Vec::new();
        while let Some(size) = u16_le(&list, at).map(usize::from).filter(|size| *size > 2) {
            let item = list.get(at..at.saturating_add(size).min(list.len())).unwrap_or_default();
            // A file or folder: its short name; the long one stands in a block behind it.
            match item.get(2) {
                Some(kind) if kind & 0x70 == 0x30 => {
                    let short = fields::name(item.get(14..).unwrap_or_default());
                    path.push(long_name(item).unwrap_or(short));
                }
                Some(kind) if kind & 0x70 == 0x20 => {
                    path.push(fields::name(item.get(3..).unwrap_or_default()))
                }
                _ => path.extend(long_name(item)),
            }
            at = at.saturating_add(size);
        }
        self.say("target", &path.join("\\"));
        Ok(())
    }

    /// The place of the file: its paths.
    fn info(&mut self) -> std::io::Result<()> {
        let info = self.sized(true)?;
        let at =
            |field: usize| u32_le(&info, field).and_then(|at| usize::try_from(at).ok()).filter(|at| *at > 0);
        let narrow = |at: usize| fields::name(info.get(at..).unwrap_or_default());
        let wide = |at: usize| wide_name(info.get(at..).unwrap_or_default());
        let has_wide = at(4).is_some_and(|header| header >= 36);
        let mut found = Vec::new();
        found.extend(at(16).map(|at| ("local path", narrow(at))));
        found.extend(at(24).map(|at| ("path suffix", narrow(at))));
        if has_wide {
            found.extend(at(28).map(|at| ("local path", wide(at))));
            found.extend(at(32).map(|at| ("path suffix", wide(at))));
        }
        if let Some(link) = at(20) {
            let name = u32_le(&info, link.saturating_add(8)).and_then(|at| usize::try_from(at).ok());
            found.extend(name.map(|name| ("network path", narrow(link.saturating_add(name)))));
        }
        for (name, value) in found {
            self.say(name, &value);
        }
        Ok(())
    }

    fn string(&mut self, name: &str, wide: bool) -> std::io::Result<()> {
        let count = u16_le(&self.content.window(self.offset, 2)?, 0).map_or(0, usize::from);
        let size = if wide { count.saturating_mul(2) } else { count };
        let bytes = self.content.window(self.offset.saturating_add(2), size)?.into_owned();
        self.cut |= bytes.len() < size;
        self.offset = self.offset.saturating_add(2).saturating_add(size as u64);
        let value = if wide { utf16(&bytes) } else { String::from_utf8_lossy(&bytes).into_owned() };
        // Many spaces hide the rest in Windows' dialogs.
        self.say(name, &value);
        Ok(())
    }

    /// The blocks of extra data, and what lies behind them.
    fn extra(&mut self, sink: &mut dyn Sink) -> Flow {
        for number in 0.. {
            sink.pulse()?;
            let head = self.content.window(self.offset, 8)?.into_owned();
            let size = u32_le(&head, 0).map_or(0, u64::from);
            if size < 8 || number >= MOST_BLOCKS {
                self.offset = self.offset.saturating_add(if head.len() >= 4 && size < 4 { 4 } else { 0 });
                break;
            }
            let end = self.offset.saturating_add(size);
            let kind = u32_le(&head, 4).unwrap_or(0);
            if end > self.content.size() || kind >> 16 != 0xa000 {
                sink.anomaly(
                    "odd-block",
                    &format!("block {kind:08x} of {size} bytes at offset {}", self.offset),
                );
                break;
            }
            let body = self.content.range(self.offset.saturating_add(8), size.saturating_sub(8));
            let name = match kind {
                ENVIRONMENT => "environment",
                ICON => "icon in the environment",
                DARWIN => "product",
                _ => "",
            };
            if name.is_empty() {
                if body.size() >= SMALLEST {
                    sink.range(Child::part(&format!("block {kind:08x}")), body)?;
                }
            } else {
                let bytes = body.window(0, 780)?.into_owned();
                self.say(name, &fields::name(bytes.get(..260.min(bytes.len())).unwrap_or_default()));
                self.say(name, &wide_name(bytes.get(260..).unwrap_or_default()));
                if body.size() > 800 {
                    sink.range(Child::part(&format!("block {kind:08x}")), body)?;
                }
            }
            self.offset = end;
        }
        let start = search::skip_zeros(self.content, self.offset, sink)?;
        if start < self.content.size() {
            sink.range(Child { name: "", relation: Relation::Overlay }, self.content.from(self.offset))?;
        }
        Ok(())
    }
}

/// The long name in the block of an item, which begins at an offset that the item's last two bytes say.
fn long_name(item: &[u8]) -> Option<String> {
    let block = usize::from(u16_le(item, item.len().checked_sub(2)?)?);
    if u32_le(item, block.checked_add(4)?)? != 0xbeef_0004 {
        return None;
    }
    let version = u16_le(item, block.checked_add(2)?)?;
    let at = match version {
        3 => 20,
        7 => 38,
        8 => 42,
        9.. => 46,
        _ => return None,
    };
    let name = wide_name(item.get(block.checked_add(at)?..)?);
    (!name.is_empty()).then_some(name)
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A name in UTF-16 up to the first NUL.
fn wide_name(bytes: &[u8]) -> String {
    let end = bytes.as_chunks::<2>().0.iter().position(|unit| *unit == [0, 0]);
    let size = end.map_or(bytes.len(), |units| units.saturating_mul(2));
    utf16(bytes.get(..size).unwrap_or_default())
}
