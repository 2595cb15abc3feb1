//! Hands over what has no parts: the body of a part in every way in which it may be encoded, and the files that
//! are encoded in the middle of a text.

use std::io::Read;

use candor_object::{Child, Content, Flow, Limit, Reason, Stop};

use super::base64::{Base64, End, early_padding};
use super::embedded::{self, Found, Search};
use super::lines::is_blank_content;
use super::recognise;
use super::transfer::{Look, Transfer, look};
use super::uu::Uu;
use super::walk::{Entity, Item, Role, Walk};
use super::yenc::Yenc;
use crate::{HEAD, pkcs7};

/// Bytes of a decoded text that are searched for uuencoded files; bounds memory.
const MAX_TEXT: u64 = 4 << 20;
/// Pieces of a text around the files that are encoded in it.
const MAX_PIECES: usize = 1000;

impl Walk<'_> {
    /// Hands over a body that has no parts, in every way in which it may be encoded.
    pub(super) fn leaf(&mut self, entity: &Entity, body: &Content) -> Flow {
        let appearance = look(body)?;
        let is_base64 = entity.transfers.contains(&Transfer::Base64);
        let is_whole =
            !entity.transfers.iter().all(Transfer::is_replaced) || (is_base64 && appearance == Look::Other);
        let search = if self.may_read(body) { Some(embedded::search(body, self.sink)?) } else { None };
        if is_whole {
            self.whole(entity, body, search.as_ref().map_or(&[], |search| search.lines.as_slice()))?;
        }
        if is_base64 || (is_whole && appearance == Look::Base64) {
            self.base64(entity, body)?;
        }
        if entity.transfers.contains(&Transfer::Quoted) {
            self.sink.child(Child::part(&entity.name), &mut Transfer::Quoted.decoder(body.clone()))?;
        }
        self.encrypted(entity, body)?;
        let has_file = match search {
            Some(search) if !entity.is_lost => self.found(body, search, &entity.name, entity.depth)?,
            _ => false,
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

    /// Hands over a body as it lies there, but for the lines behind which files begin: the files in a text would be opened
    /// once more with the text.
    fn whole(&mut self, entity: &Entity, body: &Content, lines: &[(u64, u64)]) -> Flow {
        let head = body.window(0, HEAD)?;
        let skipped = recognise::uuencoded(&head).or_else(|| recognise::yenc(&head)).unwrap_or(0);
        let mut start = skipped as u64;
        for (from, to) in lines.iter().take(MAX_PIECES) {
            let piece = body.range(start, from.saturating_sub(start));
            if !is_blank_content(&piece)? {
                self.sink.range(Child::part(&entity.name), piece)?;
            }
            start = start.max(*to);
        }
        self.sink.range(Child::part(&entity.name), body.from(start))
    }

    fn base64(&mut self, entity: &Entity, body: &Content) -> Flow {
        if let Some(end) = early_padding(body)? {
            self.sink.anomaly("data-after-padding", &entity.label());
            let first = Transfer::Base64.decoder(body.range(0, end));
            self.sink.child(Child::part(&entity.name), &mut { first })?;
        }
        self.sink.child(Child::part(&entity.name), &mut Transfer::Base64.decoder(body.clone()))
    }

    /// A file whose encoding is declared, but whose first line was not found.
    fn lone(&mut self, entity: &Entity, transfer: &Transfer, body: &Content) -> Flow {
        // In a part that was found in a text, the first line was found with the text.
        if entity.is_lost {
            return Ok(());
        }
        self.sink.child(Child::part(&entity.name), &mut transfer.decoder(body.clone()))
    }

    /// Notes S/MIME by what is in it, since the parameter that names its kind is the sender's choice.
    fn encrypted(&mut self, entity: &Entity, body: &Content) -> Flow {
        let is_declared = entity.is("application/pkcs7-mime") || entity.is("application/x-pkcs7-mime");
        if !is_declared && !entity.name.to_ascii_lowercase().ends_with(".p7m") {
            return Ok(());
        }
        for transfer in &entity.transfers {
            let mut head = Vec::new();
            // Damage was noted when the part was handed over.
            let _ = transfer.decoder(body.clone()).take(64).read_to_end(&mut head);
            // What is no ASN.1 sequence is no S/MIME, but whatever it is: it was handed over.
            if head.first() != Some(&0x30) {
                continue;
            }
            // What is known opens as a part, and says itself if it is encrypted.
            if !pkcs7::begins(&head) {
                self.sink.gap(Reason::Encrypted, &entity.label());
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
        let _ = transfer.decoder(body.clone()).take(MAX_TEXT).read_to_end(&mut text);
        if text.len() as u64 >= MAX_TEXT {
            let detail = format!("{}: not searched for encoded files after 4 MiB", entity.label());
            self.sink.gap(Reason::Limit(Limit::ObjectBytes), &detail);
        }
        let text = Content::from_vec(text);
        if !self.may_read(&text) {
            return Ok(());
        }
        let mut search = embedded::search(&text, self.sink)?;
        // What was handed over as a text is searched for files by the format of texts.
        let format = crate::identify(&text)?.map(|format| format.file_type().name());
        if matches!(format, Some("text" | "script" | "uuencode" | "yenc")) {
            search.found.retain(|found| found.data().is_none());
        }
        self.found(&text, search, &entity.name, entity.depth)?;
        Ok(())
    }

    /// Hands over what is encoded in the middle of a text; true if there was a file.
    pub(super) fn embedded(&mut self, text: &Content, name: &str, depth: u32) -> Result<bool, Stop> {
        if !self.may_read(text) {
            return Ok(false);
        }
        let search = embedded::search(text, self.sink)?;
        self.found(text, search, name, depth)
    }

    fn found(&mut self, text: &Content, search: Search, name: &str, depth: u32) -> Result<bool, Stop> {
        let called = |own: &str| {
            if own.is_empty() { name.to_owned() } else { own.to_owned() }
        };
        let mut has_file = false;
        let mut sections = Vec::new();
        let places: Vec<u64> = search.found.iter().filter_map(Found::data).collect();
        for found in search.found {
            has_file |= !matches!(found, Found::Section(..) | Found::Encrypted(_));
            match found {
                Found::Uu(own, start) => {
                    self.sink.child(Child::part(&called(&own)), &mut Uu::new(text.from(start)))?;
                }
                Found::Base64(own, start) => {
                    // Up to the next, since a thousand without an end would each be decoded to the end.
                    let after = places.partition_point(|place| *place <= start);
                    let end = places.get(after).copied().unwrap_or(u64::MAX);
                    let block = text.range(start, end.saturating_sub(start));
                    let mut decoder = Base64::new(block, End::Equals);
                    self.sink.child(Child::part(&called(&own)), &mut decoder)?;
                }
                Found::Yenc(begin, start) => {
                    self.sink.child(Child::part(&called(&begin.name)), &mut Yenc::new(text.from(start)))?;
                    if let Some(part) = begin.of_several(&text.window(start, 512)?) {
                        let detail = format!("yEnc file {:?}: only {part}", begin.name);
                        self.sink.gap(Reason::Unsupported, &detail);
                    }
                }
                Found::Encrypted(start) => {
                    self.sink.gap(Reason::Encrypted, &format!("PGP message at offset {start} of a text"));
                }
                Found::Section(start, end) => {
                    let content = text.range(start, end.saturating_sub(start));
                    sections.push(Item { content, depth: depth.saturating_add(1), kind: Role::Lost });
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
