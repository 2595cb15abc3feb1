//! `data:` addresses in values: RFC 2397.

use super::normalise::{DataAddress, Forms, MAX_NAME, Next, Normaliser, State, is_space, keep};

impl Normaliser {
    pub(super) fn data_colon(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
        if ends_address(byte, quote) {
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

    pub(super) fn data_type(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
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

    pub(super) fn data(&mut self, byte: u8, quote: Option<u8>, forms: &mut Forms) -> Next {
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
            _ => forms.add_to_data(byte),
        }
        Next::Done
    }

    /// Whether the byte ends a `data:` address. The tag goes on behind it without a gap.
    pub(super) fn data_ends(&mut self, byte: u8, quote: Option<u8>) -> bool {
        let ends = ends_address(byte, quote);
        if ends {
            self.attribute.clear();
            self.state = State::DataEnd;
        }
        ends
    }

    pub(super) fn percent(
        &mut self,
        byte: u8,
        quote: Option<u8>,
        high: Option<u8>,
        forms: &mut Forms,
    ) -> Next {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
        let Some(high) = high else {
            self.state = State::Percent { quote, high: Some(digit) };
            return Next::Done;
        };
        forms.add_to_data(high << 4 | digit);
        self.state = State::Data(quote);
        Next::Done
    }
}

/// Whether a `data:` address that began with this quote, or without, ends before the byte.
fn ends_address(byte: u8, quote: Option<u8>) -> bool {
    match quote {
        Some(quote) => byte == quote,
        None => byte == b'>' || is_space(byte),
    }
}
