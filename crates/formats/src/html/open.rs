//! Takes the forms and the `data:` addresses of a page out of it.

use std::borrow::Cow;

use candor_object::{Child, Content, FileType, Flow, Form, Reason, Sink};

use super::links::Links;
use super::normalise::{DataAddress, Forms, Normaliser};
use crate::javascript;
use crate::mail::{Base64, Base64End};
use crate::text::{Encoding, encoding};

/// The markup and the text of a page, and its scripts.
const MARKUP: Form<'_> = form("nocomment.html", NORMALIZED);
const TEXT: Form<'_> = form("notags.html", NORMALIZED);
const SCRIPTS: Form<'_> = form("javascript", javascript::NORMALIZED);

const NORMALIZED: FileType = FileType::new("html-normalized");

/// There are signatures by digest for all of them.
const fn form(name: &str, file_type: FileType) -> Form<'_> {
    Form { name, file_type, hashed: true }
}

/// Bytes of the page that are looked at between two looks at the clock.
const WINDOW: usize = 64 << 10;
/// Longest form, in bytes. A longer one is handed over in pieces, so that none takes much memory.
const PIECE: usize = 16 << 20;
/// Bytes that a piece has in common with the next, so that patterns are found where it ends.
const OVERLAP: usize = 64 << 10;

/// Hands over everything.
pub(super) fn open(content: &Content, sink: &mut dyn Sink) -> Flow {
    let mut page = Page::new(sink);
    let (encoding, mark) = {
        let head = content.window(0, crate::HEAD)?;
        let (encoding, body) = encoding(&head);
        (encoding, head.len().saturating_sub(body.len()))
    };
    // The mark of UTF-8 is part of the forms; those of UTF-16 are of the encoding.
    let mut offset = if encoding == Encoding::Bytes { 0 } else { mark as u64 };
    while offset < content.size() {
        sink.pulse()?;
        let window = content.window(offset, WINDOW)?;
        offset = offset.saturating_add(window.len() as u64);
        page.push(&decoded(&window, encoding));
        page.hand_over(sink)?;
    }
    page.finish(sink)
}

/// The bytes in UTF-8 if they are in UTF-16. Windows hold whole units, and half of a pair becomes a replacement
/// character.
fn decoded(window: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    if encoding == Encoding::Bytes {
        return Cow::Borrowed(window);
    }
    let units = crate::text::units(encoding, window);
    let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    Cow::Owned(letters.collect::<String>().into_bytes())
}

/// A page that is being looked at.
struct Page {
    normaliser: Normaliser,
    forms: Forms,
    /// The scripts so far, in their form.
    scripts: Vec<u8>,
    wants_forms: bool,
    wants_scripts: bool,
}

impl Page {
    fn new(sink: &dyn Sink) -> Self {
        Self {
            normaliser: Normaliser {
                links: sink.wants_links().then(Links::default),
                ..Normaliser::default()
            },
            forms: Forms::default(),
            scripts: Vec::new(),
            wants_forms: sink.wants(MARKUP),
            wants_scripts: sink.wants(SCRIPTS),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.normaliser.push(bytes, &mut self.forms);
    }

    /// Hands over what is complete or has become too long.
    fn hand_over(&mut self, sink: &mut dyn Sink) -> Flow {
        let open = usize::from(self.normaliser.in_script());
        self.add_scripts(self.forms.scripts.len().saturating_sub(open), sink)?;
        if self.scripts.len() >= PIECE {
            sink.form(SCRIPTS, &mut self.scripts.as_slice())?;
            self.scripts.clear();
        }
        let open = usize::from(self.normaliser.in_data());
        let complete = self.forms.data.len().saturating_sub(open);
        for address in self.forms.data.drain(..complete) {
            content_of(address, sink)?;
        }
        if let Some(links) = &mut self.normaliser.links {
            links.tell(sink);
        }
        if !self.wants_forms {
            self.normaliser.keep_links(&mut self.forms, |forms| forms.markup.clear());
            self.forms.text.clear();
        }
        self.normaliser
            .keep_links(&mut self.forms, |forms| hand_over_piece(MARKUP, &mut forms.markup, sink))?;
        hand_over_piece(TEXT, &mut self.forms.text, sink)
    }

    /// Hands over the rest.
    fn finish(mut self, sink: &mut dyn Sink) -> Flow {
        self.normaliser.finish(&mut self.forms);
        if let Some(links) = &mut self.normaliser.links {
            links.finish(&self.forms.markup);
        }
        self.hand_over(sink)?;
        self.add_scripts(self.forms.scripts.len(), sink)?;
        for address in std::mem::take(&mut self.forms.data) {
            content_of(address, sink)?;
        }
        if self.forms.cut_scripts && self.wants_scripts {
            sink.gap(Reason::Unsupported, "scripts of more than 4 MiB are not normalized beyond that");
        }
        if self.normaliser.links.as_ref().is_some_and(Links::are_cut) {
            sink.gap(Reason::Unsupported, "links beyond the 65,536th are not compared with what they show");
        }
        if self.forms.cut_data {
            sink.gap(Reason::Unsupported, "data addresses of more than 64 MiB are cut");
        }
        for (form, bytes) in
            [(MARKUP, &self.forms.markup), (TEXT, &self.forms.text), (SCRIPTS, &self.scripts)]
        {
            if !bytes.is_empty() {
                sink.form(form, &mut bytes.as_slice())?;
            }
        }
        Ok(())
    }

    /// Adds the first scripts to those that have their form.
    fn add_scripts(&mut self, count: usize, sink: &mut dyn Sink) -> Flow {
        let wants = self.wants_scripts;
        for script in self.forms.scripts.drain(..count).filter(|script| wants && !script.is_empty()) {
            sink.pulse()?;
            if !self.scripts.is_empty() {
                self.scripts.push(b'\n');
            }
            javascript::normalise(&script, &mut self.scripts, &mut || sink.pulse())?;
        }
        Ok(())
    }
}

/// Hands over a form that has become too long, but for its end.
fn hand_over_piece(form: Form<'_>, bytes: &mut Vec<u8>, sink: &mut dyn Sink) -> Flow {
    if bytes.len() >= PIECE {
        sink.form(form, &mut bytes.as_slice())?;
        bytes.drain(..bytes.len().saturating_sub(OVERLAP));
    }
    Ok(())
}

/// Hands over what a `data:` address holds.
fn content_of(address: DataAddress, sink: &mut dyn Sink) -> Flow {
    let DataAddress { media_type, payload } = address;
    if payload.is_empty() {
        return Ok(());
    }
    let content = Content::from_vec(payload);
    if memchr::memmem::find(&media_type, b";base64").is_some() {
        return sink.child(Child::part(""), &mut Base64::new(content, Base64End::Content));
    }
    sink.child(Child::part(""), &mut content.reader())
}
