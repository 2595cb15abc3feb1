//! The digits of a program's text: letters, of which the lower four bits are a digit of 16 and the rest says
//! what begins.

/// Reads digits one after another.
pub(super) struct Digits<'t> {
    rest: &'t str,
}

impl<'t> Digits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'t str {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next letter, which stays.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// The next letter.
    pub(super) fn letter(&mut self) -> Result<u8, String> {
        let letter = self.peek().filter(u8::is_ascii).ok_or("the line ends early, or is not ASCII")?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(letter)
    }

    /// The next letter must be this one.
    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), String> {
        let letter = self.letter()?;
        if letter == wanted {
            Ok(())
        } else {
            Err(format!("{:?} instead of {:?}", char::from(letter), char::from(wanted)))
        }
    }

    /// One digit.
    pub(super) fn digit(&mut self) -> Result<u8, String> {
        match self.letter()? {
            letter @ 0x60..=0x6f => Ok(letter & 0x0f),
            letter => Err(format!("{:?} is no digit", char::from(letter))),
        }
    }

    fn digits(&mut self, count: u8) -> Result<u64, String> {
        let mut number = 0_u64;
        for place in 0..count {
            let digit = u64::from(self.digit()?);
            number |= digit.checked_shl(u32::from(place).saturating_mul(4)).unwrap_or(0);
        }
        Ok(number)
    }

    /// Two digits.
    pub(super) fn byte(&mut self) -> Result<u8, String> {
        Ok(self.digits(2)?.to_le_bytes()[0])
    }

    /// A number: how many digits it has, 16 at most, then these, the lowest first.
    pub(super) fn number(&mut self) -> Result<u64, String> {
        match self.letter()? {
            letter @ 0x60..=0x70 => self.digits(letter.saturating_sub(0x60)),
            letter => Err(format!("{:?} does not begin a number", char::from(letter))),
        }
    }

    /// A number of 32 bits.
    pub(super) fn small(&mut self) -> Result<u32, String> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| format!("{number} is too large"))
    }

    /// Whether a constant comes next.
    pub(super) fn at_constant(&self) -> bool {
        self.peek().is_some_and(|letter| matches!(letter, 0x40..=0x50))
    }

    /// A constant: as a number, with other letters at the beginning.
    pub(super) fn constant(&mut self) -> Result<u64, String> {
        match self.letter()? {
            letter @ 0x40..=0x50 => self.digits(letter.saturating_sub(0x40)),
            letter => Err(format!("{:?} does not begin a constant", char::from(letter))),
        }
    }

    /// Text with its length before it. The zero that ends it is left out.
    pub(super) fn text(&mut self) -> Result<String, String> {
        self.expect(b'|')?;
        let length = self.small()?;
        let mut bytes = Vec::new();
        for _ in 0..length {
            bytes.push(self.byte()?);
        }
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_lowest_digit_first() {
        let mut digits = Digits::new("`aibhbHoooooooo|cae``");
        assert_eq!(digits.number(), Ok(0));
        assert_eq!(digits.number(), Ok(9));
        assert_eq!(digits.number(), Ok(0x28));
        assert!(digits.at_constant());
        assert_eq!(digits.constant(), Ok(0xffff_ffff));
        assert!(digits.text().is_err());
    }

    #[test]
    fn text_is_bytes_with_their_length() {
        assert_eq!(Digits::new("|acafbf``").text().unwrap(), "ab");
        assert!(Digits::new("|hoooooooo").text().is_err());
        assert!(Digits::new("é").letter().is_err());
        assert!(Digits::new("").number().is_err());
    }
}
