//! The header `Encapsulated`, which says what lies where in a message: RFC 3507 section 4.4.1.

use std::ops::Range;

use super::head::Method;

/// Most bytes of the HTTP heads together: twice the 64 KiB that proxies take.
pub(super) const MAX_HEADS: usize = 160 << 10;

/// What is wrong with the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// What lies where, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encapsulated {
    /// The head of the HTTP request.
    pub(super) request: Option<Range<usize>>,
    /// The head of the HTTP response.
    pub(super) response: Option<Range<usize>>,
    /// Whether a chunked body follows.
    pub(super) has_body: bool,
    /// Bytes before the body, at most [`MAX_HEADS`].
    pub(super) heads: usize,
}

impl Encapsulated {
    /// Reads the list of a request.
    ///
    /// # Errors
    /// Unless it is in order, begins at 0, ends with a body or `null-body`, and is of this method.
    pub(super) fn parse(list: &str, method: Method) -> Result<Self, Malformed> {
        let mut sections: Vec<(&str, usize)> = Vec::new();
        for part in list.split(',') {
            let (name, offset) =
                part.trim().split_once('=').ok_or(Malformed("a part of Encapsulated has no offset"))?;
            let is_number =
                !offset.is_empty() && offset.len() <= 7 && offset.bytes().all(|byte| byte.is_ascii_digit());
            let offset = offset.parse().ok().filter(|offset| is_number && *offset <= MAX_HEADS);
            let offset = offset.ok_or(Malformed("an offset in Encapsulated is no number or too large"))?;
            if sections.len() == 3 {
                return Err(Malformed("Encapsulated has too many parts"));
            }
            sections.push((name, offset));
        }
        let rising = sections.windows(2).all(|pair| matches!(pair, [(_, one), (_, two)] if one < two));
        if !rising || sections.first().is_none_or(|(_, offset)| *offset != 0) {
            return Err(Malformed("the offsets in Encapsulated do not rise from 0"));
        }
        let (body, heads) = sections.pop().ok_or(Malformed("Encapsulated is empty"))?;
        let own_body = match method {
            Method::Options => "opt-body",
            Method::Reqmod => "req-body",
            Method::Respmod => "res-body",
        };
        if body != own_body && body != "null-body" {
            return Err(Malformed("Encapsulated does not end with the body of this method"));
        }
        let mut all = Self { has_body: body == own_body, heads, ..Self::default() };
        let ends = sections.iter().skip(1).map(|(_, offset)| *offset).chain([heads]);
        let mut last = "";
        for ((name, start), end) in sections.iter().zip(ends) {
            match (*name, method, last) {
                ("req-hdr", Method::Reqmod | Method::Respmod, "") => all.request = Some(*start..end),
                ("res-hdr", Method::Respmod, "" | "req-hdr") => all.response = Some(*start..end),
                _ => return Err(Malformed("Encapsulated names a part that this method has not")),
            }
            last = name;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_the_specification() {
        let parse = |list, method| Encapsulated::parse(list, method).unwrap();
        let all = parse("req-hdr=0, res-hdr=137,res-body=296", Method::Respmod);
        assert_eq!((all.request, all.response), (Some(0..137), Some(137..296)));
        assert!(all.has_body && all.heads == 296);
        let get = parse("req-hdr=0, null-body=170", Method::Reqmod);
        assert_eq!((get.request, get.has_body, get.heads), (Some(0..170), false, 170));
        assert!(parse("res-body=0", Method::Respmod).has_body);
        assert!(parse("res-hdr=0, res-body=9", Method::Respmod).response.is_some());
        assert!(parse("req-hdr=0, res-body=9", Method::Respmod).response.is_none());
        assert!(parse("opt-body=0", Method::Options).has_body);
        assert_eq!(parse("null-body=0", Method::Options), Encapsulated::default());
    }

    #[test]
    fn offsets_that_lie() {
        for (list, method) in [
            ("", Method::Reqmod),
            ("req-hdr", Method::Reqmod),
            ("req-hdr=0", Method::Reqmod),
            ("req-hdr=1, req-body=5", Method::Reqmod),
            ("req-hdr=0, req-body=0", Method::Reqmod),
            ("req-hdr=0, res-hdr=50, res-body=40", Method::Respmod),
            ("res-hdr=0, req-hdr=50, res-body=90", Method::Respmod),
            ("req-hdr=0, req-hdr=50, res-body=90", Method::Respmod),
            ("req-hdr=0, res-hdr=50, res-body=90", Method::Reqmod),
            ("req-hdr=0, res-hdr=5, res-body=9, null-body=10", Method::Respmod),
            ("req-hdr=0, req-body=9", Method::Respmod),
            ("req-hdr=0, opt-body=9", Method::Options),
            ("req-hdr=0, req-body=-9", Method::Reqmod),
            ("req-hdr=0, req-body=+9", Method::Reqmod),
            ("req-hdr=0, req-body=0x9", Method::Reqmod),
            ("req-hdr=0, req-body=9999999", Method::Reqmod),
            ("req-hdr=0, req-body=18446744073709551625", Method::Reqmod),
            ("req-hdr=0, req-body=9,", Method::Reqmod),
        ] {
            assert!(Encapsulated::parse(list, method).is_err(), "{list}");
        }
    }
}
