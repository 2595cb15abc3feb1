//! HTML in the two forms that signatures are written for: markup without comments, and text without markup.
//!
//! There is no specification. The forms are those of `clamscan` 1.4.6, found by comparing with what its programs
//! put out: `benches/normalise` does that for any number of generated pages. Where a rule below looks odd, a page
//! that shows it is among the tests.

use super::entities;

/// Longest name of a tag, an attribute or a character reference that is kept, in bytes.
const MAX_NAME: usize = 1024;
/// Longest value of an attribute that is kept, in bytes; the markup has all of it.
const MAX_VALUE: usize = 1024;

/// Bytes of a piece of a page: white space at the start of a piece is left out, which joins words.
const MAX_PIECE: u32 = 8191;

/// Where the forms go. Whoever drives the normaliser takes out what has come together.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// The markup: in lower case, without comments, references decoded, white space folded.
    pub(super) markup: Vec<u8>,
    /// The text: in lower case, without tags; the addresses of links and pictures stand where they are.
    pub(super) text: Vec<u8>,
    /// Bytes of scripts as they are, those of the last one being incomplete while [`Normaliser::in_script`].
    pub(super) scripts: Vec<Vec<u8>>,
    /// Contents of `data:` addresses.
    pub(super) data: Vec<DataAddress>,
}

/// The content of a `data:` address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DataAddress {
    /// What stands between `data:` and the comma, in lower case.
    pub(super) media_type: Vec<u8>,
    /// What stands behind the comma, percent signs decoded.
    pub(super) payload: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In text.
    Text,
    /// In text, where white space is left out: at the start and behind tags.
    Trim,
    /// In a script or a style sheet.
    Raw,
    /// Behind `<!` in one of them.
    RawDeclaration,
    /// Behind `<`.
    Open,
    /// Between `<!` and `>`.
    Comment,
    TagName,
    /// Behind white space or a value in a tag.
    Gap,
    AttributeName,
    /// Behind `=`, and whether bytes beyond ASCII have been there.
    BeforeValue { began: bool },
    /// In a value, between quotes of this kind or without.
    Value(Option<u8>),
    /// Behind the first white space in a quoted value.
    ValueGap,
    /// Behind the colon of a `data:` address.
    DataColon(Option<u8>),
    /// In the type of one.
    DataType(Option<u8>),
    /// Behind what ended the quotes of one.
    DataGap,
    /// Behind the content of one.
    DataEnd,
    /// In the content of one.
    Data(Option<u8>),
    /// Behind a percent sign in it.
    Percent { quote: Option<u8>, high: Option<u8> },
    /// Behind `&`; [`Normaliser::back`] is where it stands.
    Reference,
    /// Behind `&#`, and whether digits are hexadecimal.
    Number { hexadecimal: bool, any: bool },
    /// In up to three bytes beyond ASCII.
    Wide,
}

/// What [`Normaliser::step`] makes of a byte.
enum Next {
    /// It is used up.
    Done,
    /// The state has changed, and the byte belongs to the new one.
    Again,
}

/// Turns the bytes of a page into its forms, in any pieces.
#[derive(Debug)]
pub(super) struct Normaliser {
    state: State,
    /// Bytes of the piece so far, those at its end without white space, and whether it has had nothing else.
    piece: u32,
    word: u32,
    piece_begins: bool,
    /// The state that a reference or a wide character stands in.
    back: State,
    /// White space stood before what comes next in the markup.
    gap: bool,
    /// The text ends in a space that is not to be doubled.
    spaced: bool,
    /// The element whose content is raw, if one is open.
    raw: Option<Raw>,
    tag: Vec<u8>,
    attribute: Vec<u8>,
    value: Vec<u8>,
    /// The first value of each attribute that may become the address.
    source: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    /// The address of the link or picture that was just closed.
    address: Option<Vec<u8>>,
    reference: Vec<u8>,
    number: u64,
    wide: Vec<u8>,
    /// Bytes beyond ASCII in a value, waiting for a letter.
    wide_value: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raw {
    Script,
    Style,
}

impl Default for Normaliser {
    fn default() -> Self {
        Self {
            state: State::Trim,
            piece: 0,
            word: 0,
            piece_begins: true,
            back: State::Trim,
            gap: false,
            spaced: false,
            raw: None,
            tag: Vec::new(),
            attribute: Vec::new(),
            value: Vec::new(),
            source: None,
            target: None,
            address: None,
            reference: Vec::new(),
            number: 0,
            wide: Vec::new(),
            wide_value: Vec::new(),
        }
    }
}

/// White space as C's `isspace` sees it; carriage returns never get here.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

impl Normaliser {
    /// Takes the next bytes of the page.
    pub(super) fn push(&mut self, bytes: &[u8], forms: &mut Forms) {
        for byte in bytes.iter().copied().filter(|byte| *byte != 0) {
            if self.raw == Some(Raw::Script)
                && let Some(script) = forms.scripts.last_mut()
            {
                script.push(byte);
            }
            if self.is_left_out(byte) {
                continue;
            }
            while let Next::Again = self.step(byte, forms) {}
        }
    }

    /// Whether the byte is white space at the start of a piece, or a carriage return.
    fn is_left_out(&mut self, byte: u8) -> bool {
        let space = is_space(byte);
        if self.piece == MAX_PIECE {
            // A piece that would end in a word ends before that word instead, if it has another.
            self.piece_begins = space;
            self.piece = if space || self.word == MAX_PIECE { 0 } else { self.word };
        }
        self.piece = self.piece.saturating_add(1);
        self.word = if space { 0 } else { self.word.saturating_add(1).min(self.piece) };
        self.piece_begins &= space;
        byte == b'\r' || self.piece_begins
    }

    /// Whether the last script is still open.
    pub(super) fn in_script(&self) -> bool {
        self.raw == Some(Raw::Script)
    }

    /// The page ends here.
    pub(super) fn finish(&mut self, forms: &mut Forms) {
        match self.state {
            State::Open => forms.markup.push(b'<'),
            State::DataColon(_) => forms.markup.push(b':'),
            State::Reference if !self.reference.is_empty() => self.resolve(b"", forms),
            _ => {}
        }
    }

    fn step(&mut self, byte: u8, forms: &mut Forms) -> Next {
        match self.state {
            State::Trim => {
                if let Some(address) = self.address.take() {
                    forms.text.extend_from_slice(&address);
                    forms.text.push(b' ');
                    self.spaced = true;
                }
                if is_space(byte) {
                    return Next::Done;
                }
                self.state = State::Text;
                Next::Again
            }
            State::Text => self.text(byte, forms),
            State::Raw => self.raw(byte, forms),
            State::RawDeclaration => {
                match byte {
                    _ if is_space(byte) => {}
                    b'\'' => forms.markup.push(b'"'),
                    _ => forms.markup.push(byte.to_ascii_lowercase()),
                }
                if byte == b'>' {
                    self.state = State::Raw;
                }
                Next::Done
            }
            State::Open => self.open(byte, forms),
            State::Comment => {
                if byte == b'>' {
                    self.state = State::Trim;
                }
                Next::Done
            }
            State::TagName => self.tag_name(byte, forms),
            State::Gap => self.gap_in_tag(byte, forms),
            State::AttributeName => self.attribute_name(byte, forms),
            State::BeforeValue { began } => self.before_value(byte, began, forms),
            State::Value(quote) => self.value(byte, quote, forms),
            State::ValueGap => {
                if is_space(byte) {
                    return Next::Done;
                }
                self.state = State::Value(None);
                Next::Again
            }
            State::DataColon(quote) => self.data_colon(byte, quote, forms),
            State::DataType(quote) => self.data_type(byte, quote, forms),
            State::DataGap | State::DataEnd if is_space(byte) => Next::Done,
            State::DataGap => {
                self.state = State::DataType(None);
                Next::Again
            }
            State::DataEnd => {
                self.state = State::AttributeName;
                Next::Again
            }
            State::Data(quote) => self.data(byte, quote, forms),
            State::Percent { quote, high } => self.percent(byte, quote, high, forms),
            State::Reference => self.reference(byte, forms),
            State::Number { hexadecimal, any } => self.number(byte, hexadecimal, any, forms),
            State::Wide => self.wide(byte, forms),
        }
    }

    fn text(&mut self, byte: u8, forms: &mut Forms) -> Next {
        if is_space(byte) {
            self.gap = true;
            self.space(forms);
            return Next::Done;
        }
        if std::mem::take(&mut self.gap) {
            forms.markup.push(b' ');
        }
        match byte {
            b'<' => {
                self.space(forms);
                self.state = State::Open;
            }
            b'&' => {
                self.space(forms);
                self.begin_reference(State::Text);
            }
            0x80.. => return self.begin_wide(State::Text),
            _ => {
                let byte = byte.to_ascii_lowercase();
                forms.markup.push(byte);
                if byte < b' ' {
                    self.space(forms);
                } else {
                    forms.text.push(byte);
                    self.spaced = false;
                }
            }
        }
        Next::Done
    }

    /// A space in the text, where there is none yet.
    fn space(&mut self, forms: &mut Forms) {
        if !std::mem::replace(&mut self.spaced, true) {
            forms.text.push(b' ');
        }
    }

    fn raw(&mut self, byte: u8, forms: &mut Forms) -> Next {
        match byte {
            _ if is_space(byte) => {}
            b'<' => self.state = State::Open,
            b'&' => self.begin_reference(State::Raw),
            b'\'' => forms.markup.push(b'"'),
            0x80.. => return self.begin_wide(State::Raw),
            _ => forms.markup.push(byte.to_ascii_lowercase()),
        }
        Next::Done
    }

    fn open(&mut self, byte: u8, forms: &mut Forms) -> Next {
        if is_space(byte) {
            return Next::Done;
        }
        if byte == b'!' && self.raw.is_none() {
            self.state = State::Comment;
            return Next::Done;
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

    fn tag_name(&mut self, byte: u8, forms: &mut Forms) -> Next {
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
            self.end_in_raw(ends, forms);
        } else if ends {
            self.end_tag(forms);
        } else {
            self.state = State::Gap;
        }
        Next::Done
    }

    /// A tag's name has ended in raw content: only two end it, and white space will do for them.
    fn end_in_raw(&mut self, complete: bool, forms: &mut Forms) {
        let ends = match self.tag.as_slice() {
            b"/script" => true,
            b"/style" => self.raw == Some(Raw::Style),
            _ => false,
        };
        if !ends {
            self.state = State::Raw;
            return;
        }
        if let (Some(Raw::Script), Some(script)) = (self.raw, forms.scripts.last_mut()) {
            let end = if complete { script.iter().rposition(|byte| *byte == b'<') } else { None };
            script.truncate(end.unwrap_or(script.len()));
        }
        self.raw = None;
        self.state = State::Trim;
    }

    fn end_tag(&mut self, forms: &mut Forms) {
        self.end_attribute();
        forms.markup.push(b'>');
        self.state = State::Trim;
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
    }

    fn gap_in_tag(&mut self, byte: u8, forms: &mut Forms) -> Next {
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

    fn attribute_name(&mut self, byte: u8, forms: &mut Forms) -> Next {
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

    fn begin_value(&mut self, forms: &mut Forms) {
        forms.markup.push(b'=');
        self.value.clear();
        self.state = State::BeforeValue { began: false };
    }

    fn before_value(&mut self, byte: u8, began: bool, forms: &mut Forms) -> Next {
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

    fn value(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
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

    fn add_wide_to_value(&mut self, byte: u8, forms: &mut Forms) {
        if self.wide_value.len() == 3 {
            self.end_wide_value(forms);
        }
        self.wide_value.push(byte);
    }

    /// Puts out the wide character that waits for a letter. It waits over quotes, white space and references, and
    /// where no letter follows in a value it is lost.
    fn end_wide_value(&mut self, forms: &mut Forms) {
        let mut wide = std::mem::take(&mut self.wide_value);
        let shown = if FULL_STOPS.contains(&wide.as_slice()) { b"." } else { wide.as_slice() };
        for byte in shown {
            self.add_to_value(*byte, *byte, forms);
        }
        wide.clear();
        self.wide_value = wide;
    }

    fn add_to_value(&mut self, shown: u8, kept: u8, forms: &mut Forms) {
        forms.markup.push(shown);
        keep(&mut self.value, kept, MAX_VALUE);
    }

    /// Ends the value. A quote at its start, even one that was written as a reference, takes the last byte with it, which
    /// need not be a quote: white space in a value hides where the quotes end. A NUL ends an address.
    fn end_value(&mut self) {
        if self.value.first() == Some(&b'"') {
            self.value.remove(0);
            self.value.pop();
        }
        let end = self.value.iter().position(|byte| *byte == 0).unwrap_or(self.value.len());
        self.value.truncate(end);
        self.end_attribute();
    }

    /// Keeps the value of the attribute, if it is the first one that may be an address.
    fn end_attribute(&mut self) {
        let place = match self.attribute.as_slice() {
            b"href" => &mut self.target,
            b"src" => &mut self.source,
            _ => {
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

    fn data_colon(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
        let ends = quote.map_or(byte == b'>' || is_space(byte), |quote| byte == quote);
        if ends {
            self.value.clear();
            self.state = State::Value(quote);
            return Next::Again;
        }
        if quote.is_some() {
            forms.markup.push(b'"');
        }
        self.value.clear();
        forms.data.push(DataAddress::default());
        self.state = State::DataType(quote);
        Next::Again
    }

    fn data_type(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
        if byte == b',' {
            self.state = State::Data(quote);
            return Next::Done;
        }
        match quote {
            Some(_) if quote == Some(byte) => {
                self.state = State::Gap;
                return Next::Done;
            }
            Some(_) if byte == b'>' || is_space(byte) => self.state = State::DataGap,
            None if byte == b'>' => {
                self.end_tag(forms);
                return Next::Done;
            }
            None if is_space(byte) => {
                self.state = State::Gap;
                return Next::Done;
            }
            _ => {}
        }
        if let Some(address) = forms.data.last_mut() {
            keep(&mut address.media_type, byte.to_ascii_lowercase(), MAX_NAME);
        }
        Next::Done
    }

    fn data(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
        let empty = forms.data.last().is_none_or(|address| address.payload.is_empty());
        if self.data_ends(byte, quote) {
            if empty && byte != b'>' {
                self.state = State::Gap;
            }
            return Next::Done;
        }
        match byte {
            b'&' => self.begin_reference(self.state),
            b'%' => self.state = State::Percent { quote, high: None },
            _ => forms.data.last_mut().into_iter().for_each(|address| address.payload.push(byte)),
        }
        Next::Done
    }

    /// Whether the byte ends a `data:` address. The tag goes on behind it without a gap.
    fn data_ends(&mut self, byte: u8, quote: Option<u8>) -> bool {
        let ends = match quote {
            Some(quote) => byte == quote,
            None => byte == b'>' || is_space(byte),
        };
        if ends {
            self.attribute.clear();
            self.state = State::DataEnd;
        }
        ends
    }

    fn percent(&mut self, byte: u8, quote: Option<u8>, high: Option<u8>, forms: &mut Forms) -> Next {
        let digit = char::from(byte).to_digit(16).unwrap_or(0) as u8;
        let Some(high) = high else {
            self.state = State::Percent { quote, high: Some(digit) };
            return Next::Done;
        };
        if let Some(address) = forms.data.last_mut() {
            address.payload.push(high << 4 | digit);
        }
        self.state = State::Data(quote);
        Next::Done
    }

    fn begin_reference(&mut self, back: State) {
        self.reference.clear();
        self.back = back;
        self.state = State::Reference;
    }

    fn reference(&mut self, byte: u8, forms: &mut Forms) -> Next {
        match byte {
            b'#' if self.reference.is_empty() => {
                self.number = 0;
                self.state = State::Number { hexadecimal: false, any: false };
                return Next::Done;
            }
            b';' => {
                self.resolve(b";", forms);
                return Next::Done;
            }
            b'-' | b':' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' if self.reference.len() < MAX_NAME => {
                self.reference.push(byte);
                return Next::Done;
            }
            _ => {}
        }
        self.literal(b"", forms);
        Next::Again
    }

    /// The name is complete: its character, or what stands there.
    fn resolve(&mut self, end: &[u8], forms: &mut Forms) {
        match entities::character(&self.reference) {
            Some(character) => {
                self.state = self.back;
                self.character(character, None, forms);
            }
            None => self.literal(end, forms),
        }
    }

    /// Puts out a reference as it stands there.
    fn literal(&mut self, end: &[u8], forms: &mut Forms) {
        self.state = self.back;
        let mut reference = std::mem::take(&mut self.reference);
        self.referred(b'&', b'&', forms);
        for byte in reference.iter().chain(end) {
            let byte = byte.to_ascii_lowercase();
            self.referred(byte, byte, forms);
        }
        reference.clear();
        self.reference = reference;
    }

    fn number(&mut self, byte: u8, hexadecimal: bool, any: bool, forms: &mut Forms) -> Next {
        if matches!(byte, b'x' | b'X') && !hexadecimal && !any {
            self.state = State::Number { hexadecimal: true, any: false };
            return Next::Done;
        }
        let radix = if hexadecimal { 16 } else { 10 };
        if let Some(digit) = char::from(byte).to_digit(radix) {
            let number = self.number.wrapping_mul(u64::from(radix));
            self.number = number.wrapping_add(u64::from(digit));
            self.state = State::Number { hexadecimal, any: true };
            return Next::Done;
        }
        self.state = self.back;
        let low = (self.number & 0xff) as u8;
        if byte != b';' {
            forms.markup.push(low);
            return Next::Again;
        }
        if self.number < 0xff {
            self.referred(low.to_ascii_lowercase(), low, forms);
        } else {
            self.character((self.number & 0xffff) as u16, Some(low), forms);
        }
        Next::Done
    }

    /// Puts out the character of a reference: as a byte, or as a reference in one way of writing. Of a number, values
    /// keep the lowest byte.
    fn character(&mut self, character: u16, low: Option<u8>, forms: &mut Forms) {
        if character < 0xff {
            if character != 0 {
                self.referred(character as u8, character as u8, forms);
            }
            return;
        }
        let text = format!("&#x{character:04x};");
        match low {
            Some(low) => {
                forms.markup.extend_from_slice(text.as_bytes());
                if self.in_value() {
                    keep(&mut self.value, low, MAX_VALUE);
                }
            }
            None => text.bytes().for_each(|byte| self.referred(byte, byte, forms)),
        }
    }

    fn in_value(&self) -> bool {
        matches!(self.back, State::Value(_))
    }

    /// Puts out a byte of a reference where it stands; the text has none of them.
    fn referred(&mut self, shown: u8, kept: u8, forms: &mut Forms) {
        forms.markup.push(shown);
        if self.in_value() {
            keep(&mut self.value, kept, MAX_VALUE);
        }
    }

    fn begin_wide(&mut self, back: State) -> Next {
        self.wide.clear();
        self.back = back;
        self.state = State::Wide;
        Next::Again
    }

    fn wide(&mut self, byte: u8, forms: &mut Forms) -> Next {
        if byte >= 0x80 && self.wide.len() < 3 {
            self.wide.push(byte);
            return Next::Done;
        }
        self.state = self.back;
        let wide = std::mem::take(&mut self.wide);
        if FULL_STOPS.contains(&wide.as_slice()) {
            forms.markup.push(b'.');
            forms.text.push(b'.');
        } else {
            forms.markup.extend_from_slice(&wide);
            // What signatures are written for has this shift in it.
            match *wide.as_slice() {
                [first, second, _] => forms.text.extend([first, second, second]),
                [first, _] => forms.text.extend([first, first]),
                _ => forms.text.push(0),
            }
        }
        self.wide = wide;
        Next::Again
    }
}

/// Full stops of East Asian scripts, with which addresses are disguised.
const FULL_STOPS: [&[u8]; 3] = ["\u{3002}".as_bytes(), "\u{fe52}".as_bytes(), "\u{ff0e}".as_bytes()];

fn keep(bytes: &mut Vec<u8>, byte: u8, most: usize) {
    if bytes.len() < most {
        bytes.push(byte);
    }
}
