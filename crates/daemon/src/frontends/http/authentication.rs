//! Who may ask: users of this machine on Unix sockets, tokens on TCP, and no web page but our own.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::http::{StatusCode, Uri};
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Settings;
use super::problem::Problem;
use crate::local_file;

/// Longest file of tokens, in bytes.
const TOKENS_FILE: u64 = 1 << 20;

/// To whom jobs belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A user of this machine.
    User(u32),
    /// Whoever has the token with this number.
    Token(usize),
    /// Whoever reaches the loopback address of a service without tokens.
    Anybody,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Client {
    /// A process of this machine.
    Local {
        /// Its user.
        user: u32,
        /// Its primary group.
        group: u32,
    },
    /// Somebody who reaches the port.
    Remote,
}

/// Tokens that are known: SHA-256 digests, since a file of tokens would be as good as the tokens themselves.
#[derive(Debug)]
pub(super) struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// Reads a file: on each line a SHA-256 digest in hex and a name for people; `#` begins a comment.
    ///
    /// # Errors
    /// When it cannot be read, others than its owner may write it, or a line is something else.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || {
            let text = local_file::text(path, TOKENS_FILE)?;
            if std::fs::metadata(path)?.mode() & 0o022 != 0 {
                bail!("others than its owner may write it; chmod go-w helps");
            }
            Self::parse(&text)
        };
        read().with_context(|| format!("tokens in {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut digests = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let content = line.split('#').next().unwrap_or_default();
            let Some(word) = content.split_whitespace().next() else {
                continue;
            };
            let mut digest = [0; 32];
            hex::decode_to_slice(word, &mut digest).with_context(|| {
                format!("line {number}: expected the SHA-256 of a token in hex, then a name")
            })?;
            digests.push(digest);
        }
        if digests.is_empty() {
            bail!("no token is in it; with none, nobody could ask anything");
        }
        Ok(Self(digests))
    }

    /// The number of a token, found in a time that does not depend on it.
    fn find(&self, token: &[u8]) -> Option<usize> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for (number, known) in self.0.iter().enumerate() {
            let same: Choice = known.ct_eq(&digest);
            if bool::from(same) {
                found = Some(number);
            }
        }
        found
    }
}

/// Who asks, if he may.
pub(super) fn owner(
    settings: &Settings,
    tokens: Option<&Tokens>,
    client: Client,
    headers: &HeaderMap,
) -> Result<Owner, Problem> {
    match (client, tokens) {
        (Client::Local { user, group }, _) => {
            let listed = settings.users.contains(&user) || settings.groups.contains(&group);
            if settings.everybody || listed || trusted_user(user) {
                return Ok(Owner::User(user));
            }
            Err(Problem::new(StatusCode::FORBIDDEN, "this user may not use the service"))
        }
        (Client::Remote, None) => Ok(Owner::Anybody),
        (Client::Remote, Some(tokens)) => {
            let number =
                bearer(headers).and_then(|token| tokens.find(token)).ok_or_else(Problem::unauthorized)?;
            Ok(Owner::Token(number))
        }
    }
}

/// Whether a user may read whatever this process may read: root, and the user that it runs as.
pub(super) fn trusted_user(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii())
}

/// Refuses hosts that are not ours. A web site can give its own name our address (DNS rebinding) and then is
/// of our origin for the browser; it cannot change what the browser sends as the host.
pub(super) fn host(settings: &Settings, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(bad("exactly one host has to be named"));
    };
    let host: Authority =
        value.to_str().ok().and_then(|host| host.parse().ok()).ok_or_else(|| bad("the host is malformed"))?;
    if uri.authority().is_some_and(|authority| *authority != host) {
        return Err(bad("the address and the host differ"));
    }
    let name = host.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let ours = address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || settings.hosts.iter().any(|ours| name.eq_ignore_ascii_case(ours));
    if !ours || host.as_str().contains('@') {
        let detail = "this host is not served here; its name can be listed in the setting `hosts`";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    Ok(host)
}

/// Refuses what other web sites make a browser ask.
pub(super) fn origin(scheme: &str, host: &Authority, headers: &HeaderMap) -> Result<(), Problem> {
    let ours = format!("{scheme}://{host}");
    let foreign =
        headers.get_all(ORIGIN).iter().any(|origin| !origin.as_bytes().eq_ignore_ascii_case(ours.as_bytes()));
    let sites = headers.get_all("sec-fetch-site").iter();
    let cross = sites.into_iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    if foreign || cross {
        return Err(Problem::new(StatusCode::FORBIDDEN, "other web sites may not ask"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { hosts: vec!["scan.example".into()], ..Settings::default() }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn tokens_are_found_by_their_digests() {
        let digest = hex::encode(Sha256::digest(b"secret"));
        let tokens =
            Tokens::parse(&format!("# who\n\n{} other\n{digest} mail # gateway\n", "0".repeat(64))).unwrap();
        assert_eq!(tokens.find(b"secret"), Some(1));
        assert_eq!(tokens.find(digest.as_bytes()), None);
        for wrong in ["", "# none\n", "secret mail\n", "00\n"] {
            assert!(Tokens::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_wanted_where_there_are_tokens() {
        let tokens = Tokens(vec![[0; 32], Sha256::digest(b"secret").into()]);
        let asked = |pairs: &[_]| owner(&settings(), Some(&tokens), Client::Remote, &headers(pairs));
        assert_eq!(asked(&[("authorization", "bearer secret")]).unwrap(), Owner::Token(1));
        for wrong in ["Bearer other", "Bearer", "Basic secret", "Bearer secret, Bearer other", "é"] {
            assert!(asked(&[("authorization", wrong)]).is_err(), "{wrong}");
        }
        assert!(asked(&[]).is_err());
        let remote = owner(&settings(), None, Client::Remote, &headers(&[]));
        assert_eq!(remote.unwrap(), Owner::Anybody);
    }

    #[test]
    fn local_users_have_to_be_listed() {
        let settings = Settings { users: vec![33], groups: vec![44], ..Settings::default() };
        let local =
            |user, group| owner(&settings, None, Client::Local { user, group }, &headers(&[])).is_ok();
        assert!(local(0, 7) && local(33, 7) && local(4_000_000, 44));
        assert!(!local(4_000_000, 7));
        let everybody = Settings { everybody: true, ..Settings::default() };
        assert!(owner(&everybody, None, Client::Local { user: 4_000_000, group: 7 }, &headers(&[])).is_ok());
    }

    #[test]
    fn names_of_other_sites_are_no_hosts_of_ours() {
        let uri = Uri::from_static("/v1/scan");
        let asked = |name| host(&settings(), &uri, &headers(&[("host", name)]));
        for ours in ["127.0.0.1:8080", "[::1]:8080", "localhost:1", "LOCALHOST", "scan.example", "10.0.0.1"] {
            assert!(asked(ours).is_ok(), "{ours}");
        }
        for other in ["evil.example", "127.0.0.1.evil.example", "a@localhost", "localhost.", "127.1", ""] {
            assert!(asked(other).is_err(), "{other}");
        }
        assert!(host(&settings(), &uri, &headers(&[])).is_err());
        let other = Uri::from_static("http://evil.example/v1/scan");
        assert!(host(&settings(), &other, &headers(&[("host", "localhost")])).is_err());
    }

    #[test]
    fn other_sites_may_not_ask() {
        let host = Authority::from_static("localhost:8080");
        let asked = |pairs: &[_]| origin("http", &host, &headers(pairs)).is_ok();
        assert!(asked(&[]));
        assert!(asked(&[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")]));
        assert!(asked(&[("sec-fetch-site", "none")]));
        for other in [
            "null",
            "http://localhost",
            "https://localhost:8080",
            "http://evil.example",
            "http://localhost:80801",
        ] {
            assert!(!asked(&[("origin", other)]), "{other}");
        }
        assert!(!asked(&[("sec-fetch-site", "cross-site")]));
        assert!(!asked(&[("sec-fetch-site", "same-site")]));
    }
}
