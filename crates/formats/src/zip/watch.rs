//! A look into the parts of documents while they are handed over: where they lead, and what they start.
//!
//! Specifications: ECMA-376 part 2, 9.3 (relationships) and part 1, 17.16 and 18.14 (fields, external links); ODF 1.3 part 3.
//! What is found is an anomaly: the parts are examined as any other content.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use candor_object::{Child, Content, FileType, Flow, Form, Link, Listed, Password, Reason, Sink};

use crate::markup::{Piece, Pieces, Tag, text};
use crate::references::{self, DDE, EXTERNAL};
use crate::text::narrow;

/// Bytes of a part that are looked at.
const MOST: usize = 4 << 20;
/// Bytes of all parts that are looked at.
const MOST_TOGETHER: usize = 64 << 20;
/// Anomalies of a document.
const MOST_ANOMALIES: usize = 100;
/// Fields around each other, and the longest of them.
const MOST_FIELDS: usize = 64;
const LONGEST_FIELD: usize = 8 << 10;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Relationships,
    /// Text of Word.
    Text,
    /// A part of a workbook.
    Sheet,
    /// A part of an open document.
    Open,
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        // Most members of most archives are none.
        let end = name.as_bytes().last_chunk::<3>()?;
        if !end.eq_ignore_ascii_case(b"els") && !end.eq_ignore_ascii_case(b"xml") {
            return None;
        }
        let name = name.to_ascii_lowercase().replace('\\', "/");
        let name = name.trim_start_matches('/');
        let is_part = name.ends_with(".xml");
        match name.split('/').next()? {
            _ if name.ends_with(".rels") => Some(Self::Relationships),
            "word" if is_part => Some(Self::Text),
            "xl" if is_part && !name.contains("/worksheets/") && !name.ends_with("/sharedstrings.xml") => {
                Some(Self::Sheet)
            }
            "content.xml" | "meta.xml" | "settings.xml" => Some(Self::Open),
            _ => None,
        }
    }
}

/// Passes everything on to another sink.
pub(super) struct Watch<'s> {
    sink: &'s mut dyn Sink,
    left: usize,
    told: Vec<String>,
}

impl<'s> Watch<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, left: MOST_TOGETHER, told: Vec::new() }
    }

    fn tell(&mut self, name: &'static str, detail: String) {
        if self.told.len() < MOST_ANOMALIES && !self.told.contains(&detail) {
            self.sink.anomaly(name, &detail);
            self.told.push(detail);
        }
    }

    fn examine(&mut self, part: Part, name: &str, bytes: &[u8]) {
        self.left = self.left.saturating_sub(bytes.len());
        let bytes = narrow(bytes);
        match part {
            Part::Relationships => self.relationships(name, &bytes),
            Part::Text => self.fields(name, &bytes),
            Part::Sheet => self.workbook(name, &bytes),
            Part::Open => self.open_document(name, &bytes),
        }
    }

    fn relationships(&mut self, part: &str, bytes: &[u8]) {
        for tag in tags(bytes).filter(|tag| tag.name == b"Relationship") {
            let Some(target) = tag.attribute(b"Target") else { continue };
            let kind = tag.attribute(b"Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default();
            if kind == "hyperlink" {
                self.sink.link(Link { target: target.as_bytes(), shown: b"", is_text: true });
            } else if references::is_elsewhere(&target) {
                self.tell(EXTERNAL, format!("{part:.200}: {kind:.100} {target:.300?}"));
            }
        }
    }

    /// Looks at fields, whose words may be spread over many elements.
    fn fields(&mut self, part: &str, bytes: &[u8]) {
        // The first is what stands outside of a field.
        let mut open = vec![String::new()];
        let mut instructs = false;
        for piece in Pieces(bytes) {
            match piece {
                Piece::Start(tag) => match tag.name {
                    b"instrText" => instructs = true,
                    b"fldSimple" => {
                        let field = tag.attribute(b"instr").unwrap_or_default();
                        self.field(part, &field);
                    }
                    b"fldChar" => match tag.attribute(b"fldCharType").as_deref() {
                        Some("begin") if open.len() < MOST_FIELDS => open.push(String::new()),
                        Some("end") if open.len() > 1 => self.close(part, &mut open),
                        _ => {}
                    },
                    _ => {}
                },
                Piece::End(name) => instructs &= name != b"instrText",
                Piece::Text(written) if instructs => {
                    if let Some(last) = open.last_mut().filter(|last| last.len() < LONGEST_FIELD) {
                        last.push_str(&text(written.get(..LONGEST_FIELD).unwrap_or(written)));
                    }
                }
                Piece::Text(_) => {}
            }
        }
        while !open.is_empty() {
            self.close(part, &mut open);
        }
    }

    /// Looks at the innermost field, and puts it into the one around it.
    fn close(&mut self, part: &str, open: &mut Vec<String>) {
        let Some(field) = open.pop() else { return };
        self.field(part, &field);
        let shown = references::unquoted(&field).unwrap_or(field);
        if open.len() > 1
            && let Some(around) = open.last_mut().filter(|around| around.len() < LONGEST_FIELD)
        {
            around.push_str(&shown);
        }
    }

    fn field(&mut self, part: &str, field: &str) {
        if let Some(target) = references::link(field) {
            self.sink.link(Link { target: target.as_bytes(), shown: b"", is_text: true });
        }
        if let Some((name, detail)) = references::judge(field) {
            self.tell(name, format!("{part:.200}: {detail}"));
        }
    }

    fn workbook(&mut self, part: &str, bytes: &[u8]) {
        let mut named = false;
        for piece in Pieces(bytes) {
            match piece {
                Piece::Start(tag) if tag.name == b"ddeLink" => {
                    let of = |name: &[u8]| tag.attribute(name).unwrap_or_default();
                    let (service, topic) = (of(b"ddeService"), of(b"ddeTopic"));
                    self.tell(DDE, format!("{part:.200}: starts {service:.100?} with {topic:.300?}"));
                }
                Piece::Start(tag) if tag.name == b"webPr" || tag.name == b"dbPr" => {
                    let address = tag.attribute(b"url").or_else(|| tag.attribute(b"connection"));
                    if let Some(address) = address.filter(|address| references::is_elsewhere(address)) {
                        self.tell(EXTERNAL, format!("{part:.200}: connects to {address:.300?}"));
                    }
                }
                Piece::Start(tag) if tag.name == b"definedName" => {
                    let name = tag.attribute(b"name").unwrap_or_default().to_ascii_lowercase();
                    let name = name.strip_prefix("_xlnm.").unwrap_or(&name);
                    named = ["auto_open", "auto_close", "auto_activate"]
                        .iter()
                        .any(|auto| name.starts_with(auto));
                }
                Piece::Text(written) if named => {
                    let place = text(written.get(..300).unwrap_or(written));
                    self.tell("xlm-auto", format!("{part:.200}: a macro at {place:?} runs by itself"));
                }
                Piece::Start(tag) if tag.name == b"sheet" && is_very_hidden(&tag) => {
                    let name = tag.attribute(b"name").unwrap_or_default();
                    self.tell("xls-very-hidden", format!("{part:.200}: the sheet {name:.100?}"));
                }
                Piece::End(_) => named = false,
                _ => {}
            }
        }
    }

    fn open_document(&mut self, part: &str, bytes: &[u8]) {
        for tag in tags(bytes) {
            if let Some(program) = tag.attribute(b"dde-application") {
                let topic = tag.attribute(b"dde-topic").unwrap_or_default();
                self.tell(DDE, format!("{part:.200}: starts {program:.100?} with {topic:.300?}"));
            }
            let loaded = matches!(
                tag.name,
                b"template"
                    | b"object"
                    | b"object-ole"
                    | b"floating-frame"
                    | b"plugin"
                    | b"section-source"
                    | b"table-source"
                    | b"image"
                    | b"applet"
            );
            if loaded
                && let Some(target) = tag.attribute(b"href").filter(|href| references::is_elsewhere(href))
            {
                let kind = String::from_utf8_lossy(tag.name);
                self.tell(EXTERNAL, format!("{part:.200}: {kind} {target:.300?}"));
            }
        }
    }
}

/// Whether no menu shows the sheet.
fn is_very_hidden(sheet: &Tag<'_>) -> bool {
    sheet.attribute(b"state").is_some_and(|state| state.eq_ignore_ascii_case("veryhidden"))
}

fn tags(bytes: &[u8]) -> impl Iterator<Item = Tag<'_>> {
    Pieces(bytes).filter_map(|piece| match piece {
        Piece::Start(tag) => Some(tag),
        _ => None,
    })
}

/// Keeps what is read of a part.
struct Tee<'r> {
    body: &'r mut dyn Read,
    kept: Vec<u8>,
    most: usize,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        let room = self.most.saturating_sub(self.kept.len()).min(count);
        self.kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
        Ok(count)
    }
}

impl Sink for Watch<'_> {
    fn child(&mut self, child: Child<'_>, body: &mut dyn Read) -> Flow {
        let Some(part) = Part::of(child.name) else { return self.sink.child(child, body) };
        let mut tee = Tee { body, kept: Vec::new(), most: MOST.min(self.left) };
        let flow = self.sink.child(child, &mut tee);
        let kept = tee.kept;
        self.examine(part, child.name, &kept);
        flow
    }

    fn range(&mut self, child: Child<'_>, content: Content) -> Flow {
        if let Some(part) = Part::of(child.name) {
            let bytes = content.window(0, MOST.min(self.left))?;
            self.examine(part, child.name, &bytes);
        }
        self.sink.range(child, content)
    }

    fn wants(&self, form: Form<'_>) -> bool {
        self.sink.wants(form)
    }

    fn form(&mut self, form: Form<'_>, body: &mut dyn Read) -> Flow {
        self.sink.form(form, body)
    }

    fn gap(&mut self, reason: Reason, detail: &str) {
        self.sink.gap(reason, detail);
    }

    fn anomaly(&mut self, name: &'static str, detail: &str) {
        self.sink.anomaly(name, detail);
    }

    fn listed(&mut self, listed: Listed<'_>) {
        self.sink.listed(listed);
    }

    fn passwords(&self, container: FileType) -> Arc<[Password]> {
        self.sink.passwords(container)
    }

    fn wants_links(&self) -> bool {
        self.sink.wants_links()
    }

    fn link(&mut self, link: Link<'_>) {
        self.sink.link(link);
    }

    fn inside(&self, name: &str) -> u32 {
        self.sink.inside(name)
    }

    fn deadline(&self) -> Option<Instant> {
        self.sink.deadline()
    }

    fn pulse(&mut self) -> Flow {
        self.sink.pulse()
    }
}
