//! The HTTP message within an ICAP request: its heads, and what they say.

use super::encapsulated::Encapsulated;
use super::head::Method;
use super::http_head::{HttpHead, Malformed, without_unopened_codings};

/// What goes on with the codings that a client offers to servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AcceptEncoding {
    /// Those that cannot be opened are left out of requests, so that no response comes in them.
    #[default]
    Limit,
    /// They stay.
    Keep,
}

/// The heads of a message.
#[derive(Debug)]
pub(super) struct Message {
    method: Method,
    request: Option<HttpHead>,
    response: Option<HttpHead>,
    /// The head that is given back: that of the request in REQMOD, that of the response in RESPMOD.
    pub(super) own: Vec<u8>,
    /// Whether the head that is given back differs from the one that came.
    pub(super) is_changed: bool,
    /// Whether a body follows.
    pub(super) has_body: bool,
}

impl Message {
    /// Reads the heads that lie as the list says.
    ///
    /// # Errors
    /// When a head is none.
    pub(super) fn parse(
        heads: &[u8],
        list: &Encapsulated,
        method: Method,
        codings: AcceptEncoding,
    ) -> Result<Self, Malformed> {
        let bytes = |range: &Option<std::ops::Range<usize>>| range.clone().and_then(|range| heads.get(range));
        let request = bytes(&list.request).map(HttpHead::parse).transpose()?;
        let response = bytes(&list.response).map(HttpHead::parse).transpose()?;
        let own = if method == Method::Reqmod { &list.request } else { &list.response };
        let mut own = bytes(own).unwrap_or_default().to_vec();
        let mut is_changed = false;
        if method == Method::Reqmod
            && codings == AcceptEncoding::Limit
            && let Some(changed) = without_unopened_codings(&own)
        {
            (own, is_changed) = (changed, true);
        }
        Ok(Self { method, request, response, own, is_changed, has_body: list.has_body })
    }

    fn carrier(&self) -> Option<&HttpHead> {
        if self.method == Method::Reqmod { self.request.as_ref() } else { self.response.as_ref() }
    }

    /// What is asked for; hostile, and empty where the client does not say it.
    pub(super) fn url(&self) -> String {
        self.request.as_ref().map(HttpHead::url).unwrap_or_default()
    }

    /// What the content is called: the last part of the path; hostile.
    pub(super) fn file_name(&self) -> String {
        let url = self.url();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.is_empty() { "content".to_owned() } else { name.to_owned() }
    }

    /// Whether no body may follow in the response, because the request is HEAD.
    pub(super) fn wants_head_only(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.method() == "HEAD")
    }

    /// The length that the head promises.
    pub(super) fn length(&self) -> Option<u64> {
        self.carrier().and_then(HttpHead::length)
    }

    /// What to put before a body of several parts.
    pub(super) fn multipart(&self) -> Option<Vec<u8>> {
        self.carrier().and_then(HttpHead::multipart)
    }

    /// What cannot be examined, because of how the content is sent.
    pub(super) fn gaps(&self) -> Vec<String> {
        self.carrier().filter(|_| self.has_body).map(HttpHead::gaps).unwrap_or_default()
    }

    /// The header `Encapsulated` of the message given back.
    pub(super) fn encapsulated(&self) -> String {
        let (head, body) =
            if self.method == Method::Reqmod { ("req-hdr", "req-body") } else { ("res-hdr", "res-body") };
        let body = if self.has_body { body } else { "null-body" };
        let size = self.own.len();
        if size == 0 { format!("{body}=0") } else { format!("{head}=0, {body}={size}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(request: &str, response: &str, body: &str, method: Method) -> Message {
        let heads = format!("{request}{response}");
        let mut parts = Vec::new();
        if !request.is_empty() {
            parts.push("req-hdr=0".to_owned());
        }
        if !response.is_empty() {
            parts.push(format!("res-hdr={}", request.len()));
        }
        parts.push(format!("{body}={}", heads.len()));
        let list = Encapsulated::parse(&parts.join(", "), method).unwrap();
        Message::parse(heads.as_bytes(), &list, method, AcceptEncoding::Limit).unwrap()
    }

    #[test]
    fn a_download() {
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Encoding: br\r\n\r\n";
        let request = "GET http://h/a/b.zip?c HTTP/1.1\r\nAccept-Encoding: br\r\n\r\n";
        let download = message(request, response, "res-body", Method::Respmod);
        assert_eq!((download.length(), download.file_name().as_str()), (Some(7), "b.zip"));
        assert_eq!((download.own.as_slice(), download.is_changed), (response.as_bytes(), false));
        assert_eq!(download.encapsulated(), format!("res-hdr=0, res-body={}", response.len()));
        assert_eq!(download.gaps(), ["content-encoding br"]);
        assert_eq!(message("", "", "res-body", Method::Respmod).encapsulated(), "res-body=0");
    }

    #[test]
    fn a_request() {
        let request = "HEAD / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br\r\n\r\n";
        let head = message(request, "", "null-body", Method::Reqmod);
        assert!(head.is_changed && head.wants_head_only());
        assert_eq!(head.own, b"HEAD / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\n\r\n");
        assert_eq!(head.encapsulated(), format!("req-hdr=0, null-body={}", head.own.len()));
        assert_eq!((head.url().as_str(), head.file_name().as_str()), ("http://h/", "content"));
    }
}
