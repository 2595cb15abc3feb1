//! Content transfer encodings: what a field says, and what a body looks like.
//!
//! Specification: RFC 2045 section 6. The value is written as `base64;`, `"Base64"`, `base64 (x)` or twice to
//! mislead scanners, so every word of every field counts.

use std::io::{self, Read};

use candor_object::Content;

use super::base64::{Base64, End, is_sextet};
use super::header::line;
use super::lines::is_blank;
use super::parameters::without_comments;
use super::quoted::Quoted;
use super::uu::Uu;
use super::yenc::Yenc;

/// Bytes looked at to tell what a body looks like.
const LOOK: usize = 4096;
/// Characters that make a line look like base64; words of text are shorter.
const LOOK_LINE: usize = 16;
/// Encodings of one part that are tried. Stops a part of 1 MB with a thousand encodings.
const MAX_TRANSFERS: usize = 8;

/// A content transfer encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// 7bit, 8bit or binary.
    Identity,
    /// base64.
    Base64,
    /// quoted-printable.
    Quoted,
    /// uuencode under any of its names.
    Uu,
    /// yEnc under any of its names.
    Yenc,
    /// Anything else.
    Unknown(String),
}

impl Transfer {
    fn from_word(word: &str) -> Self {
        match word {
            "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" | "none" => Self::Identity,
            "base64" | "x-base64" => Self::Base64,
            "quoted-printable" => Self::Quoted,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" | "x-uu" => Self::Uu,
            "yenc" | "x-yenc" | "x-yencode" => Self::Yenc,
            _ => Self::Unknown(word.chars().take(64).collect()),
        }
    }

    /// A reader that decodes `body`.
    pub(crate) fn decoder(&self, body: Content) -> Box<dyn Read> {
        match self {
            Self::Identity | Self::Unknown(_) => Box::new(body.reader()),
            Self::Base64 => Box::new(Base64::new(body, End::Content)),
            Self::Quoted => Box::new(Quoted::new(body)),
            Self::Uu => Box::new(Uu::new(body)),
            Self::Yenc => Box::new(Yenc::new(body)),
        }
    }

    /// Whether the body is nothing but the encoded file; uuencode and yEnc have text around it.
    pub(crate) fn is_replaced(&self) -> bool {
        matches!(self, Self::Base64 | Self::Quoted)
    }

    /// Whether the body lies as it is.
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, Self::Identity | Self::Unknown(_))
    }
}

/// The encodings that the fields name, without doubles; the identity if there are none.
pub(crate) fn transfers<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Transfer> {
    let mut found = Vec::new();
    for value in values {
        let text = String::from_utf8_lossy(&without_comments(value)).to_ascii_lowercase();
        let separators =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, ';' | ',' | ':' | '"' | '\'' | '=');
        for word in text.split(separators).filter(|word| !word.is_empty()).take(MAX_TRANSFERS) {
            let transfer = Transfer::from_word(word);
            if found.len() < MAX_TRANSFERS && !found.contains(&transfer) {
                found.push(transfer);
            }
        }
    }
    if found.is_empty() {
        found.push(Transfer::Identity);
    }
    found
}

/// What the first line of a body says about base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nobody would write such a line without base64.
    Base64,
    /// It could be base64.
    Perhaps,
    /// It has characters that base64 has not.
    Other,
}

/// Looks at the first line of a body that is not blank.
pub(crate) fn look(body: &Content) -> io::Result<Look> {
    let window = body.window(0, LOOK)?;
    let mut at = 0;
    while let Some((text, next)) = line(&window, at) {
        at = next;
        if is_blank(text) {
            continue;
        }
        let text = text.trim_ascii();
        let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
        let characters = text.get(..text.len().saturating_sub(padding)).unwrap_or_default();
        if padding > 2 || !characters.iter().all(|byte| is_sextet(*byte)) {
            return Ok(Look::Other);
        }
        return Ok(if text.len() >= LOOK_LINE { Look::Base64 } else { Look::Perhaps });
    }
    Ok(Look::Perhaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_spellings() {
        for value in
            ["base64", " BASE64 ", "\"Base64\"", "base64;", "(x) base64 (y)", "base64 base64", "bas(e)e64"]
        {
            assert_eq!(transfers([value.as_bytes()].into_iter()), [Transfer::Base64], "{value}");
        }
        assert_eq!(transfers([&b"7bit"[..], b"base64"].into_iter()), [Transfer::Identity, Transfer::Base64]);
        assert_eq!(transfers(std::iter::empty()), [Transfer::Identity]);
        assert_eq!(transfers([&b"64base"[..]].into_iter()), [Transfer::Unknown("64base".into())]);
    }

    #[test]
    fn looks() {
        let look = |text: &str| look(&Content::from_vec(text.into())).unwrap();
        assert_eq!(look("\r\n  TVpQAAIAAAAEAA8A\nx y"), Look::Base64);
        assert_eq!(look("Thanks\n"), Look::Perhaps);
        assert_eq!(look("Dear all,\n"), Look::Other);
    }
}
