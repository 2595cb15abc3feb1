//! Forms with files, `multipart/form-data` (RFC 7578, in the frame of RFC 2046), cut while they arrive.
//!
//! Every part is a file here, whether it names one or not: nothing that was sent stays unexamined.

use memchr::memmem::Finder;

/// Longest head of a part, in bytes.
const MAX_HEAD: usize = 8 << 10;
/// Longest boundary (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// A form that is being read. Memory: what was pushed last, and at most the head of a part.
#[derive(Debug)]
pub(super) struct Form {
    delimiter: Finder<'static>,
    buffer: Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first part.
    Preamble,
    /// Behind a delimiter, in its line.
    Delimiter,
    /// In the head of a part.
    Head,
    /// In the content of a part.
    Content,
    /// Behind the last part.
    Epilogue,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A part begins; what it is called.
    Begin(String),
    /// Content of the part.
    Content(Vec<u8>),
    /// The part is complete.
    End,
    /// More bytes are needed.
    More,
    /// No part follows.
    Done,
}

/// What is wrong with a form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// The header field says nothing of where parts end.
    #[error("the content type of a form needs a boundary of 1 to 70 characters")]
    Boundary,
    /// The line of a delimiter has something else in it.
    #[error("a delimiter of the form is malformed")]
    Delimiter,
    /// A part begins with too much.
    #[error("the head of a part is longer than 8192 bytes")]
    LongHead,
    /// A part is encoded. Its content would be examined as it stands, and so not at all.
    #[error("a part has a content transfer encoding; send it as it is")]
    Encoded,
    /// The last delimiter is missing.
    #[error("the form ends without its last delimiter")]
    Truncated,
}

impl Form {
    /// A form with the content type of the request.
    pub(super) fn new(content_type: &str) -> Result<Self, Error> {
        let boundary = parameter(content_type, "boundary").ok_or(Error::Boundary)?;
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            return Err(Error::Boundary);
        }
        let delimiter = [b"\r\n--", boundary.as_slice()].concat();
        // The first delimiter has no line before it; so it gets one.
        Ok(Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            buffer: b"\r\n".to_vec(),
            place: Place::Preamble,
        })
    }

    /// Adds bytes. Ask for steps until there is none before adding more.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the form may end here.
    pub(super) fn finish(&self) -> Result<(), Error> {
        if self.place == Place::Epilogue { Ok(()) } else { Err(Error::Truncated) }
    }

    /// The next step.
    pub(super) fn step(&mut self) -> Result<Step, Error> {
        loop {
            match self.place {
                Place::Preamble => {
                    if !self.until_delimiter().1 {
                        return Ok(Step::More);
                    }
                    self.place = Place::Delimiter;
                }
                Place::Delimiter => {
                    if !self.delimiter_line()? {
                        return Ok(Step::More);
                    }
                }
                Place::Head => return self.head(),
                Place::Content => {
                    let (content, found) = self.until_delimiter();
                    if !content.is_empty() {
                        // The delimiter, if there is one, is at the beginning now and found again.
                        return Ok(Step::Content(content));
                    }
                    if !found {
                        return Ok(Step::More);
                    }
                    self.place = Place::Delimiter;
                    return Ok(Step::End);
                }
                Place::Epilogue => {
                    self.buffer.clear();
                    return Ok(Step::Done);
                }
            }
        }
    }

    /// Takes what surely stands before the next delimiter; if there is nothing such and the delimiter is there,
    /// takes the delimiter.
    fn until_delimiter(&mut self) -> (Vec<u8>, bool) {
        let length = self.delimiter.needle().len();
        match self.delimiter.find(&self.buffer) {
            Some(0) => {
                self.buffer.drain(..length);
                (Vec::new(), true)
            }
            Some(place) if self.place == Place::Preamble => {
                self.buffer.drain(..place + length);
                (Vec::new(), true)
            }
            Some(place) => (self.buffer.drain(..place).collect(), false),
            None => {
                // The tail may be the beginning of a delimiter.
                let sure = self.buffer.len().saturating_sub(length - 1);
                (self.buffer.drain(..sure).collect(), false)
            }
        }
    }

    /// Reads what follows a delimiter; whether it was there.
    fn delimiter_line(&mut self) -> Result<bool, Error> {
        if self.buffer.starts_with(b"--") {
            self.place = Place::Epilogue;
            return Ok(true);
        }
        let blanks = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line = self.buffer.get(blanks..).unwrap_or_default();
        if line.starts_with(b"\r\n") {
            self.buffer.drain(..blanks + 2);
            self.place = Place::Head;
            return Ok(true);
        }
        let may_become = b"\r\n".starts_with(line) || (blanks == 0 && b"--".starts_with(line));
        if may_become && blanks < MAX_HEAD { Ok(false) } else { Err(Error::Delimiter) }
    }

    fn head(&mut self) -> Result<Step, Error> {
        // A part without a head begins with its empty line.
        let end = if self.buffer.starts_with(b"\r\n") {
            Some((0, 2))
        } else {
            memchr::memmem::find(&self.buffer, b"\r\n\r\n").map(|end| (end, end + 4))
        };
        match end {
            Some((end, _)) if end > MAX_HEAD => Err(Error::LongHead),
            Some((end, after)) => {
                let head: Vec<u8> = self.buffer.drain(..after).take(end).collect();
                self.place = Place::Content;
                name(&head).map(Step::Begin)
            }
            None if self.buffer.len() > MAX_HEAD + 4 => Err(Error::LongHead),
            None => Ok(Step::More),
        }
    }
}

/// What a part is called: its file name, else the name of its field.
fn name(head: &[u8]) -> Result<String, Error> {
    let mut name = String::new();
    let head = String::from_utf8_lossy(head);
    for (field, value) in head.split("\r\n").filter_map(|line| line.split_once(':')) {
        if field.trim().eq_ignore_ascii_case("content-disposition") {
            let named = parameter(value, "filename").or_else(|| parameter(value, "name")).unwrap_or_default();
            name = unescaped(&named);
        } else if field.trim().eq_ignore_ascii_case("content-transfer-encoding")
            && !["7bit", "8bit", "binary"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain))
        {
            return Err(Error::Encoded);
        }
    }
    Ok(name)
}

/// Browsers write three characters of a name as escapes (WHATWG, multipart/form-data encoding).
fn unescaped(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// A parameter of a header field, such as `boundary=x` in `multipart/form-data; boundary=x`.
fn parameter(field: &str, wanted: &str) -> Option<Vec<u8>> {
    let mut rest = field.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = value(after);
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

/// The value at the beginning, and what follows it.
fn value(text: &str) -> (Vec<u8>, &str) {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.trim().into(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            // Old browsers send paths of Windows unescaped; only quotes and backslashes are escaped.
            '\\' if characters.as_str().starts_with(['"', '\\']) => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    (value.into(), characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"x y\"";

    /// The parts of a form that arrives in pieces of some size.
    fn parts(form: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut reader = Form::new(TYPE)?;
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        let (mut ended, mut pieces) = (0, form.chunks(piece));
        loop {
            match reader.step()? {
                Step::Begin(name) => parts.push((name, Vec::new())),
                Step::Content(content) => parts.last_mut().unwrap().1.extend(content),
                Step::End => ended += 1,
                Step::More | Step::Done => match pieces.next() {
                    Some(piece) => reader.push(piece),
                    None => break,
                },
            }
        }
        reader.finish()?;
        assert_eq!(ended, parts.len());
        Ok(parts)
    }

    #[test]
    fn parts_come_out_however_they_arrive() {
        let form = b"preamble\r\n--x y\r\nContent-Disposition: form-data; name=f; filename=\"a\\\"%22;b.txt\"\r\n\
            Content-Type: text/plain\r\n\r\none\r\n--x \r\n--x y \t\r\ncontent-disposition: form-data; name=field\r\n\r\n\
            \r\n--x y\r\n\r\nno head\r\n--x y--\r\nepilogue\r\n--x y\r\n";
        for piece in 1..form.len() {
            let parts = parts(form, piece).unwrap();
            let expected = [("a\"\";b.txt", "one\r\n--x "), ("field", ""), ("", "no head")];
            let expected = expected.map(|(name, content)| (name.to_owned(), content.as_bytes().to_vec()));
            assert_eq!(parts, expected, "{piece}");
        }
    }

    #[test]
    fn malformed_forms_are_refused() {
        for (form, error) in [
            (&b""[..], Error::Truncated),
            (b"--x y", Error::Truncated),
            (b"--x yz\r\n", Error::Delimiter),
            (b"--x y\r\n\r\ncontent", Error::Truncated),
            (b"--x y\r\n\r\ncontent\r\n--x y", Error::Truncated),
            (b"--x y\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x y--", Error::Encoded),
        ] {
            assert_eq!(parts(form, 3), Err(error), "{}", form.escape_ascii());
        }
        let long = [b"--x y\r\na: ", [b'a'; MAX_HEAD].as_slice(), b"\r\n\r\n\r\n--x y--"].concat();
        assert_eq!(parts(&long, 100), Err(Error::LongHead));
        for content_type in ["multipart/form-data", "multipart/form-data; boundary=", "a; boundary=\"\""] {
            assert_eq!(Form::new(content_type).unwrap_err(), Error::Boundary);
        }
    }

    #[test]
    fn an_empty_form_has_no_parts() {
        assert_eq!(parts(b"--x y--\r\n", 1), Ok(Vec::new()));
    }

    #[test]
    fn little_memory_is_held() {
        let mut form = Form::new(TYPE).unwrap();
        form.push(b"--x y\r\n\r\n");
        for _ in 0..1000 {
            form.push(&[b'\r'; 1000]);
            while form.step().unwrap() != Step::More {
                assert!(form.buffer.len() < 2000);
            }
        }
        assert!(form.buffer.len() < 2000);
    }
}
