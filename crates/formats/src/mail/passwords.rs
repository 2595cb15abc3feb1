//! Words of a mail that may be the passwords of what is encrypted in it.
//!
//! Malware comes in an encrypted archive, with the password in the text beside it. The text may stand behind the
//! archive, so that the mail is gone through once more, as it was the first time, when something in it asks for passwords:
//! mails without anything encrypted pay nothing.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Instant;

use candor_object::{Child, Content, Flow, Form, Reason, Sink, Stop};

use super::{walk, words};

/// Most passwords of a mail.
const MOST: usize = 32;
/// Bytes of each part that are looked at, and of all parts.
const LOOKED_AT: u64 = 64 << 10;
const LOOKED_AT_IN_ALL: usize = 1 << 20;
/// Words that are weighed.
const MOST_WEIGHED: usize = 4096;
/// Length of a password, in bytes.
const SHORTEST: usize = 2;
const LONGEST: usize = 64;
/// Words behind a keyword and before it that are near.
const BEHIND: usize = 12;
const BEFORE: usize = 10;

/// Words that mean a password, in lower case, in the encodings that mails have.
const KEYWORDS: &[&[u8]] = &[
    b"password",
    b"passwort",
    b"passwd",
    b"passcode",
    b"passphrase",
    b"passkey",
    b"kennwort",
    b"losungswort",
    b"pwd",
    b"pw:",
    b"pw=",
    b"pass:",
    b"pass=",
    b"pin:",
    b"wachtwoord",
    b"adgangskode",
    b"salasana",
    b"has\xc5\x82o",
    b"haslo",
    b"heslo",
    b"jelsz\xc3\xb3",
    b"parola",
    b"parol:",
    b"\xc5\x9fifre",
    b"senha",
    b"contrase",
    b"clave",
    b"mot de passe",
    b"mot&nbsp;de&nbsp;passe",
    b"l\xc3\xb6senord",
    b"l\xf6senord",
    // Russian in UTF-8, windows-1251 and KOI8-R, with either first letter.
    "пароль".as_bytes(),
    "Пароль".as_bytes(),
    "паролем".as_bytes(),
    "ПАРОЛЬ".as_bytes(),
    b"\xef\xe0\xf0\xee\xeb",
    b"\xcf\xe0\xf0\xee\xeb",
    b"\xd0\xc1\xd2\xcf\xcc",
    b"\xf0\xc1\xd2\xcf\xcc",
    // Chinese in UTF-8, GBK and Big5.
    "密码".as_bytes(),
    "密碼".as_bytes(),
    "口令".as_bytes(),
    b"\xc3\xdc\xc2\xeb",
    b"\xb1k\xbdx",
    // Japanese in UTF-8 and Shift_JIS, Korean in UTF-8 and EUC-KR.
    "パスワード".as_bytes(),
    b"\x83p\x83x\x83\x8f\x81[\x83h",
    "비밀번호".as_bytes(),
    "암호".as_bytes(),
    b"\xba\xf1\xb9\xd0\xb9\xf8\xc8\xa3",
    "كلمة".as_bytes(),
    "סיסמה".as_bytes(),
    "κωδικός".as_bytes(),
];

/// Words that are hardly passwords and stand beside keywords everywhere.
const PLAIN: &[&str] = &[
    "a",
    "an",
    "and",
    "are",
    "archive",
    "as",
    "at",
    "attached",
    "attachment",
    "be",
    "by",
    "can",
    "das",
    "de",
    "der",
    "die",
    "document",
    "est",
    "es",
    "file",
    "for",
    "from",
    "ist",
    "in",
    "is",
    "it",
    "la",
    "le",
    "of",
    "on",
    "open",
    "para",
    "please",
    "pour",
    "protected",
    "the",
    "this",
    "to",
    "und",
    "use",
    "using",
    "with",
    "you",
    "your",
    "zip",
    "password",
    "passwort",
    "pwd",
    "mot",
    "passe",
    "contraseña",
    "senha",
    "пароль",
    "архив",
];

/// Passwords that the text and the subject of a mail tell, the likeliest first.
pub(crate) fn told(mail: &Content, deadline: Instant) -> Vec<Vec<u8>> {
    let mut listener = Listener { deadline, weighed: Weighed::default(), left: LOOKED_AT_IN_ALL };
    // What could not be read was noted when the mail was opened.
    let _ = walk::open(mail, &mut listener);
    listener.weighed.best()
}

/// A sink that reads what is text.
struct Listener {
    deadline: Instant,
    weighed: Weighed,
    left: usize,
}

impl Listener {
    fn hear(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(..self.left).unwrap_or(bytes);
        // Texts in UTF-16 have their every second byte as letters.
        let text: Vec<u8> = match bytes {
            [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] => {
                rest.iter().copied().filter(|byte| *byte != 0).collect()
            }
            _ => bytes.to_vec(),
        };
        if !is_text(&text) {
            return;
        }
        self.left = self.left.saturating_sub(bytes.len());
        self.weighed.text(&without_markup(&text));
        // The subject is in the header, which comes as a part of its own.
        let head = text.get(..8 << 10).unwrap_or(&text);
        let lower = head.to_ascii_lowercase();
        if let Some(start) = memchr::memmem::find(&lower, b"subject:") {
            let end = start.saturating_add(1024).min(head.len());
            let subject = head.get(start.saturating_add(8)..end).unwrap_or_default();
            let length = subject
                .windows(2)
                .position(|pair| matches!(pair, [b'\n', next] if !matches!(next, b' ' | b'\t')))
                .unwrap_or(subject.len());
            let subject = words::decode(subject.get(..length).unwrap_or_default());
            self.weighed.subject(subject.as_bytes());
        }
    }
}

impl Sink for Listener {
    fn child(&mut self, _child: Child<'_>, body: &mut dyn Read) -> Flow {
        self.pulse()?;
        let mut bytes = Vec::new();
        let _ = body.take(LOOKED_AT).read_to_end(&mut bytes);
        self.hear(&bytes);
        Ok(())
    }

    fn range(&mut self, _child: Child<'_>, content: Content) -> Flow {
        self.pulse()?;
        let bytes = content.window(0, usize::try_from(LOOKED_AT).unwrap_or(usize::MAX))?;
        self.hear(&bytes);
        Ok(())
    }

    fn form(&mut self, _form: Form<'_>, _body: &mut dyn Read) -> Flow {
        self.pulse()
    }

    fn gap(&mut self, _reason: Reason, _detail: &str) {}

    fn anomaly(&mut self, _name: &'static str, _detail: &str) {}

    fn pulse(&mut self) -> Flow {
        if self.left == 0 || Instant::now() >= self.deadline { Err(Stop::Spent) } else { Ok(()) }
    }
}

/// Whether these bytes are text in some encoding.
fn is_text(bytes: &[u8]) -> bool {
    let odd = bytes.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    odd <= bytes.len() / 100
}

/// The text without tags, and with the characters that stand for others in their place.
fn without_markup(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'<' if after
                .first()
                .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!')) =>
            {
                match memchr::memchr(b'>', after.get(..1024).unwrap_or(after)) {
                    Some(end) => {
                        rest = after.get(end.saturating_add(1)..).unwrap_or_default();
                        out.push(b' ');
                    }
                    None => out.push(b'<'),
                }
            }
            b'&' => {
                let end = memchr::memchr(b';', after.get(..8).unwrap_or(after));
                let name = end.and_then(|end| after.get(..end)).unwrap_or_default();
                let letter = match name {
                    b"amp" => Some(b'&'),
                    b"lt" => Some(b'<'),
                    b"gt" => Some(b'>'),
                    b"quot" | b"ldquo" | b"rdquo" | b"laquo" | b"raquo" => Some(b'"'),
                    b"apos" => Some(b'\''),
                    b"nbsp" => Some(b' '),
                    [b'#', digits @ ..] => {
                        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
                    }
                    _ => None,
                };
                match letter {
                    Some(letter) => {
                        out.push(letter);
                        rest = after.get(name.len().saturating_add(1)..).unwrap_or_default();
                    }
                    None => out.push(b'&'),
                }
            }
            other => out.push(*other),
        }
    }
    out
}

/// Words and what speaks for each.
#[derive(Default)]
struct Weighed {
    /// Weight and, for the order among equals, when it was met.
    words: BTreeMap<Vec<u8>, (u32, usize)>,
}

impl Weighed {
    fn best(self) -> Vec<Vec<u8>> {
        let mut all: Vec<_> = self.words.into_iter().collect();
        all.sort_by_key(|(_, (weight, met))| (std::cmp::Reverse(*weight), *met));
        all.into_iter().take(MOST).map(|(word, _)| word).collect()
    }

    fn add(&mut self, word: &[u8], weight: u32) {
        if !(SHORTEST..=LONGEST).contains(&word.len()) {
            return;
        }
        let met = self.words.len();
        if met >= MOST_WEIGHED && !self.words.contains_key(word) {
            return;
        }
        let known = self.words.entry(word.to_vec()).or_insert((0, met));
        known.0 = known.0.max(weight);
    }

    /// A word in the ways in which it may be meant: as it stands, and without what is around it.
    fn weigh(&mut self, word: &[u8], weight: u32) {
        let bare = bare(word);
        let is_plain =
            std::str::from_utf8(bare).is_ok_and(|bare| PLAIN.contains(&bare.to_lowercase().as_str()));
        let has_digit = bare.iter().any(u8::is_ascii_digit);
        let weight = match (is_plain, has_digit) {
            (true, _) => 1,
            (false, true) => weight.saturating_add(15),
            (false, false) => weight,
        };
        self.add(bare, weight.saturating_add(1));
        if bare.len() != word.len() && !is_plain {
            // The point behind a sentence is seldom meant, an exclamation mark more often.
            let end = word.trim_suffix_of(b".,;:");
            self.add(end, weight.saturating_sub(8).max(1));
            self.add(word, weight.saturating_sub(12).max(1));
        }
        // `password:infected` and `pw=infected`.
        if let Some(place) = word.iter().rposition(|byte| matches!(byte, b':' | b'=')) {
            let value = word.get(place.saturating_add(1)..).unwrap_or_default();
            if !value.is_empty() && place > 0 && !value.starts_with(b"//") {
                self.add(self::bare(value), weight.saturating_add(12));
                self.add(value, weight.saturating_add(6));
            }
        }
    }

    fn subject(&mut self, text: &[u8]) {
        self.text(text);
        for word in words_of(text).into_iter().take(32) {
            self.weigh(word.1, 10);
        }
    }

    fn text(&mut self, text: &[u8]) {
        let words = words_of(text);
        let lower = text.to_ascii_lowercase();
        let mut keywords: Vec<(usize, usize)> = Vec::new();
        for keyword in KEYWORDS {
            let places = memchr::memmem::find_iter(&lower, keyword).take(64);
            keywords.extend(places.map(|place| (place, place.saturating_add(keyword.len()))));
        }
        keywords.sort_unstable();
        for (start, end) in keywords.into_iter().take(256) {
            // The word that the keyword is in may have the password in it, too.
            let first = words.partition_point(|(at, word)| at.saturating_add(word.len()) <= start);
            if let Some(value) = words.get(first).and_then(|(at, word)| word.get(end.checked_sub(*at)?..)) {
                let value = value.trim_prefix_of(b":=\"'-");
                let value = value.strip_prefix("：".as_bytes()).unwrap_or(value);
                self.weigh(value, 60);
            }
            let behind = words.partition_point(|(at, _)| *at < end);
            let mut after_sign =
                words.get(behind.saturating_sub(1)).is_some_and(|(at, word)| *at < end && ends_in_sign(word));
            for ((_, word), distance) in words.iter().skip(behind).take(BEHIND).zip(0_u32..) {
                let weight = 50_u32.saturating_sub(distance.saturating_mul(2));
                let marked = u32::from(after_sign || is_quoted(word)).saturating_mul(20);
                self.weigh(word, weight.saturating_add(marked));
                after_sign = ends_in_sign(word) || is_copula(word);
            }
            for (_, word) in words.iter().take(first).rev().take(BEFORE) {
                let marked = u32::from(is_quoted(word)).saturating_mul(20);
                self.weigh(word, 25_u32.saturating_add(marked));
            }
            // A password of several words, in quotation marks or alone on its line.
            let rest = text.get(end..).unwrap_or_default();
            let rest = rest.get(..200).unwrap_or(rest);
            if let Some(quoted) = between_quotes(rest) {
                self.add(quoted, 72);
            }
            let line = rest.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
            if let Some(place) = line.iter().position(|byte| matches!(byte, b':' | b'=')) {
                self.add(line.get(place.saturating_add(1)..).unwrap_or_default().trim_ascii(), 55);
            }
        }
        let mut after_sign = false;
        for (_, word) in words.iter().take(MOST_WEIGHED) {
            if is_quoted(word) || (after_sign && word.len() <= 24) {
                self.weigh(word, 3);
            }
            after_sign = ends_in_sign(word);
        }
    }
}

/// The words of a text, and where each begins.
fn words_of(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut words = Vec::new();
    let mut start = None;
    for (place, byte) in text.iter().enumerate() {
        if byte.is_ascii_whitespace() {
            if let Some(start) = start.take() {
                words.push((start, text.get(start..place).unwrap_or_default()));
            }
        } else if start.is_none() {
            start = Some(place);
        }
    }
    if let Some(start) = start {
        words.push((start, text.get(start..).unwrap_or_default()));
    }
    words
}

/// Quotation marks and brackets in UTF-8 that stand around words.
const AROUND: [&str; 12] = ["“", "”", "„", "‘", "’", "«", "»", "「", "」", "：", "。", "，"];

/// A word without punctuation and quotation marks around it.
fn bare(word: &[u8]) -> &[u8] {
    let mut word = word;
    loop {
        let mut inner = word.trim_prefix_of(b"\"'`([{<:=*_-").trim_suffix_of(b"\"'`)]}>.,;:!?*_-");
        for mark in AROUND {
            inner = inner.strip_prefix(mark.as_bytes()).unwrap_or(inner);
            inner = inner.strip_suffix(mark.as_bytes()).unwrap_or(inner);
        }
        if inner.len() == word.len() {
            return inner;
        }
        word = inner;
    }
}

fn is_quoted(word: &[u8]) -> bool {
    matches!(word, [b'"' | b'\'' | b'`' | b'[' | b'*', ..])
        || AROUND.iter().take(8).any(|mark| word.starts_with(mark.as_bytes()))
}

fn ends_in_sign(word: &[u8]) -> bool {
    matches!(word, [.., b':' | b'='])
        || word.ends_with("：".as_bytes())
        || matches!(word, b"-" | b"->" | b"=>")
}

/// Whether the word stands between a password and its name.
fn is_copula(word: &[u8]) -> bool {
    let forms: [&[u8]; 8] = [b"is", b"ist", b"es", b"est", b"lautet", b"\xc3\xa9", b"\xe8", b"are"];
    forms.contains(&word.to_ascii_lowercase().as_slice())
}

/// What stands between the first quotation marks.
fn between_quotes(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let mark = text.get(start)?;
    let inner = text.get(start.checked_add(1)?..)?;
    inner.get(..inner.iter().position(|byte| byte == mark)?)
}

/// Trimming of bytes out of a set.
trait Trim {
    fn trim_prefix_of(&self, set: &[u8]) -> &Self;
    fn trim_suffix_of(&self, set: &[u8]) -> &Self;
}

impl Trim for [u8] {
    fn trim_prefix_of(&self, set: &[u8]) -> &Self {
        let start = self.iter().position(|byte| !set.contains(byte)).unwrap_or(self.len());
        self.get(start..).unwrap_or_default()
    }

    fn trim_suffix_of(&self, set: &[u8]) -> &Self {
        let end = self.iter().rposition(|byte| !set.contains(byte)).map_or(0, |last| last.saturating_add(1));
        self.get(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(mail: &[u8]) -> Vec<String> {
        let told = told(&Content::from_vec(mail.to_vec()), Instant::now() + Duration::from_secs(60));
        told.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect()
    }

    fn with(text: &str) -> Vec<u8> {
        format!("From: a@example.org\r\nTo: b@example.org\r\nSubject: Invoice\r\n\r\n{text}\r\n").into_bytes()
    }

    #[test]
    fn passwords_that_people_write() {
        for (text, password) in [
            ("Dear all,\nThe password is infected123\nRegards", "infected123"),
            ("The password is infected123.", "infected123"),
            ("The password is infected123!", "infected123!"),
            ("Das Passwort lautet: \"Rechnung 7\"", "Rechnung 7"),
            ("PW: x7Yz", "x7Yz"),
            ("password:1234", "1234"),
            ("Пароль от архива: 2024", "2024"),
            ("La contraseña es Abc.1", "Abc.1"),
            ("Le mot de passe du fichier est tournesol, merci", "tournesol"),
            ("A senha: <b>segredo</b>", "segredo"),
            ("解压密码：abc888", "abc888"),
            ("パスワード：himitsu", "himitsu"),
            ("use infected to open it, that is the password", "infected"),
            ("<p>Archive&nbsp;password:&nbsp;<b>a&amp;b</b></p>", "a&b"),
            ("Open with 'qwe'", "qwe"),
        ] {
            let known = of(&with(text));
            assert!(known.iter().any(|known| known == password), "{text}: {known:?}");
            assert!(known.len() <= MOST);
        }
        assert_eq!(of(&with("The password is infected123")).first().unwrap(), "infected123");
    }

    #[test]
    fn the_text_may_be_encoded_and_stand_behind_the_attachment() {
        let mail =
            b"From: a\r\nTo: b\r\nSubject: =?utf-8?B?UGFzc3dvcmQ6IHRvcHNlY3JldDk=?=\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/zip\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nUEsDBAAAAAAAAAAA\r\n--x\r\nContent-Type: text/plain\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nVGhlIHBhc3N3b3JkIGlzIGluZmVjdGVkMTIz\r\n--x--\r\n";
        let known = of(mail);
        assert!(known.contains(&"infected123".to_owned()), "{known:?}");
        assert!(known.contains(&"topsecret9".to_owned()), "{known:?}");
    }

    #[test]
    fn long_texts_end_soon() {
        let started = Instant::now();
        for text in [
            "password ".repeat(200_000),
            "\"a".repeat(1_000_000),
            "<".repeat(2_000_000),
            "&".repeat(1_000_000),
        ] {
            assert!(of(&with(&text)).len() <= MOST);
        }
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
