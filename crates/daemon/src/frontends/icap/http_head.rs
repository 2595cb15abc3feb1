//! What the heads of HTTP messages within ICAP say about the content.
//!
//! They are never used to find where something ends, so they are read leniently: a proxy forwards what servers
//! of all kinds send, and a field that makes no sense must not keep a page from its reader. A head that holds an
//! empty line before its end is refused, since then the offsets of the ICAP message lie.

/// Codings of content that the engine opens; anything else it could only look at from outside.
const OPENED: [&str; 4] = ["gzip", "x-gzip", "zstd", "identity"];
/// Most bytes of a URL that are kept for the log and the page.
const MAX_URL: usize = 2048;

/// A head of HTTP.
#[derive(Clone, Debug)]
pub(super) struct HttpHead {
    start: String,
    fields: Vec<(String, String)>,
}

/// Why a head cannot be what it is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an encapsulated head is malformed: {0}")]
pub(super) struct Malformed(&'static str);

impl HttpHead {
    /// Reads a head with the empty line at its end.
    ///
    /// # Errors
    /// Unless the first empty line is the end, or where there is a NUL or a bare CR.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = bytes.strip_suffix(b"\n").ok_or(Malformed("it does not end with an empty line"))?;
        let mut lines: Vec<&[u8]> =
            text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
        if lines.pop() != Some(b"") || lines.is_empty() {
            return Err(Malformed("it does not end with an empty line"));
        }
        if lines.iter().any(|line| line.is_empty()) {
            return Err(Malformed("it ends before its end"));
        }
        if lines.iter().any(|line| line.contains(&b'\r') || line.contains(&0)) {
            return Err(Malformed("it has a bare CR or a NUL"));
        }
        let mut lines = lines.into_iter();
        let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            let text = String::from_utf8_lossy(line);
            if text.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(text.trim());
                }
            } else if let Some((name, value)) = text.split_once(':') {
                fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Ok(Self { start, fields })
    }

    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.fields.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The method, if it is the head of a request.
    pub(super) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// What is requested; hostile. The host is added where the client left it out.
    pub(super) fn url(&self) -> String {
        let target = self.start.split(' ').nth(1).unwrap_or_default();
        let host = self.values("host").next().filter(|_| target.starts_with('/'));
        let url = host.map_or_else(|| target.to_owned(), |host| format!("http://{host}{target}"));
        url.chars().take(MAX_URL).collect()
    }

    /// The length that the head promises, if it promises one.
    pub(super) fn length(&self) -> Option<u64> {
        let mut lengths = self.values("content-length");
        let length = lengths.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        length.parse().ok().filter(|_| lengths.next().is_none())
    }

    /// The `Content-Type` fields as they must stand before a body of several parts so that its parts are seen,
    /// if it is said to have several: those of forms, of ranges, of anything.
    pub(super) fn multipart(&self) -> Option<Vec<u8>> {
        let is_multipart = |value: &str| value.to_ascii_lowercase().contains("multipart/");
        self.values("content-type").any(is_multipart).then(|| {
            let mut head = b"MIME-Version: 1.0\r\n".to_vec();
            for value in self.values("content-type") {
                head.extend_from_slice(format!("Content-Type: {value}\r\n").as_bytes());
            }
            head.extend_from_slice(b"\r\n");
            head
        })
    }

    /// What cannot be examined because of how the content is sent, in words for a header.
    pub(super) fn gaps(&self) -> Vec<String> {
        let codings = self.values("content-encoding").flat_map(|value| value.split(',')).map(str::trim);
        let unopened = codings.filter(|coding| !coding.is_empty() && !is_opened(coding));
        let mut gaps: Vec<String> = unopened
            .map(|coding| match coding {
                "br" | "deflate" | "compress" | "dcb" | "dcz" => format!("content-encoding {coding}"),
                _ => "content-encoding unknown".to_owned(),
            })
            .collect();
        if self.is_fragment() {
            gaps.push("partial content".to_owned());
        }
        gaps
    }

    /// Whether only a range of the content is sent: RFC 9110 section 14.4.
    fn is_fragment(&self) -> bool {
        let status =
            self.start.starts_with("HTTP/").then(|| self.start.split(' ').nth(1).unwrap_or_default());
        if status != Some("206") && self.values("content-range").next().is_none() {
            return false;
        }
        let whole = |range: &str| {
            let (range, size) = range.strip_prefix("bytes ")?.split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let (first, last, size) =
                (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, size.parse().ok()?);
            Some(first == 0 && last.checked_add(1) == Some(size))
        };
        !self.values("content-range").next().and_then(whole).unwrap_or(false)
    }
}

fn is_opened(coding: &str) -> bool {
    OPENED.iter().any(|opened| coding.eq_ignore_ascii_case(opened))
}

/// The head of a request without the content codings that could not be opened in the response, or nothing if
/// it offers no such. It is otherwise the same, byte by byte.
pub(super) fn without_unopened_codings(head: &[u8]) -> Option<Vec<u8>> {
    let mut changed = Vec::with_capacity(head.len());
    let mut is_changed = false;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if !name.trim_ascii().eq_ignore_ascii_case(b"accept-encoding") || name.len() == line.len() {
            changed.extend_from_slice(line);
            continue;
        }
        let text = String::from_utf8_lossy(line);
        let offered: Vec<&str> =
            text.split_once(':').map_or("", |(_, value)| value).split(',').map(str::trim).collect();
        let kept: Vec<&str> = offered
            .iter()
            .copied()
            .filter(|offer| is_opened(offer.split(';').next().unwrap_or_default().trim()))
            .collect();
        if kept.len() == offered.len() {
            changed.extend_from_slice(line);
            continue;
        }
        is_changed = true;
        let value = if kept.is_empty() { "identity".to_owned() } else { kept.join(", ") };
        changed.extend_from_slice(format!("Accept-Encoding: {value}\r\n").as_bytes());
    }
    is_changed.then_some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> HttpHead {
        HttpHead::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn requests() {
        let get = head("GET http://a/b HTTP/1.1\nHost: a\nX: y\n z\nno field\n\n");
        assert_eq!((get.method(), get.url().as_str(), get.length()), ("GET", "http://a/b", None));
        assert_eq!(get.values("x").collect::<Vec<_>>(), ["y z"]);
        let post = head("POST /c HTTP/1.1\nHost: a\nContent-Length: 12\n\n");
        assert_eq!((post.url().as_str(), post.length()), ("http://a/c", Some(12)));
        let twice = head("POST /c HTTP/1.1\nContent-Length: 12\nContent-Length: 13\n\n");
        assert_eq!(twice.length(), None);
    }

    #[test]
    fn offsets_that_lie_are_noticed() {
        for text in [
            "",
            "\r\n",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\n\r\nX: y\r\n\r\n",
            "GET /\rx\r\n\r\n",
            "GET /\0\r\n\r\n",
        ] {
            assert!(HttpHead::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_examined() {
        let gaps = |fields: &str| head(&format!("HTTP/1.1 200 OK\n{fields}\n")).gaps();
        assert!(gaps("Content-Encoding: gzip\n").is_empty());
        assert_eq!(gaps("Content-Encoding: gzip, br\n"), ["content-encoding br"]);
        assert_eq!(gaps("Content-Encoding: \u{1b}[2J\n"), ["content-encoding unknown"]);
        assert_eq!(gaps("Content-Range: bytes 0-98/100\n"), ["partial content"]);
        assert!(gaps("Content-Range: bytes 0-99/100\n").is_empty());
        assert_eq!(head("HTTP/1.1 206 Partial\n\n").gaps(), ["partial content"]);
    }

    #[test]
    fn bodies_of_several_parts_get_a_head() {
        let form = head("POST / HTTP/1.1\nContent-Type: Multipart/form-data; boundary=x\n\n");
        let expected = b"MIME-Version: 1.0\r\nContent-Type: Multipart/form-data; boundary=x\r\n\r\n";
        assert_eq!(form.multipart().unwrap(), expected);
        assert!(head("POST / HTTP/1.1\nContent-Type: text/plain\n\n").multipart().is_none());
    }

    #[test]
    fn codings_that_are_not_opened_are_not_asked_for() {
        let change = |value: &str| {
            let text = format!("GET / HTTP/1.1\r\naccept-encoding:{value}\r\nX: y\r\n\r\n");
            without_unopened_codings(text.as_bytes()).map(|head| String::from_utf8(head).unwrap())
        };
        let changed =
            |value: &str| Some(format!("GET / HTTP/1.1\r\nAccept-Encoding: {value}\r\nX: y\r\n\r\n"));
        assert_eq!(change(" gzip, deflate, br;q=0.9, zstd;q=0.5"), changed("gzip, zstd;q=0.5"));
        assert_eq!(change("br"), changed("identity"));
        assert_eq!(change("*"), changed("identity"));
        assert_eq!(change(" gzip"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "(?s).{0,20}\r\n(([A-Za-z-]{0,20}|Content-Range|Accept-Encoding):.{0,30}\r\n){0,5}\r\n") {
            let changed = without_unopened_codings(text.as_bytes());
            if let Ok(head) = HttpHead::parse(text.as_bytes()) {
                let _ = (head.url(), head.length(), head.multipart(), head.gaps());
                // A head that is changed stays one.
                proptest::prop_assert!(changed.is_none_or(|changed| HttpHead::parse(&changed).is_ok()));
            }
        }
    }
}
