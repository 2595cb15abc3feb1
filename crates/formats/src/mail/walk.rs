//! Goes through a message: a list of work in place of recursion, so that depth costs no stack.

use std::io::{Cursor, Read};

use candor_object::{Child, Content, Flow, Limit, Reason, Sink};

use super::base64::{Base64, End, early_padding};
use super::embedded::{self, Found};
use super::header::{self, Header, Lead};
use super::lines::is_blank_content;
use super::multipart::{self, Kind};
use super::transfer::{Look, Transfer, look, transfers};
use super::uu::Uu;
use super::yenc::Yenc;
use super::{parameters, recognise};
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
/// Bytes of a decoded text that are searched for uuencoded files; bounds memory.
const MAX_TEXT: u64 = 4 << 20;

/// Takes a message apart.
pub(crate) fn open(message: &Content, sink: &mut dyn Sink) -> Flow {
    let mut walk = Walk::new(message, sink);
    walk.stack.push(Item {
        content: message.clone(),
        depth: 0,
        kind: Role::Message,
    });
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
enum Role {
    /// A message with its header.
    Message,
    /// A part with its header.
    Part,
    /// A part found in a text that has been searched already, so that no gap and no further search is due.
    Lost,
    /// Text without a header, around the parts of a multipart with these encodings.
    Outside(Vec<Transfer>),
}

struct Item {
    content: Content,
    depth: u32,
    kind: Role,
}

struct Walk<'s> {
    sink: &'s mut dyn Sink,
    stack: Vec<Item>,
    parts: usize,
    allowance: u64,
    is_exhausted: bool,
}

/// What the header of an entity says about its body.
struct Entity {
    name: String,
    types: Vec<String>,
    transfers: Vec<Transfer>,
    boundaries: Vec<Vec<u8>>,
    depth: u32,
    is_lost: bool,
}

impl Entity {
    fn new(header: &Header, item: &Item) -> Self {
        let types: Vec<String> = header
            .values("content-type")
            .map(parameters::media_type)
            .collect();
        let name = header
            .values("content-disposition")
            .find_map(|value| parameters::parameter(value, "filename"))
            .or_else(|| {
                header
                    .values("content-type")
                    .find_map(|value| parameters::parameter(value, "name"))
            })
            .or_else(|| {
                header
                    .values("content-disposition")
                    .find_map(|value| parameters::parameter(value, "name"))
            });
        let mut boundaries = Vec::new();
        header
            .values("content-type")
            .for_each(|value| parameters::boundaries(value, &mut boundaries));
        Self {
            name: name.unwrap_or_default(),
            types,
            transfers: transfers(header.values("content-transfer-encoding")),
            boundaries,
            depth: item.depth,
            is_lost: matches!(item.kind, Role::Lost),
        }
    }

    fn is(&self, prefix: &str) -> bool {
        self.types.iter().any(|kind| kind.starts_with(prefix))
    }

    /// How people find it again in a report.
    fn label(&self) -> String {
        let kind = self.types.first().map_or("part", String::as_str);
        let kind: String = kind.chars().take(80).collect();
        let name: String = self.name.chars().take(80).collect();
        if name.is_empty() {
            format!("{kind} at depth {}", self.depth)
        } else {
            format!("{kind} {name:?}")
        }
    }
}

impl<'s> Walk<'s> {
    fn new(content: &Content, sink: &'s mut dyn Sink) -> Self {
        let allowance = content.size().saturating_mul(MAX_PASSES).saturating_add(FREE);
        Self {
            sink,
            stack: Vec::new(),
            parts: 0,
            allowance,
            is_exhausted: false,
        }
    }

    fn run(&mut self) -> Flow {
        while let Some(item) = self.stack.pop() {
            self.sink.pulse()?;
            self.take(&item)?;
        }
        Ok(())
    }

    /// Whether the content may be gone through once more.
    fn may_read(&mut self, content: &Content) -> bool {
        match self.allowance.checked_sub(content.size()) {
            Some(left) => self.allowance = left,
            None if self.is_exhausted => return false,
            None => {
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
            entity.transfers.extend(
                transfers
                    .iter()
                    .filter(|t| is_encoded && !t.is_identity())
                    .cloned(),
            );
            return self.leaf(&entity, &item.content);
        }
        let lead = if matches!(item.kind, Role::Message) {
            Lead::Message
        } else {
            Lead::Part
        };
        let header = header::read(&item.content, lead)?;
        if let Some(excess) = header.excess {
            self.sink.gap(Reason::Damaged, excess);
        }
        let entity = Entity::new(&header, item);
        let rest = item.content.from(header.body);
        let is_rest_blank = is_blank_content(&rest)?;
        // A block without MIME fields may be the first lines of a part's text, so it is handed over with it.
        let is_plain_part = header.fields.is_empty() && !matches!(item.kind, Role::Message);
        let body = if is_plain_part { item.content.clone() } else { rest };
        if is_rest_blank && !is_plain_part {
            return Ok(());
        }
        if matches!(item.kind, Role::Message) && header.body > 0 {
            self.sink
                .range(Child::part(""), item.content.range(0, header.body))?;
        }
        self.body(&entity, &body)
    }

    fn body(&mut self, entity: &Entity, body: &Content) -> Flow {
        let is_multipart = entity.is("multipart") || !entity.boundaries.is_empty();
        if is_multipart {
            if entity.is("multipart/encrypted") {
                self.sink.gap(Reason::Encrypted, &entity.label());
            }
            if self.multipart(entity, body)? {
                return Ok(());
            }
            if let Some(transfer) = entity.transfers.iter().find(|transfer| !transfer.is_identity()) {
                return self.encoded_multipart(entity, transfer, body);
            }
            if entity.is("multipart") && !entity.is_lost && !self.is_exhausted {
                let detail = format!("{}: its boundary does not occur", entity.label());
                self.sink.gap(Reason::Damaged, &detail);
            }
        }
        if entity.is("message/partial") {
            self.sink.gap(
                Reason::Unsupported,
                &format!("{}: a piece of a message", entity.label()),
            );
        }
        let is_message = [
            "message/rfc822",
            "message/global",
            "message/partial",
            "message/news",
        ];
        if is_message.iter().any(|kind| entity.is(kind)) {
            self.message(entity, body)
        } else {
            self.leaf(entity, body)
        }
    }

    /// Splits a multipart and puts its parts on the list; false if it cannot be split.
    fn multipart(&mut self, entity: &Entity, body: &Content) -> Result<bool, candor_object::Stop> {
        if entity.depth >= MAX_DEPTH {
            self.sink.gap(
                Reason::Limit(Limit::Depth),
                &format!("{}: multiparts nested too deep", entity.label()),
            );
            // The search of a text finds encoded parts at any depth.
            self.leaf(entity, body)?;
            return Ok(true);
        }
        let mut boundaries = entity.boundaries.clone();
        if boundaries.len() > parameters::MAX_BOUNDARIES {
            let detail = format!(
                "{}: more than {} boundaries",
                entity.label(),
                parameters::MAX_BOUNDARIES
            );
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

    fn split(
        &mut self,
        entity: &Entity,
        body: &Content,
        boundaries: &[Vec<u8>],
    ) -> Result<bool, candor_object::Stop> {
        if !self.may_read(body) {
            return Ok(false);
        }
        let left = MAX_PARTS.saturating_sub(self.parts);
        let splits = multipart::split(body, boundaries, left, self.sink)?;
        let occurring: Vec<_> = splits.iter().filter(|split| !split.regions.is_empty()).collect();
        if occurring.len() > 1 {
            self.sink.anomaly("several-boundaries", &entity.label());
        }
        // The list is a stack: what is to be taken first goes on it last.
        for split in occurring.iter().rev() {
            if let Some(excess) = split.excess {
                let detail = format!(
                    "{}: more than {MAX_PARTS} parts, from offset {excess} on",
                    entity.label()
                );
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
                self.stack.push(Item {
                    content,
                    depth: entity.depth.saturating_add(1),
                    kind,
                });
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
                let _ = transfer
                    .decoder(body.clone())
                    .take(HEAD as u64)
                    .read_to_end(&mut head);
                // Nobody would open a message that does not look like one, so it is made to look like one.
                let lead: &[u8] = if looks_open(&head) {
                    b""
                } else {
                    b"MIME-Version: 1.0\r\nX-Part: message\r\n"
                };
                self.sink.child(
                    Child::part(&entity.name),
                    &mut lead.chain(transfer.decoder(body.clone())),
                )?;
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
            self.stack.push(Item {
                content: body.clone(),
                depth,
                kind: Role::Message,
            });
        }
        Ok(())
    }

    /// Hands over a body that has no parts, in every way in which it may be encoded.
    fn leaf(&mut self, entity: &Entity, body: &Content) -> Flow {
        let appearance = look(body)?;
        let is_base64 = entity.transfers.contains(&Transfer::Base64);
        let is_whole =
            !entity.transfers.iter().all(Transfer::is_replaced) || (is_base64 && appearance == Look::Other);
        if is_whole {
            // A text that begins with a uuencoded file would be opened once more by that format, so it is
            // handed over without its first line.
            let skipped = recognise::uuencoded(&body.window(0, HEAD)?).unwrap_or(0);
            self.sink
                .range(Child::part(&entity.name), body.from(skipped as u64))?;
        }
        if is_base64 || (is_whole && appearance == Look::Base64) {
            self.base64(entity, body)?;
        }
        if entity.transfers.contains(&Transfer::Quoted) {
            self.sink.child(
                Child::part(&entity.name),
                &mut Transfer::Quoted.decoder(body.clone()),
            )?;
        }
        self.encrypted(entity, body)?;
        let has_file = if entity.is_lost {
            false
        } else {
            self.embedded(body, &entity.name, entity.depth)?
        };
        for transfer in &entity.transfers {
            match transfer {
                Transfer::Uu | Transfer::Yenc if !has_file => {
                    self.lone(entity, transfer, body)?;
                }
                Transfer::Unknown(word) if appearance != Look::Base64 => {
                    let detail = format!("{}: transfer encoding {word:?} is not known", entity.label());
                    self.sink.gap(Reason::Unsupported, &detail);
                }
                Transfer::Base64 | Transfer::Quoted => self.decoded_text(entity, transfer, body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn base64(&mut self, entity: &Entity, body: &Content) -> Flow {
        if let Some(end) = early_padding(body)? {
            self.sink.anomaly("data-after-padding", &entity.label());
            let first = Transfer::Base64.decoder(body.range(0, end));
            self.sink.child(Child::part(&entity.name), &mut { first })?;
        }
        self.sink.child(
            Child::part(&entity.name),
            &mut Transfer::Base64.decoder(body.clone()),
        )
    }

    /// A file whose encoding is declared, but whose first line was not found.
    fn lone(&mut self, entity: &Entity, transfer: &Transfer, body: &Content) -> Flow {
        // In a part that was found in a text, the first line was found with the text.
        if entity.is_lost {
            return Ok(());
        }
        self.sink
            .child(Child::part(&entity.name), &mut transfer.decoder(body.clone()))
    }

    /// Notes S/MIME by what is in it: the label is the sender's choice.
    fn encrypted(&mut self, entity: &Entity, body: &Content) -> Flow {
        if !entity.is("application/pkcs7-mime") && !entity.is("application/x-pkcs7-mime") {
            return Ok(());
        }
        for transfer in &entity.transfers {
            let mut head = Vec::new();
            // Damage was noted when the part was handed over.
            let _ = transfer.decoder(body.clone()).take(64).read_to_end(&mut head);
            // 1.2.840.113549.1.7, of which 2 is signed and 3 is enveloped.
            let prefix = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
            let place = head.windows(prefix.len()).position(|window| window == prefix);
            let kind = place.and_then(|place| head.get(place.checked_add(prefix.len())?));
            match kind {
                Some(2) => self
                    .sink
                    .gap(Reason::Unsupported, &format!("{}: signed S/MIME", entity.label())),
                _ => self.sink.gap(Reason::Encrypted, &entity.label()),
            }
        }
        Ok(())
    }

    /// Searches a decoded text for encoded files, which mail readers show wherever they are.
    fn decoded_text(&mut self, entity: &Entity, transfer: &Transfer, body: &Content) -> Flow {
        let is_text = entity.types.is_empty() || entity.is("text/");
        if entity.is_lost || !is_text || !self.may_read(body) {
            return Ok(());
        }
        let mut text = Vec::new();
        // Damage was noted when the part was handed over.
        let _ = transfer
            .decoder(body.clone())
            .take(MAX_TEXT)
            .read_to_end(&mut text);
        if text.len() as u64 >= MAX_TEXT {
            let detail = format!("{}: not searched for encoded files after 4 MiB", entity.label());
            self.sink.gap(Reason::Limit(Limit::ObjectBytes), &detail);
        }
        self.embedded(&Content::from_vec(text), &entity.name, entity.depth)?;
        Ok(())
    }

    /// Hands over what is encoded in the middle of a text; true if there was a file.
    fn embedded(&mut self, text: &Content, name: &str, depth: u32) -> Result<bool, candor_object::Stop> {
        if !self.may_read(text) {
            return Ok(false);
        }
        let search = embedded::search(text, self.sink)?;
        let called = |own: &str| {
            if own.is_empty() {
                name.to_owned()
            } else {
                own.to_owned()
            }
        };
        let mut has_file = false;
        let mut sections = Vec::new();
        for found in search.found {
            has_file |= !matches!(found, Found::Section(..) | Found::Encrypted(_));
            match found {
                Found::Uu(own, start) => {
                    self.sink
                        .child(Child::part(&called(&own)), &mut Uu::new(text.from(start)))?;
                }
                Found::Base64(own, start) => {
                    let mut decoder = Base64::new(text.from(start), End::Equals);
                    self.sink.child(Child::part(&called(&own)), &mut decoder)?;
                }
                Found::Yenc(begin, start) => {
                    self.sink.child(
                        Child::part(&called(&begin.name)),
                        &mut Yenc::new(text.from(start)),
                    )?;
                    if let Some(part) = begin.part {
                        let part: String = part.chars().take(20).collect();
                        let detail = format!("yEnc file {:?}: only part {part} of it", begin.name);
                        self.sink.gap(Reason::Unsupported, &detail);
                    }
                }
                Found::Encrypted(start) => {
                    self.sink.gap(
                        Reason::Encrypted,
                        &format!("PGP message at offset {start} of a text"),
                    );
                }
                Found::Section(start, end) => {
                    let content = text.range(start, end.saturating_sub(start));
                    sections.push(Item {
                        content,
                        depth: depth.saturating_add(1),
                        kind: Role::Lost,
                    });
                }
            }
        }
        if let Some(excess) = search.excess {
            let detail = format!("text with too many encoded files, from offset {excess} on");
            self.sink.gap(Reason::Limit(Limit::Objects), &detail);
        }
        self.stack.extend(sections.into_iter().rev());
        Ok(has_file)
    }
}

/// Whether a child that begins with `head` is opened as mail.
fn looks_open(head: &[u8]) -> bool {
    recognise::is_message(head) || recognise::is_mailbox(head)
}
