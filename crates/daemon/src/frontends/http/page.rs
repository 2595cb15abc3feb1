//! The page for people: a file is dropped into it, and it shows the verdict and why.
//!
//! It consists of four files in the program and loads nothing else. Names and details are hostile; the script
//! inserts them as text only, and the browser is told to run no other script and to make no markup of text.

use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::answer::Content;

const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("x-frame-options", "DENY"),
];

/// A file of the page, if the path is that of one.
pub(super) fn file(path: &str) -> Option<Response<Content>> {
    let (content_type, content) = match path {
        "/" => ("text/html; charset=utf-8", include_str!("page/page.html")),
        "/page.css" => ("text/css; charset=utf-8", include_str!("page/page.css")),
        "/page.js" => ("text/javascript; charset=utf-8", include_str!("page/page.js")),
        "/icon.svg" => ("image/svg+xml", include_str!("page/icon.svg")),
        _ => return None,
    };
    let mut response = Response::new(Content::from(content.as_bytes().to_vec()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Some(response)
}
