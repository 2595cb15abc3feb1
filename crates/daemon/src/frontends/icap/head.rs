//! The head of an ICAP request: RFC 3507 section 4.3 with its errata.
//!
//! Read strictly: no folded lines, no bare CR or LF, no second header of those that say where something ends.

use super::chunked::is_token;
use super::encapsulated::{self, Encapsulated};

/// Most bytes of a head.
pub(super) const MAX_HEAD: usize = 16 << 10;
/// Most header fields.
const MAX_FIELDS: usize = 100;
/// Headers that decide what the request is; a second one would let two programs disagree.
const ONLY_ONCE: [&str; 5] = ["encapsulated", "preview", "content-length", "transfer-encoding", "host"];

/// What the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// What the service can do.
    Options,
    /// What to make of a request to a server.
    Reqmod,
    /// What to make of a server's response.
    Respmod,
}

/// Why a head is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It breaks the rules.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// The method is of no ICAP that we know.
    #[error("the method is unknown")]
    Method,
    /// Another version of ICAP.
    #[error("only ICAP/1.0 is spoken here")]
    Version,
}

impl From<encapsulated::Malformed> for Error {
    fn from(error: encapsulated::Malformed) -> Self {
        Self::Malformed(error.0)
    }
}

/// The head of a request.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// What the client wants.
    pub(super) method: Method,
    /// The path of the service, without a query.
    pub(super) path: String,
    /// What lies where in the body; nothing means that there is no body.
    pub(super) encapsulated: Option<Encapsulated>,
    /// Whether the body begins with a preview.
    pub(super) has_preview: bool,
    /// Whether the client takes 204 at any time.
    pub(super) allows_204: bool,
    /// Whether the client takes 206.
    pub(super) allows_206: bool,
    /// Whether the client wants the connection to end.
    pub(super) wants_close: bool,
    /// On whose behalf the client asks, as it says: address and user.
    pub(super) on_behalf: (Option<String>, Option<String>),
}

/// Reads a head, which ends with an empty line.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Head, Error> {
    let text = bytes.strip_suffix(b"\r\n\r\n").ok_or(Error::Malformed("it does not end"))?;
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if !has_plain_line_ends(text) {
        return Err(Error::Malformed("a line does not end with CR LF"));
    }
    let (method, path) = start(lines.next().unwrap_or_default())?;
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        if fields.len() == MAX_FIELDS {
            return Err(Error::Malformed("it has too many header fields"));
        }
        let (name, value) = field(line).ok_or(Error::Malformed("a line is no header field"))?;
        if ONLY_ONCE.contains(&name.as_str()) && fields.iter().any(|(other, _)| *other == name) {
            return Err(Error::Malformed("a header that must be there once is there twice"));
        }
        fields.push((name, value));
    }
    let one = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let lists = |wanted: &str, token: &str| {
        let values = fields.iter().filter(|(name, _)| name == wanted);
        values.flat_map(|(_, value)| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if one("content-length").is_some_and(|length| length != "0") {
        return Err(Error::Malformed("bodies in ICAP are chunked and have no Content-Length"));
    }
    if one("transfer-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("chunked")) {
        return Err(Error::Malformed("bodies in ICAP are chunked and in no other transfer coding"));
    }
    let preview = one("preview");
    if preview
        .is_some_and(|size| size.is_empty() || size.len() > 15 || !size.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(Error::Malformed("the preview has no size"));
    }
    let encapsulated = one("encapsulated").map(|list| Encapsulated::parse(list, method)).transpose()?;
    if encapsulated.is_none() && method != Method::Options {
        return Err(Error::Malformed("it has no Encapsulated header"));
    }
    let text_of = |name| one(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let user = text_of("x-client-username").or_else(|| text_of("x-authenticated-user"));
    Ok(Head {
        method,
        path,
        encapsulated,
        has_preview: preview.is_some(),
        allows_204: lists("allow", "204"),
        allows_206: lists("allow", "206"),
        wants_close: lists("connection", "close"),
        on_behalf: (text_of("x-client-ip"), user),
    })
}

fn has_plain_line_ends(text: &[u8]) -> bool {
    let pairs = text.windows(2).all(|pair| (pair[0] == b'\r') == (pair[1] == b'\n'));
    pairs && !matches!(text, [b'\n', ..] | [.., b'\r']) && !text.contains(&0)
}

fn start(line: &[u8]) -> Result<(Method, String), Error> {
    let line = str::from_utf8(line).map_err(|_| Error::Malformed("its first line is no text"))?;
    let mut words = line.split(' ');
    let (Some(method), Some(address), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Error::Malformed("its first line has not three words"));
    };
    if version != "ICAP/1.0" {
        return Err(if version.starts_with("ICAP/") {
            Error::Version
        } else {
            Error::Malformed("it is not ICAP")
        });
    }
    let method = match method {
        "OPTIONS" => Method::Options,
        "REQMOD" => Method::Reqmod,
        "RESPMOD" => Method::Respmod,
        _ => return Err(Error::Method),
    };
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => address,
    };
    Ok((method, path.split('?').next().unwrap_or_default().to_owned()))
}

fn field(line: &[u8]) -> Option<(String, String)> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let (name, rest) = (line.get(..at)?, line.get(at + 1..)?);
    let name = is_token(name).then(|| String::from_utf8_lossy(name).to_ascii_lowercase())?;
    Some((name, String::from_utf8_lossy(rest.trim_ascii()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "RESPMOD icap://host:1344/scan?x=y ICAP/1.0\r\nHost: host\r\n";

    fn with(fields: &str) -> Result<Head, Error> {
        parse(format!("{REQUEST}{fields}\r\n").as_bytes())
    }

    #[test]
    fn a_request_as_squid_sends_it() {
        let head = with(
            "Date: Sun, 22 Nov 2026 06:00:00 GMT\r\nEncapsulated: req-hdr=0, res-hdr=137, res-body=296\r\n\
             Preview: 4096\r\nAllow: 204, 206\r\nX-Client-IP: 10.0.0.1\r\nX-Client-Username: me\r\n",
        )
        .unwrap();
        assert_eq!((head.method, head.path.as_str()), (Method::Respmod, "/scan"));
        assert!(head.has_preview && head.allows_204 && head.allows_206 && !head.wants_close);
        assert_eq!(head.on_behalf, (Some("10.0.0.1".into()), Some("me".into())));
        let options = parse(b"OPTIONS /x ICAP/1.0\r\nConnection: a, Close\r\n\r\n").unwrap();
        assert!(options.wants_close && options.encapsulated.is_none() && !options.allows_204);
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for fields in [
            "",
            "Encapsulated: null-body=0\r\nEncapsulated: null-body=0\r\n",
            "Encapsulated: null-body=0\r\nContent-Length: 5\r\n",
            "Encapsulated: null-body=0\r\nTransfer-Encoding: gzip, chunked\r\n",
            "Encapsulated: null-body=0\r\nPreview: 1\r\nPreview: 1\r\n",
            "Encapsulated: null-body=0\r\nPreview: -1\r\n",
            "Encapsulated: null-body=0\r\nPreview: +1\r\n",
            "Encapsulated: null-body=0\r\nPreview:\r\n",
            "Encapsulated: null-body=0\r\n folded: x\r\n",
            "Encapsulated : null-body=0\r\n",
            "Encapsulated: null-body=0\nAllow: 204\r\n",
            "Encapsulated: null-body=0\r\nX: a\rAllow: 204\r\n",
            "Encapsulated: null-body=0\r\nX: \0\r\n",
            "Encapsulated: req-hdr=0, req-body=5\r\n",
            "no field\r\n",
        ] {
            assert!(matches!(with(fields), Err(Error::Malformed(_))), "{fields:?}");
        }
        let many = "X: y\r\n".repeat(MAX_FIELDS);
        assert!(with(&format!("{many}Encapsulated: null-body=0\r\n")).is_err());
    }

    #[test]
    fn first_lines() {
        let first = |line: &str| parse(format!("{line}\r\n\r\n").as_bytes()).map(|head| head.path);
        assert_eq!(first("OPTIONS icap://host ICAP/1.0"), Ok("/".into()));
        assert_eq!(first("OPTIONS * ICAP/1.0"), Ok("*".into()));
        assert_eq!(first("OPTIONS / ICAP/2.0"), Err(Error::Version));
        assert_eq!(first("GET / ICAP/1.0"), Err(Error::Method));
        for line in ["", "GET / HTTP/1.1", "OPTIONS  / ICAP/1.0", "OPTIONS /", "OPTIONS / ICAP/1.0 x"] {
            assert!(matches!(first(line), Err(Error::Malformed(_))), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(fields in "(?s)([A-Za-z-]{1,12}: ?.{0,30}\r\n){0,5}", junk: Vec<u8>) {
            let _ = with(&fields);
            let _ = parse(&junk);
            let _ = parse(&[junk, b"\r\n\r\n".to_vec()].concat());
        }

        #[test]
        fn any_list_lies_within_its_bounds(list in "((req|res)-(hdr|body)|null-body|=|,| |[0-9]{1,7}){0,9}") {
            for method in [Method::Options, Method::Reqmod, Method::Respmod] {
                if let Ok(all) = Encapsulated::parse(&list, method) {
                    let ranges = [all.request, all.response].into_iter().flatten();
                    let ends = ranges.map(|range| range.end.max(range.start)).max().unwrap_or(0);
                    proptest::prop_assert!(ends <= all.heads && all.heads <= encapsulated::MAX_HEADS);
                }
            }
        }
    }
}
