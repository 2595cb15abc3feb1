//! Character references.

use super::entities;
use super::normalise::{Forms, MAX_NAME, MAX_VALUE, Next, Normaliser, State, keep};

impl Normaliser {
    pub(super) fn begin_reference(&mut self, back: State) {
        self.reference.clear();
        self.back = back;
        self.state = State::Reference;
    }

    pub(super) fn reference(&mut self, byte: u8, forms: &mut Forms) -> Next {
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
            b'-' | b':' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
                if self.reference.len() < MAX_NAME =>
            {
                self.reference.push(byte);
                return Next::Done;
            }
            _ => {}
        }
        self.literal(b"", forms);
        Next::Again
    }

    /// The name is complete: its character, or what stands there.
    pub(super) fn resolve(&mut self, end: &[u8], forms: &mut Forms) {
        match entities::character(&self.reference) {
            Some(character) => {
                self.state = self.back;
                self.character(character, None, forms);
            }
            None => self.literal(end, forms),
        }
    }

    /// Puts out a reference as it stands there.
    pub(super) fn literal(&mut self, end: &[u8], forms: &mut Forms) {
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

    pub(super) fn number(&mut self, byte: u8, hexadecimal: bool, any: bool, forms: &mut Forms) -> Next {
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
    pub(super) fn character(&mut self, character: u16, low: Option<u8>, forms: &mut Forms) {
        if let Ok(byte) = u8::try_from(character)
            && byte < 0xff
        {
            if byte != 0 {
                self.referred(byte, byte, forms);
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

    pub(super) fn in_value(&self) -> bool {
        matches!(self.back, State::Value(_))
    }

    /// Puts out a byte of a reference where it stands; the text has none of them.
    pub(super) fn referred(&mut self, shown: u8, kept: u8, forms: &mut Forms) {
        forms.markup.push(shown);
        if self.in_value() {
            keep(&mut self.value, kept, MAX_VALUE);
        }
    }
}
