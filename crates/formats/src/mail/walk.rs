//! Goes through a message: a list of work in place of recursion, so that depth costs no stack.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use candor_object::{Child, Content, Flow, Limit, Reason, Sink, Stop};

use super::header::{Header, Lead};
use super::lines::is_blank_content;
use super::multipart::{self, Kind};
use super::transfer::{Look, Transfer, look, transfers};
use super::{parameters, readings, recognise};
use crate::HEAD;

/// Multiparts within multiparts. Stops nests built to cost a pass over the rest for each level.
const MAX_DEPTH: u32 = 64;
/// Parts of one message. Stops a message of a million empty parts from costing memory.
const MAX_PARTS: usize = 20_000;
/// Times that the bytes of a message may be gone through. Stops a nest whose every level names eight boundaries
/// that all occur, which would be gone through 8 to the power of the depth times.
const MAX_PASSES: u64 = 200;
/// Bytes that may be gone through however small the message is.
const FREE: u64 = 1 << 20;

/// Takes a message apart.
pub(crate) fn open(message: &Content, sink: &mut dyn Sink) -> Flow {
    let mut walk = Walk::new(message, sink);
    walk.stack.push(Item { content: message.clone(), depth: 0, kind: Role::Message });
    walk.run()
}

/// Takes out what is encoded in a text that is no message.
pub(crate) fn open_text(text: &Content, sink: &mut dyn Sink) -> Flow {
    let mut walk = Walk::new(text, sink);
    walk.embedded(text, "", 0)?;
    walk.run()
}

/// What a piece of work is.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// A message with its header.
    Message,
    /// A part with its header.
    Part,
    /// A part found in a text that has been searched already, so that no gap and no further search is due.
    Lost,
    /// Text without a header, around the parts of a multipart with these encodings.
    Outside(Vec<Transfer>),
}

/// A piece of work.
pub(super) struct Item {
    pub(super) content: Content,
    pub(super) depth: u32,
    pub(super) kind: Role,
}

/// The work that is left, and what may be spent on it.
pub(super) struct Walk<'s> {
    pub(super) sink: &'s mut dyn Sink,
    pub(super) stack: Vec<Item>,
    parts: usize,
    allowance: u64,
    is_overspent: bool,
    /// Whether a gap says that multiparts are not split any more.
    is_exhausted: bool,
}

/// What the header of an entity says about its body.
pub(super) struct Entity {
    pub(super) name: String,
    pub(super) types: Vec<String>,
    pub(super) transfers: Vec<Transfer>,
    boundaries: Vec<Vec<u8>>,
    pub(super) depth: u32,
    pub(super) is_lost: bool,
}

impl Entity {
    fn new(header: &Header, item: &Item) -> Self {
        let types: Vec<String> = header.values("content-type").map(parameters::media_type).collect();
        let name = header
            .values("content-disposition")
            .find_map(|value| parameters::parameter(value, "filename"))
            .or_else(|| header.values("content-type").find_map(|value| parameters::parameter(value, "name")))
            .or_else(|| {
                header.values("content-disposition").find_map(|value| parameters::parameter(value, "name"))
            });
        let mut boundaries = Vec::new();
        header.values("content-type").for_each(|value| parameters::boundaries(value, &mut boundaries));
        let mut transfers = transfers(header.values("content-transfer-encoding"));
        if header.is_unencoded && !transfers.contains(&Transfer::Identity) {
            transfers.push(Transfer::Identity);
        }
        Self {
            name: name.unwrap_or_default(),
            types,
            transfers,
            boundaries,
            depth: item.depth,
            is_lost: matches!(item.kind, Role::Lost),
        }
    }

    pub(super) fn is(&self, prefix: &str) -> bool {
        self.types.iter().any(|kind| kind.starts_with(prefix))
    }

    /// Whether what splits the body of the other splits this one's, so that the end of it gives nothing new.
    fn splits(&self, other: &Self) -> bool {
        !other.boundaries.is_empty() && other.boundaries.iter().all(|inner| self.boundaries.contains(inner))
    }

    /// How people find it again in a report.
    pub(super) fn label(&self) -> String {
        let kind = self.types.first().map_or("part", String::as_str);
        let kind: String = kind.chars().take(80).collect();
        let name: String = self.name.chars().take(80).collect();
        if name.is_empty() { format!("{kind} at depth {}", self.depth) } else { format!("{kind} {name:?}") }
    }
}

impl<'s> Walk<'s> {
    fn new(content: &Content, sink: &'s mut dyn Sink) -> Self {
        let allowance = content.size().saturating_mul(MAX_PASSES).saturating_add(FREE);
        Self { sink, stack: Vec::new(), parts: 0, allowance, is_overspent: false, is_exhausted: false }
    }

    fn run(&mut self) -> Flow {
        while let Some(item) = self.stack.pop() {
            self.sink.pulse()?;
            self.take(&item)?;
        }
        Ok(())
    }

    /// Whether the content may be gone through once more.
    pub(super) fn may_read(&mut self, content: &Content) -> bool {
        match self.allowance.checked_sub(content.size()) {
            Some(left) => self.allowance = left,
            None if self.is_overspent => return false,
            None => {
                self.is_overspent = true;
                self.is_exhausted = true;
                let detail = "the parts overlap so often that the rest is not split further";
                self.sink.gap(Reason::Limit(Limit::Time), detail);
                return false;
            }
        }
        true
    }

    fn take(&mut self, item: &Item) -> Flow {
        if is_blank_content(&item.content)? {
            return Ok(());
        }
        if let Role::Outside(transfers) = &item.kind {
            let mut entity = Entity::new(&Header::default(), item);
            // What surrounds the parts is encoded only if the whole multipart says so and it looks so.
            let is_encoded = look(&item.content)? == Look::Base64;
            entity.transfers.extend(transfers.iter().filter(|t| is_encoded && !t.is_identity()).cloned());
            return self.leaf(&entity, &item.content);
        }
        let lead = if matches!(item.kind, Role::Message) { Lead::Message } else { Lead::Part };
        let mut readings = readings::of(&item.content, lead)?;
        // The text that a lost part was found in was handed over as it is.
        readings.truncate(if matches!(item.kind, Role::Lost) { 1 } else { usize::MAX });
        for excess in readings.iter().filter_map(|header| header.excess).collect::<BTreeSet<_>>() {
            self.sink.gap(Reason::Damaged, excess);
        }
        let Some(first) = readings.first() else {
            return Ok(());
        };
        let mut header_end = first.body;
        let mut split: Option<(u64, Entity)> = None;
        for (number, header) in readings.iter().enumerate() {
            let body = item.content.from(header.body);
            if is_blank_content(&body)? {
                continue;
            }
            let mut entity = Entity::new(header, item);
            let is_within = |(start, outer): &(u64, Entity)| *start <= header.body && outer.splits(&entity);
            if split.as_ref().is_some_and(is_within) {
                continue;
            }
            // Readers who differ at every level of a nest would differ in more ways than anybody can try.
            if number > 0 && !self.may_read(&body) {
                break;
            }
            // The whole of what is opened as mail is this very object, so as a child it would never end.
            let is_message = matches!(item.kind, Role::Message);
            if is_message && header.body == 0 && looks_open(&body.window(0, HEAD)?) {
                self.embedded(&body, "", entity.depth)?;
                continue;
            }
            // What is encoded in such a text comes out of the first reading, but for what the header hid there.
            let is_searched = number > 0 && readings::says_less(header, first);
            let hidden_length = if is_searched { first.body.saturating_sub(header.body) } else { u64::MAX };
            let hidden = item.content.range(header.body, hidden_length);
            // Opened as a message each such body would have as many bodies again, at every depth.
            if number > 0 && looks_open(&body.window(0, HEAD)?) {
                let detail =
                    format!("{}: readers disagree on where the message in it begins", entity.label());
                self.sink.gap(Reason::Damaged, &detail);
                self.embedded(&hidden, "", entity.depth)?;
                continue;
            }
            if is_message && header_end > 0 && header_end < item.content.size() {
                self.sink.range(Child::part(""), item.content.range(0, std::mem::take(&mut header_end)))?;
            }
            entity.is_lost |= is_searched;
            if self.body(&entity, &body)? {
                split.get_or_insert((header.body, entity));
            } else if is_searched {
                self.embedded(&hidden, &entity.name, entity.depth)?;
            }
        }
        Ok(())
    }

    /// Takes a body; true if it was split into parts.
    fn body(&mut self, entity: &Entity, body: &Content) -> Result<bool, Stop> {
        let is_multipart = entity.is("multipart") || !entity.boundaries.is_empty();
        if is_multipart {
            if entity.is("multipart/encrypted") {
                self.sink.gap(Reason::Encrypted, &entity.label());
            }
            if self.multipart(entity, body)? {
                return Ok(true);
            }
            if let Some(transfer) = entity.transfers.iter().find(|transfer| !transfer.is_identity()) {
                self.encoded_multipart(entity, transfer, body)?;
                return Ok(false);
            }
            if entity.is("multipart") && !entity.is_lost && !self.is_exhausted {
                let detail = format!("{}: its boundary does not occur", entity.label());
                self.sink.gap(Reason::Damaged, &detail);
            }
        }
        if entity.is("message/partial") {
            self.sink.gap(Reason::Unsupported, &format!("{}: a piece of a message", entity.label()));
        }
        let is_message = ["message/rfc822", "message/global", "message/partial", "message/news"];
        if is_message.iter().any(|kind| entity.is(kind)) {
            self.message(entity, body)?;
        } else {
            self.leaf(entity, body)?;
        }
        Ok(false)
    }

    /// Splits a multipart and puts its parts on the list; false if it cannot be split.
    fn multipart(&mut self, entity: &Entity, body: &Content) -> Result<bool, Stop> {
        if entity.depth >= MAX_DEPTH {
            self.sink
                .gap(Reason::Limit(Limit::Depth), &format!("{}: multiparts nested too deep", entity.label()));
            // The search of a text finds encoded parts at any depth.
            self.leaf(entity, body)?;
            return Ok(true);
        }
        let mut boundaries = entity.boundaries.clone();
        if boundaries.len() > parameters::MAX_BOUNDARIES {
            let detail = format!("{}: more than {} boundaries", entity.label(), parameters::MAX_BOUNDARIES);
            self.sink.gap(Reason::Damaged, &detail);
            boundaries.truncate(parameters::MAX_BOUNDARIES);
        }
        if !boundaries.is_empty() && self.split(entity, body, &boundaries)? {
            return Ok(true);
        }
        if entity.is_lost || !entity.is("multipart") || !self.may_read(body) {
            return Ok(false);
        }
        match multipart::guess(body, self.sink)? {
            Some(guess) if !boundaries.contains(&guess) => {
                self.sink.anomaly(
                    "undeclared-boundary",
                    &String::from_utf8_lossy(guess.get(..80).unwrap_or(&guess)),
                );
                self.split(entity, body, &[guess])
            }
            _ => Ok(false),
        }
    }

    fn split(&mut self, entity: &Entity, body: &Content, boundaries: &[Vec<u8>]) -> Result<bool, Stop> {
        // Each boundary that occurs makes parts that are gone through in turn.
        for _ in boundaries {
            if !self.may_read(body) {
                return Ok(false);
            }
        }
        let left = MAX_PARTS.saturating_sub(self.parts);
        if left == 0 {
            if !self.is_exhausted {
                let detail =
                    format!("{}: not split, since there were {MAX_PARTS} parts before it", entity.label());
                self.sink.gap(Reason::Limit(Limit::Objects), &detail);
            }
            self.is_exhausted = true;
            return Ok(false);
        }
        let splits = multipart::split(body, boundaries, left, self.sink)?;
        let occurring: Vec<_> = splits.iter().filter(|split| !split.regions.is_empty()).collect();
        if occurring.len() > 1 {
            self.sink.anomaly("several-boundaries", &entity.label());
        }
        // The list is a stack: what is to be taken first goes on it last.
        for split in occurring.iter().rev() {
            if let Some(excess) = split.excess {
                let detail =
                    format!("{}: more than {MAX_PARTS} parts, from offset {excess} on", entity.label());
                self.sink.gap(Reason::Limit(Limit::Objects), &detail);
            }
            if !split.is_closed {
                self.sink.anomaly("missing-last-boundary", &entity.label());
            }
            self.parts = self.parts.saturating_add(split.regions.len());
            for region in split.regions.iter().rev() {
                let kind = match region.kind {
                    Kind::Part if entity.is_lost => Role::Lost,
                    Kind::Part => Role::Part,
                    Kind::Outside => Role::Outside(entity.transfers.clone()),
                };
                let content = body.range(region.start, region.end.saturating_sub(region.start));
                self.stack.push(Item { content, depth: entity.depth.saturating_add(1), kind });
            }
        }
        Ok(!occurring.is_empty())
    }

    /// RFC 2045 forbids to encode a multipart, and some readers decode it. What comes out is a message again.
    fn encoded_multipart(&mut self, entity: &Entity, transfer: &Transfer, body: &Content) -> Flow {
        let kind = entity.types.first().map_or("multipart/mixed", String::as_str);
        let mut head = format!("MIME-Version: 1.0\r\nContent-Type: {kind}");
        for boundary in entity.boundaries.iter().take(parameters::MAX_BOUNDARIES) {
            let boundary = String::from_utf8_lossy(boundary).replace(['"', '\\'], "");
            head.push_str("; boundary=\"");
            head.push_str(&boundary);
            head.push('"');
        }
        head.push_str("\r\n\r\n");
        let mut decoded = Cursor::new(head.into_bytes()).chain(transfer.decoder(body.clone()));
        self.sink.anomaly("encoded-multipart", &entity.label());
        self.sink.child(Child::part(&entity.name), &mut decoded)
    }

    /// Hands over a message within the message.
    fn message(&mut self, entity: &Entity, body: &Content) -> Flow {
        for transfer in &entity.transfers {
            if !transfer.is_identity() {
                let mut head = Vec::new();
                // What cannot be decoded here cannot be decoded below either, where it becomes a gap.
                let _ = transfer.decoder(body.clone()).take(HEAD as u64).read_to_end(&mut head);
                // Nobody would open a message that does not look like one, so it is made to look like one.
                let lead: &[u8] =
                    if looks_open(&head) { b"" } else { b"MIME-Version: 1.0\r\nX-Part: message\r\n" };
                self.sink
                    .child(Child::part(&entity.name), &mut lead.chain(transfer.decoder(body.clone())))?;
                continue;
            }
            self.sink.range(Child::part(&entity.name), body.clone())?;
            if looks_open(&body.window(0, HEAD)?) {
                continue;
            }
            if entity.depth >= MAX_DEPTH {
                let detail = format!("{}: messages nested too deep", entity.label());
                self.sink.gap(Reason::Limit(Limit::Depth), &detail);
                continue;
            }
            let depth = entity.depth.saturating_add(1);
            self.stack.push(Item { content: body.clone(), depth, kind: Role::Message });
        }
        Ok(())
    }
}

/// Whether a child that begins with `head` is opened as mail.
fn looks_open(head: &[u8]) -> bool {
    recognise::is_message(head) || recognise::is_mailbox(head)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use candor_object::{Budget, Limits, Source};

    use super::*;
    use crate::Collector;

    fn taken(content: &Content) -> Collector {
        let mut sink = Collector::new(Budget::new(&Limits::default(), 0));
        let _ = open(content, &mut sink);
        sink
    }

    fn bodies(sink: &Collector) -> Vec<(String, Vec<u8>)> {
        let body = |content: &Content| content.window(0, usize::MAX).unwrap().into_owned();
        sink.children.iter().map(|child| (child.name.clone(), body(&child.content))).collect()
    }

    struct Behind(Vec<u8>);

    impl Source for Behind {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[usize::try_from(offset).unwrap().min(self.0.len())..];
            let count = rest.len().min(buffer.len()).min(1000);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    #[test]
    fn content_in_memory_and_behind_a_source_give_the_same() {
        for sample in [
            &include_bytes!("../../tests/golden/mail/plain.eml")[..],
            include_bytes!("../../tests/golden/mail/two-content-types.eml"),
            include_bytes!("../../tests/golden/mail/uu-in-text.eml"),
            include_bytes!("../../tests/golden/mail/yenc.eml"),
        ] {
            let memory = taken(&Content::from_vec(sample.to_vec()));
            let source = taken(&Content::from_source(Arc::new(Behind(sample.to_vec()))));
            assert_eq!(bodies(&memory), bodies(&source));
            assert_eq!(memory.gaps, source.gaps);
        }
    }

    #[test]
    fn no_message_holds_itself() {
        for text in [" x\nFrom: a\nTo: b\n\nc", "(a\r) From: a\nTo: b\n\nc", "\tx\nTo: b\nFrom: a\ny\n\nc"] {
            assert!(recognise::is_message(text.as_bytes()), "{text:?}");
            let sink = taken(&Content::from_vec(text.into()));
            assert!(!sink.children.is_empty(), "{text:?}");
            assert!(bodies(&sink).iter().all(|(_, body)| body != text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn hostile_shapes_end_soon() {
        let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
        let both = "Content-Type: multipart/mixed; boundary=a; boundary=b; boundary=c\n\n";
        let levels: String = (0..60)
            .map(|level| {
                format!(
                    "--a\n--b\n--c\nContent-Type: multipart/x; boundary=a; boundary=b; boundary=c{level}\n\n"
                )
            })
            .collect();
        let shapes = [
            head.to_owned() + &"--b\n".repeat(500_000),
            head.to_owned() + &"--b\nContent-Type: multipart/x; boundary=b\n\n".repeat(30_000),
            both.to_owned() + &levels.repeat(20),
            both.to_owned() + &"--a\n--b\n--c\n".repeat(100_000),
            head.to_owned() + &"begin 644 x\n#0V%T\n".repeat(100_000),
            head.to_owned() + &"begin-base64 644 x\nYQ==\n".repeat(100_000),
            head.to_owned() + &"=ybegin line=1 name=x\nab\n".repeat(100_000),
            head.to_owned() + &"Content-Transfer-Encoding: base64\n\nYQ==\n".repeat(50_000),
            "Content-Type: multipart/x; boundary=b\n".repeat(200_000),
            format!("Content-Type: multipart/x;{}", " boundary=x;".repeat(200_000)),
            format!(
                "Content-Type: a/b; name*0=a;{}\n\nx",
                (0..200_000).map(|n| format!("name*{n}=x;")).collect::<String>()
            ),
            format!("Content-Type: a/b; name=\"{}\"\n\nx", "=?x?Q?".repeat(30_000)),
            "a\n".repeat(1_000_000),
            " \n".repeat(1_000_000),
            "(".repeat(2_000_000),
            "From: a\nx\n".repeat(100_000),
            "Content-Type: message/rfc822\r\rx\nContent-Type: message/rfc822\n\n".repeat(20_000),
            "Content-Type: multipart/x; boundary=b\r\rx\n\n--b\n".repeat(20_000),
            "Content-Type: multipart/x; boundary=b\nx\n\n--b\n--c\n\n".repeat(20_000),
            (0..5000)
                .map(|n| format!("Content-Type: multipart/x; boundary=b{n}\r\rx\ny: z\n \n\n--b{n}\n"))
                .collect(),
        ];
        for (number, shape) in shapes.into_iter().enumerate() {
            let started = Instant::now();
            let sink = taken(&Content::from_vec(shape.into_bytes()));
            assert!(started.elapsed() < Duration::from_secs(30), "shape {number}");
            assert!(sink.children.len() <= 100_000 && sink.gaps.len() <= 100_000);
        }
    }
}
