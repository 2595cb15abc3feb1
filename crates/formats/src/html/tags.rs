//! Tags, attributes and values.

use super::normalise::{
    FULL_STOPS, Forms, MAX_NAME, MAX_VALUE, Next, Normaliser, Raw, State, is_space, keep,
};

impl Normaliser {
    pub(super) fn open(&mut self, byte: u8, forms: &mut Forms) -> Next {
        if is_space(byte) {
            return Next::Done;
        }
        if byte == b'!' && self.raw.is_none() {
            self.state = State::Comment;
            return Next::Done;
        }
        if let Some(links) = &mut self.links {
            links.text_ends(&forms.markup);
        }
        forms.markup.push(b'<');
        if self.raw.is_some() && byte != b'/' {
            self.state = if byte == b'!' { State::RawDeclaration } else { State::Raw };
            forms.markup.push(byte.to_ascii_lowercase());
            return Next::Done;
        }
        self.tag.clear();
        self.attribute.clear();
        self.source = None;
        self.target = None;
        self.state = State::TagName;
        Next::Again
    }

    pub(super) fn tag_name(&mut self, byte: u8, forms: &mut Forms) -> Next {
        let ends = byte == b'>';
        if !ends && !is_space(byte) {
            let byte = byte.to_ascii_lowercase();
            forms.markup.push(byte);
            keep(&mut self.tag, byte, MAX_NAME);
            return Next::Done;
        }
        if self.raw.is_some() {
            if ends {
                forms.markup.push(b'>');
            }
            self.end_in_raw();
            self.links_go_on(forms);
        } else if ends {
            self.end_tag(forms);
        } else {
            self.state = State::Gap;
        }
        Next::Done
    }

    /// A tag's name has ended in raw content: only two end it, and white space will do for them.
    pub(super) fn end_in_raw(&mut self) {
        let ends = match self.tag.as_slice() {
            b"/script" => true,
            b"/style" => self.raw == Some(Raw::Style),
            _ => false,
        };
        if !ends {
            self.state = State::Raw;
            return;
        }
        self.raw = None;
        self.state = State::Trim;
    }

    pub(super) fn end_tag(&mut self, forms: &mut Forms) {
        self.end_attribute();
        forms.markup.push(b'>');
        self.state = State::Trim;
        if let Some(links) = &mut self.links {
            links.tag(&self.tag, self.target.as_ref(), self.source.as_ref());
        }
        match self.tag.as_slice() {
            b"a" => self.address = self.target.take().filter(|address| !address.is_empty()),
            b"img" => self.address = self.source.take().filter(|address| !address.is_empty()),
            b"script" => {
                self.raw = Some(Raw::Script);
                self.state = State::Raw;
                forms.scripts.push(Vec::new());
            }
            b"style" => {
                self.raw = Some(Raw::Style);
                self.state = State::Raw;
            }
            _ => {}
        }
        self.links_go_on(forms);
    }

    /// Behind a tag comes text, unless the element's content is raw.
    fn links_go_on(&mut self, forms: &Forms) {
        if self.raw.is_none()
            && let Some(links) = &mut self.links
        {
            links.text_begins(forms.markup.len());
        }
    }

    /// Lets `clear` take away markup without that the text of a link is lost.
    pub(super) fn keep_links<T>(&mut self, forms: &mut Forms, clear: impl FnOnce(&mut Forms) -> T) -> T {
        let in_text = self.links.as_mut().is_some_and(|links| links.before_markup_goes(&forms.markup));
        let result = clear(forms);
        if in_text && let Some(links) = &mut self.links {
            links.text_begins(forms.markup.len());
        }
        result
    }

    pub(super) fn gap_in_tag(&mut self, byte: u8, forms: &mut Forms) -> Next {
        match byte {
            _ if is_space(byte) => {}
            b'>' => self.end_tag(forms),
            b'=' => {
                self.begin_value(forms);
            }
            _ => {
                forms.markup.push(b' ');
                self.end_attribute();
                self.state = State::AttributeName;
                return Next::Again;
            }
        }
        Next::Done
    }

    pub(super) fn attribute_name(&mut self, byte: u8, forms: &mut Forms) -> Next {
        match byte {
            _ if is_space(byte) => self.state = State::Gap,
            b'>' => self.end_tag(forms),
            b'=' => {
                self.begin_value(forms);
            }
            _ => {
                let byte = byte.to_ascii_lowercase();
                forms.markup.push(byte);
                keep(&mut self.attribute, byte, MAX_NAME);
            }
        }
        Next::Done
    }

    pub(super) fn begin_value(&mut self, forms: &mut Forms) {
        forms.markup.push(b'=');
        self.value.clear();
        self.state = State::BeforeValue { began: false };
    }

    pub(super) fn before_value(&mut self, byte: u8, began: bool, forms: &mut Forms) -> Next {
        match byte {
            _ if is_space(byte) && began => {
                self.end_value();
                self.state = State::Gap;
                Next::Done
            }
            _ if is_space(byte) => Next::Done,
            0x80.. => {
                self.add_wide_to_value(byte, forms);
                self.state = State::BeforeValue { began: true };
                Next::Done
            }
            b'"' | b'\'' => {
                self.add_to_value(b'"', b'"', forms);
                self.state = State::Value(Some(byte));
                Next::Done
            }
            _ => {
                self.state = State::Value(None);
                Next::Again
            }
        }
    }

    pub(super) fn value(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
        match byte {
            _ if quote == Some(byte) => {
                self.add_to_value(b'"', b'"', forms);
                self.end_value();
                self.state = State::Gap;
            }
            b'>' if quote.is_none() => {
                self.end_value();
                self.end_tag(forms);
            }
            b'>' => {
                self.add_to_value(byte, byte, forms);
                self.state = State::ValueGap;
            }
            _ if is_space(byte) && quote.is_none() => {
                self.end_value();
                self.state = State::Gap;
            }
            _ if is_space(byte) => {
                self.add_to_value(if byte == b'\n' { b' ' } else { byte }, b' ', forms);
                self.state = State::ValueGap;
            }
            b'&' => self.begin_reference(self.state),
            b':' if self.value.strip_prefix(b"\"").unwrap_or(&self.value) == b"data" => {
                self.state = State::DataColon(quote);
            }
            0x80.. => self.add_wide_to_value(byte, forms),
            b'\'' => self.add_to_value(b'"', b'"', forms),
            b'"' => self.add_to_value(b'"', b'"', forms),
            _ => {
                self.end_wide_value(forms);
                self.add_to_value(byte.to_ascii_lowercase(), byte, forms);
            }
        }
        Next::Done
    }

    pub(super) fn add_wide_to_value(&mut self, byte: u8, forms: &mut Forms) {
        if self.wide_value.len() == 3 {
            self.end_wide_value(forms);
        }
        self.wide_value.push(byte);
    }

    /// Puts out the wide character that waits for a letter. It waits over quotes, white space and references, and
    /// where no letter follows in a value it is lost.
    pub(super) fn end_wide_value(&mut self, forms: &mut Forms) {
        let mut wide = std::mem::take(&mut self.wide_value);
        let shown = if FULL_STOPS.contains(&wide.as_slice()) { b"." } else { wide.as_slice() };
        for byte in shown {
            self.add_to_value(*byte, *byte, forms);
        }
        wide.clear();
        self.wide_value = wide;
    }

    pub(super) fn add_to_value(&mut self, shown: u8, kept: u8, forms: &mut Forms) {
        forms.markup.push(shown);
        keep(&mut self.value, kept, MAX_VALUE);
    }

    /// Ends the value. A quote at its start, even one that was written as a reference, takes the last byte with it, which
    /// need not be a quote: white space in a value hides where the quotes end. A NUL ends an address.
    pub(super) fn end_value(&mut self) {
        if self.value.first() == Some(&b'"') {
            self.value.remove(0);
            self.value.pop();
        }
        let end = self.value.iter().position(|byte| *byte == 0).unwrap_or(self.value.len());
        self.value.truncate(end);
        self.end_attribute();
    }

    /// Keeps the value of the attribute, if it is the first one that may be an address.
    pub(super) fn end_attribute(&mut self) {
        let place = match self.attribute.as_slice() {
            b"href" => &mut self.target,
            b"src" => &mut self.source,
            _ => {
                if let Some(links) = &mut self.links {
                    links.attributes.keep(&self.attribute, &self.value);
                }
                self.attribute.clear();
                self.value.clear();
                return;
            }
        };
        if place.is_none() {
            *place = Some(std::mem::take(&mut self.value));
        }
        self.attribute.clear();
        self.value.clear();
    }
}
