//! URLs that may be asked.

use std::fmt;

use ureq::http::Uri;

use crate::{Error, Kind};

/// Longest URL.
const LONGEST: usize = 2048;

/// A URL with the scheme `https` or `http`, a host, and no user in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    text: String,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Kind::Local`] with what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::new(Kind::Local, format!("not a URL that can be asked: {why}"));
        if text.len() > LONGEST {
            return Err(wrong("it is too long"));
        }
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri =
            text.parse().map_err(|error: ureq::http::uri::InvalidUri| wrong(&error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("https" | "http")) {
            return Err(wrong("its scheme is neither https nor http"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it has a user in it"));
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || (has_port && uri.port_u16().is_none()) {
            return Err(wrong("it has no host, or a port that is none"));
        }
        Ok(Self { text: uri.to_string(), uri })
    }

    /// Reads the URL of a proxy, which may have a user in it; the user is left out.
    ///
    /// # Errors
    /// Those of [`Url::parse`].
    pub fn of_proxy(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        Self::parse(&format!("{scheme}://{host}"))
    }

    /// The URL of a file below this one, which is taken for a folder; of no path, this one.
    ///
    /// # Errors
    /// Those of [`Url::parse`], and when this one has a query.
    pub fn below(&self, path: &str) -> Result<Self, Error> {
        if path.is_empty() {
            return Ok(self.clone());
        }
        if self.uri.query().is_some() {
            return Err(Error::new(Kind::Local, "the URL of a mirror has no query"));
        }
        Self::parse(&format!("{}/{path}", self.text.trim_end_matches('/')))
    }

    /// Where a redirect from here leads.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it leads from https to another scheme or to something that is no URL.
    pub(super) fn redirect(&self, location: &str) -> Result<Self, Error> {
        let refused = |why: &str| Error::new(Kind::Refused, format!("a redirect is not followed: {why}"));
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let target = if has_scheme(location) {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else {
            let path = self.uri.path();
            let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
            format!("{scheme}://{authority}{folder}{location}")
        };
        let target = Self::parse(&target).map_err(|error| refused(&error.to_string()))?;
        if self.is_https() && !target.is_https() {
            return Err(refused("it leads from https to plain http"));
        }
        Ok(target)
    }

    /// Whether it is https.
    pub fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether its host is this machine by its name or number. What the name means is checked when it is known.
    pub(super) fn is_local(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || host.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn same_host(&self, other: &Self) -> bool {
        self.host().eq_ignore_ascii_case(other.host())
    }

    /// Its host, without the brackets of numbers of IPv6.
    pub fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or_else(|| if self.is_https() { 443 } else { 80 })
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a reference starts with a scheme (RFC 3986, section 3.1).
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for wrong in [
            "",
            "file:///etc/passwd",
            "ftp://a/",
            "https://",
            "https:///x",
            "https://user@host/",
            "https://a b/",
            "https://a/\r\nX: y",
            "/path",
            "host/path",
            "https://host:/",
            "https://host:99999/",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong:?}");
        }
        let url = Url::parse("https://Host.example:8443/a/b#part").unwrap();
        assert_eq!((url.host(), url.port()), ("Host.example", 8443));
        assert_eq!(
            url.below("metadata/1.root.json").unwrap().as_str(),
            "https://Host.example:8443/a/b/metadata/1.root.json"
        );
        assert!(Url::parse("https://host/?query").unwrap().below("x").is_err());
    }

    #[test]
    fn redirects_are_relative_to_where_they_are_found() {
        let from = Url::parse("https://host/a/b?c").unwrap();
        for (location, target) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "https://other/x"),
            ("/x", "https://host/x"),
            ("x", "https://host/a/x"),
            ("?y", "https://host/a/?y"),
        ] {
            assert_eq!(from.redirect(location).unwrap().as_str(), target);
        }
        for refused in ["http://host/a", "file:///etc/passwd", "javascript:x", "https://user@host/", "//"] {
            assert_eq!(from.redirect(refused).unwrap_err().kind(), Kind::Refused, "{refused}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for local in ["http://127.0.0.1:8/x", "http://[::1]/", "http://localhost/"] {
            assert!(Url::parse(local).unwrap().is_local(), "{local}");
        }
        for other in ["http://127.0.0.1.example/", "http://[::2]/", "http://localhost.example/"] {
            assert!(!Url::parse(other).unwrap().is_local(), "{other}");
        }
    }
}
