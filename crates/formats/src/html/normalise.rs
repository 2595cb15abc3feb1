//! HTML in the two forms that signatures are written for: markup without comments, and text without markup.
//!
//! There is no specification. The forms are those of `clamscan` 1.4.6, found by comparing with what its programs
//! put out: `benches/normalise` does that for any number of generated pages. Where a rule below looks odd, a page
//! that shows it is among the tests.

use super::links::Links;
use crate::javascript::MAX_SCRIPT;

/// Longest name of a tag, an attribute or a character reference that is kept, in bytes.
pub(super) const MAX_NAME: usize = 1024;
/// Longest value of an attribute that is kept, in bytes; the markup has all of it.
pub(super) const MAX_VALUE: usize = 1024;

/// Bytes of a piece of a page: white space at the start of a piece is left out, which joins words.
const MAX_PIECE: u32 = 8191;

/// Most bytes of the content of a `data:` address that are kept.
const MAX_DATA: usize = 64 << 20;

/// Where the forms go. Whoever drives the normaliser takes out what has come together.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// The markup: in lower case, without comments, references decoded, white space folded.
    pub(super) markup: Vec<u8>,
    /// The text: in lower case, without tags; the addresses of links and pictures stand where they are.
    pub(super) text: Vec<u8>,
    /// Bytes of scripts as they are with their closing tags, those of the last one being incomplete while
    /// [`Normaliser::in_script`].
    pub(super) scripts: Vec<Vec<u8>>,
    /// Contents of `data:` addresses, that of the last one being incomplete while [`Normaliser::in_data`].
    pub(super) data: Vec<DataAddress>,
    /// A script or the content of an address was longer than is kept.
    pub(super) cut_scripts: bool,
    pub(super) cut_data: bool,
}

impl Forms {
    pub(super) fn add_to_script(&mut self, byte: u8) {
        match self.scripts.last_mut() {
            Some(script) if script.len() < MAX_SCRIPT => script.push(byte),
            _ => self.cut_scripts = true,
        }
    }

    pub(super) fn add_to_data(&mut self, byte: u8) {
        match self.data.last_mut() {
            Some(address) if address.payload.len() < MAX_DATA => address.payload.push(byte),
            _ => self.cut_data = true,
        }
    }
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
pub(super) enum State {
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
    BeforeValue {
        began: bool,
    },
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
    Percent {
        quote: Option<u8>,
        high: Option<u8>,
    },
    /// Behind `&`; [`Normaliser::back`] is where it stands.
    Reference,
    /// Behind `&#`, and whether digits are hexadecimal.
    Number {
        hexadecimal: bool,
        any: bool,
    },
    /// In up to three bytes beyond ASCII.
    Wide,
}

/// What [`Normaliser::step`] makes of a byte.
pub(super) enum Next {
    /// It is used up.
    Done,
    /// The state has changed, and the byte belongs to the new one.
    Again,
}

/// Turns the bytes of a page into its forms, in any pieces.
#[derive(Debug)]
pub(super) struct Normaliser {
    pub(super) state: State,
    /// Bytes of the piece so far, those at its end without white space, and whether it has had nothing else.
    pub(super) piece: u32,
    pub(super) word: u32,
    pub(super) piece_begins: bool,
    /// The state that a reference or a wide character stands in.
    pub(super) back: State,
    /// White space stood before what comes next in the markup.
    pub(super) gap: bool,
    /// The text ends in a space that is not to be doubled.
    pub(super) spaced: bool,
    /// The element whose content is raw, if one is open.
    pub(super) raw: Option<Raw>,
    pub(super) tag: Vec<u8>,
    pub(super) attribute: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// The first value of each attribute that may become the address.
    pub(super) source: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    /// The address of the link or picture that was just closed.
    pub(super) address: Option<Vec<u8>>,
    pub(super) reference: Vec<u8>,
    pub(super) number: u64,
    pub(super) wide: Vec<u8>,
    /// Bytes beyond ASCII in a value, waiting for a letter.
    pub(super) wide_value: Vec<u8>,
    /// The links of the page, if anybody asks for them.
    pub(super) links: Option<Links>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw {
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
            links: None,
        }
    }
}

/// White space as C's `isspace` sees it; carriage returns never get here.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

impl Normaliser {
    /// Takes the next bytes of the page.
    pub(super) fn push(&mut self, bytes: &[u8], forms: &mut Forms) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            let run = self.run(rest, forms);
            if run > 0 {
                rest = rest.get(run..).unwrap_or_default();
                continue;
            }
            rest = after;
            self.take(*byte, forms);
        }
    }

    /// Takes the bytes at the start that mean nothing in this state, and tells how many they are. It changes nothing
    /// that [`take`](Self::take) would not change, and is there because most bytes are of this kind.
    fn run(&mut self, bytes: &[u8], forms: &mut Forms) -> usize {
        let class = match self.state {
            State::Text => TEXT,
            State::Raw => RAW,
            State::Comment => COMMENT,
            State::TagName if self.raw.is_none() => NAME,
            State::AttributeName => NAME,
            State::Value(_) if self.wide_value.is_empty() => VALUE,
            _ => return 0,
        };
        let most = usize::try_from(MAX_PIECE.saturating_sub(self.piece)).unwrap_or(0);
        let plain = |byte: &u8| CLASSES.get(usize::from(*byte)).is_some_and(|classes| classes & class != 0);
        let run = bytes.iter().take(most).take_while(|byte| plain(byte)).count();
        let Some(bytes) = bytes.get(..run).filter(|bytes| !bytes.is_empty()) else { return 0 };
        // A run is at most as long as a piece.
        let length = u32::try_from(run).unwrap_or(MAX_PIECE);
        self.piece = self.piece.saturating_add(length);
        self.word = self.word.saturating_add(length).min(self.piece);
        self.piece_begins = false;
        if self.state == State::Comment {
            return run;
        }
        if class == TEXT && std::mem::take(&mut self.gap) {
            forms.markup.push(b' ');
        }
        let start = forms.markup.len();
        forms.markup.extend_from_slice(bytes);
        let lower = forms.markup.get_mut(start..).unwrap_or_default();
        lower.make_ascii_lowercase();
        match class {
            TEXT => {
                forms.text.extend_from_slice(lower);
                self.spaced = false;
            }
            RAW if self.in_script() => bytes.iter().for_each(|byte| forms.add_to_script(*byte)),
            NAME => {
                let name = if self.state == State::TagName { &mut self.tag } else { &mut self.attribute };
                lower.iter().for_each(|byte| keep(name, *byte, MAX_NAME));
            }
            VALUE => bytes.iter().for_each(|byte| keep(&mut self.value, *byte, MAX_VALUE)),
            _ => {}
        }
        run
    }

    /// Takes one byte.
    fn take(&mut self, byte: u8, forms: &mut Forms) {
        if byte == 0 {
            return;
        }
        if self.in_script() {
            forms.add_to_script(byte);
        }
        if self.is_left_out(byte) {
            return;
        }
        while let Next::Again = self.step(byte, forms) {}
    }

    /// Whether the byte is white space at the start of a piece, or a carriage return.
    pub(super) fn is_left_out(&mut self, byte: u8) -> bool {
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

    /// Whether the last `data:` address is still open.
    pub(super) fn in_data(&self) -> bool {
        let state = match self.state {
            State::Reference | State::Number { .. } => self.back,
            state => state,
        };
        matches!(state, State::DataType(_) | State::DataGap | State::Data(_) | State::Percent { .. })
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

    pub(super) fn step(&mut self, byte: u8, forms: &mut Forms) -> Next {
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

    pub(super) fn text(&mut self, byte: u8, forms: &mut Forms) -> Next {
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
    pub(super) fn space(&mut self, forms: &mut Forms) {
        if !std::mem::replace(&mut self.spaced, true) {
            forms.text.push(b' ');
        }
    }

    pub(super) fn raw(&mut self, byte: u8, forms: &mut Forms) -> Next {
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

    pub(super) fn begin_wide(&mut self, back: State) -> Next {
        self.wide.clear();
        self.back = back;
        self.state = State::Wide;
        Next::Again
    }

    pub(super) fn wide(&mut self, byte: u8, forms: &mut Forms) -> Next {
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

/// States in which a byte means nothing.
const TEXT: u8 = 1;
const RAW: u8 = 2;
const COMMENT: u8 = 4;
const NAME: u8 = 8;
const VALUE: u8 = 16;

/// The states in which each byte means nothing.
static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the compiler runs it"
)]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = b'!' as usize;
    while byte < 0x7f {
        classes[byte] = match byte as u8 {
            b'<' => COMMENT | NAME | VALUE,
            b'>' => TEXT | RAW,
            b'&' => COMMENT | NAME,
            b'\'' => TEXT | COMMENT | NAME,
            b'"' => TEXT | RAW | COMMENT | NAME,
            b':' => TEXT | RAW | COMMENT | NAME,
            b'=' => TEXT | RAW | COMMENT | VALUE,
            _ => TEXT | RAW | COMMENT | NAME | VALUE,
        };
        byte += 1;
    }
    classes
}

/// Full stops of East Asian scripts, with which addresses are disguised.
pub(super) const FULL_STOPS: [&[u8]; 3] =
    ["\u{3002}".as_bytes(), "\u{fe52}".as_bytes(), "\u{ff0e}".as_bytes()];

pub(super) fn keep(bytes: &mut Vec<u8>, byte: u8, most: usize) {
    if bytes.len() < most {
        bytes.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms(pieces: &[&[u8]]) -> Forms {
        let mut forms = Forms::default();
        let mut normaliser = Normaliser::default();
        pieces.iter().for_each(|piece| normaliser.push(piece, &mut forms));
        normaliser.finish(&mut forms);
        forms
    }

    /// Pages with what `sigtool --html-normalise` 1.4.6 makes of them: markup and text.
    const PAGES: &[(&[u8], &[u8], &[u8])] = &[
        (b"<B>Hello  <I> WORLD </I>\n foo</B> x", b"<b>hello <i>world </i>foo</b>x", b" hello world foo x"),
        (b"a<!-- x -> y --> z", b"ay --> z", b"a y --> z"),
        (b"<a  HREF = \"X y\"  b>z", b"<a href=\"x y\" b>z", b" X y z"),
        (b"<a href=\"a b c\" x='d\"e'f>t", b"<a href=\"a b c\" x=\"d\"e\" f>t", b" a  t"),
        (b"<a b=\"c >d\">e", b"<a b=\"c >d\">e", b" d\">e"),
        (b"<img src=A href=B><b href=C>d", b"<img src=a href=b><b href=c>d", b" A d"),
        (b"a&lt;b&#65;&#x42;&euro;&foo;&#66c", b"a<bab&#x20ac;&foo;Bc", b"a b c"),
        (b"<a b=\"data:text/html,x\"d=e>f", b"<a b=\"data\"d=e>f", b" f"),
        (b"<a b=data:text/html,abc>def", b"<a b=datadef", b" "),
        (b"<script>A 'B' &lt; C<d></Script>e", b"<script>a\"b\"<c<d></script>e", b" e"),
        (b"<style>A { b }</style >c", b"<style>a{b}</style>c", b" >c"),
        (b"a\xe3\x80\x82b\xc3\xa9c\0\x01", b"a.b\xc3\xa9c\x01", b"a.b\xc3\xc3c "),
        (b"<b x=\"a\xc3\xa9 b\xe9\">", b"<b x=\"a \xc3\xa9b\">", b" "),
        (b"< / b\n=\n'>", b"</ b=\">", b" "),
    ];

    #[test]
    fn forms_are_those_of_clamscan() {
        for (page, markup, text) in PAGES {
            let forms = forms(&[page]);
            let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
            assert_eq!(show(&forms.markup), show(markup), "{}", show(page));
            assert_eq!(show(&forms.text), show(text), "{}", show(page));
        }
    }

    #[test]
    fn words_are_joined_where_pieces_meet() {
        let mut page = vec![b'a'; 8191];
        page.extend(b" b c");
        let markup = forms(&[&page]).markup;
        assert!(markup.ends_with(b"aaab c"));
    }

    #[test]
    fn what_the_page_hides_comes_out() {
        let page = b"<script>var a</script><a b='data:TEXT/html;Base64,QUJD%44'>\r<script>b";
        let forms = forms(&[page]);
        assert_eq!(forms.scripts, [b"var a</script>".as_slice(), b"b"]);
        let address = DataAddress { media_type: b"text/html;base64".to_vec(), payload: b"QUJDD".to_vec() };
        assert_eq!(forms.data, [address]);
    }

    #[test]
    fn what_is_kept_of_a_page_is_bounded() {
        let mut page = b"<a b=\"data:,".to_vec();
        page.resize(MAX_DATA + 100, b'x');
        let all = forms(&[&page]);
        assert!(all.cut_data && all.data[0].payload.len() == MAX_DATA && all.markup.len() < 100);
        let mut page = b"<script>".to_vec();
        page.resize(MAX_SCRIPT + 100, b'x');
        let all = forms(&[&page, b"</script>"]);
        assert!(all.cut_scripts && all.scripts[0].len() == MAX_SCRIPT);
    }

    static PARTS: &[&[u8]] = &[
        b"<",
        b">",
        b"a",
        b" href=",
        b" src='",
        b"\"",
        b"&#6",
        b"&lt",
        b";",
        b"script",
        b"style",
        b"/",
        b"!",
        b"data:",
        b",",
        b"%4",
        b" ",
        b"\n",
        b"\r",
        b"\0",
        b"\xe3",
        b"\x80\x82",
        b"<img",
        b"=",
    ];

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            page in prop::collection::vec(
                prop::sample::select(PARTS),
                0..40,
            ),
            split in 0usize..100,
        ) {
            let page = page.concat();
            let (first, second) = page.split_at(split.min(page.len()));
            let (whole, parts) = (forms(&[&page]), forms(&[first, second]));
            prop_assert_eq!(&whole.markup, &parts.markup);
            prop_assert_eq!(&whole.text, &parts.text);
            prop_assert_eq!(&whole.scripts, &parts.scripts);
            prop_assert_eq!(&whole.data, &parts.data);
            prop_assert!(whole.markup.len() <= 4 * page.len() + 8 && whole.text.len() <= 4 * page.len() + 8);
        }
    }
}
