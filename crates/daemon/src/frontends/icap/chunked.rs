//! The chunked coding, which all bodies in ICAP have: RFC 3507 section 4.4.1, RFC 9112 section 7.1.
//!
//! It is read strictly. What two programs could read in two ways is refused: sizes with signs or spaces, line
//! ends that are not CRLF, extensions and trailers without end.

/// Most bytes of a line with a size.
const MAX_SIZE_LINE: usize = 512;
/// Most digits of a size; 15 cannot overflow.
const MAX_DIGITS: usize = 15;
/// Most bytes of all trailer lines.
const MAX_TRAILER: usize = 8 << 10;

/// What is wrong with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed: {0}")]
pub(super) struct Malformed(&'static str);

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// The first bytes, so many, are framing; skip them and ask again.
    Skip(usize),
    /// The first bytes, so many, are content.
    Content(usize),
    /// The last chunk and its trailer are the first bytes, so many.
    End(usize, Last),
}

/// How the last chunk ends the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// It does not say more.
    Plain,
    /// It says `ieof`: the preview was all (RFC 3507 section 4.5).
    WholeBody,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size,
    Content(u64),
    LineEnd,
    Trailer(Last, usize),
}

/// Reads one chunked body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder(State);

impl Decoder {
    /// At the beginning of a body.
    pub(super) fn new() -> Self {
        Self(State::Size)
    }

    /// What `bytes` begin with. The caller must drop as many bytes as the step says before the next.
    ///
    /// # Errors
    /// When they are not chunked; where the body ends is unknown then.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, Malformed> {
        match self.0 {
            State::Size => {
                let Some(line) = line(bytes, MAX_SIZE_LINE)? else { return Ok(Step::More) };
                let (size, last) = size(line)?;
                let skip = line.len() + 2;
                self.0 = if size == 0 { State::Trailer(last, 0) } else { State::Content(size) };
                Ok(Step::Skip(skip))
            }
            State::Content(_) if bytes.is_empty() => Ok(Step::More),
            State::Content(left) => {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - count as u64;
                self.0 = if left == 0 { State::LineEnd } else { State::Content(left) };
                Ok(Step::Content(count))
            }
            State::LineEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.0 = State::Size;
                    Ok(Step::Skip(2))
                }
                [] | [b'\r'] => Ok(Step::More),
                _ => Err(Malformed("a chunk is longer than it says")),
            },
            State::Trailer(last, seen) => {
                let Some(line) = line(bytes, MAX_TRAILER - seen)? else { return Ok(Step::More) };
                let skip = line.len() + 2;
                if line.is_empty() {
                    self.0 = State::Size;
                    return Ok(Step::End(skip, last));
                }
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                if name.len() == line.len() || !is_token(name) {
                    return Err(Malformed("a trailer line is no field"));
                }
                self.0 = State::Trailer(last, seen + skip);
                Ok(Step::Skip(skip))
            }
        }
    }
}

/// The bytes before the next CRLF, at most `limit` with it.
fn line(bytes: &[u8], limit: usize) -> Result<Option<&[u8]>, Malformed> {
    let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0)) else {
        return if bytes.len() > limit { Err(Malformed("a line is too long")) } else { Ok(None) };
    };
    if at.saturating_add(2) > limit {
        return Err(Malformed("a line is too long"));
    }
    match bytes.get(at..) {
        Some([b'\r', b'\n', ..]) => Ok(bytes.get(..at)),
        Some([b'\r']) => Ok(None),
        _ => Err(Malformed("a line does not end with CR LF")),
    }
}

fn size(line: &[u8]) -> Result<(u64, Last), Malformed> {
    let mut parts = line.split(|byte| *byte == b';');
    let digits = parts.next().unwrap_or_default().trim_ascii_end();
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed("a chunk has no size"));
    }
    let text = str::from_utf8(digits).map_err(|_| Malformed("a chunk has no size"))?;
    let size = u64::from_str_radix(text, 16).map_err(|_| Malformed("a chunk has no size"))?;
    let mut last = Last::Plain;
    for extension in parts {
        match extension.trim_ascii() {
            b"ieof" if size == 0 => last = Last::WholeBody,
            b"ieof" => return Err(Malformed("a chunk with content says that it is the last")),
            _ => {}
        }
    }
    Ok((size, last))
}

/// Whether bytes are a token as in RFC 9110 section 5.6.2.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content, the way it ends and what is left, when the bytes arrive in pieces of a size.
    fn decode(bytes: &[u8], piece: usize) -> Result<Option<(Vec<u8>, Last, usize)>, Malformed> {
        let mut decoder = Decoder::new();
        let (mut start, mut end) = (0, 0);
        let mut content = Vec::new();
        loop {
            match decoder.step(&bytes[start..end])? {
                Step::More if end == bytes.len() => return Ok(None),
                Step::More => end = (end + piece).min(bytes.len()),
                Step::Skip(count) => start += count,
                Step::Content(count) => {
                    content.extend_from_slice(&bytes[start..start + count]);
                    start += count;
                }
                Step::End(count, last) => return Ok(Some((content, last, bytes.len() - start - count))),
            }
        }
    }

    #[test]
    fn bodies_in_pieces_of_any_size() {
        let body =
            b"4\r\nWiki\r\n006 ; a=b\r\npedia \r\nE;x=\"y\"\r\nin \r\n\r\nchunks.\r\n0\r\nA: b\r\n\r\nnext";
        for piece in 1..=body.len() {
            let expected = (b"Wikipedia in \r\n\r\nchunks.".to_vec(), Last::Plain, 4);
            // What follows is there only when all has arrived.
            let (content, last, _) = decode(body, piece).unwrap().unwrap();
            assert_eq!((content, last), (expected.0, expected.1));
        }
        assert_eq!(decode(b"0; ieof\r\n\r\n", 1), Ok(Some((Vec::new(), Last::WholeBody, 0))));
        assert_eq!(decode(b"0\r\n\r\n", 5), Ok(Some((Vec::new(), Last::Plain, 0))));
        assert_eq!(decode(b"3\r\nab", 5), Ok(None));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let long = [b"1;".as_slice(), &[b'x'; MAX_SIZE_LINE], b"\r\n"].concat();
        let trailer = [b"0\r\nA: ".as_slice(), &[b'x'; MAX_TRAILER], b"\r\n\r\n"].concat();
        let endless = b"0\r\n".iter().copied().chain(b"A: b\r\n".repeat(2000)).collect::<Vec<u8>>();
        for body in [
            b"\r\n".as_slice(),
            b"-1\r\n",
            b"+1\r\n",
            b" 1\r\n",
            b"0x1\r\n",
            b"1\na\n",
            b"1\r\rn",
            b"1\0\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\n",
            b"1; ieof\r\na\r\n",
            b"FFFFFFFFFFFFFFFFF\r\n",
            b"10000000000000000\r\n",
            b"0\r\nno field\r\n\r\n",
            b"0\r\n: x\r\n\r\n",
            b"0\r\n a: x\r\n\r\n",
            b"0\r\nA: b\nC: d\r\n\r\n",
            &long,
            &trailer,
            &endless,
        ] {
            for piece in [1, 7, 100_000] {
                assert!(decode(body, piece).is_err(), "{:?}", body.escape_ascii().to_string());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_content_comes_back(content: Vec<u8>, chunk in 1_usize..40, piece in 1_usize..40) {
            let mut bytes = Vec::new();
            for chunk in content.chunks(chunk) {
                bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0; ieof\r\n\r\n");
            proptest::prop_assert_eq!(decode(&bytes, piece), Ok(Some((content, Last::WholeBody, 0))));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in "[0-9a-f;\r\n\0i: ]{0,60}", piece in 1_usize..9) {
            let whole = decode(bytes.as_bytes(), 100);
            let pieces = decode(bytes.as_bytes(), piece);
            // How they arrive makes no difference.
            match (whole, pieces) {
                (Ok(Some((one, last, _))), Ok(Some((other, same, _)))) => {
                    proptest::prop_assert_eq!((one, last), (other, same));
                }
                (whole, pieces) => proptest::prop_assert_eq!(whole.is_ok(), pieces.is_ok()),
            }
        }
    }
}
