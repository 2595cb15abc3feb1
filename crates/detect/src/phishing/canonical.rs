//! The parts of an address whose digests are in lists, as Google Safe Browsing 2 made them.
//!
//! Specification: <https://developers.google.com/safe-browsing/v4/urls-hashing>, which says the same for version 4.

use super::address::percent_decoded;

/// Most bytes of an address that are looked at.
const MAX_LENGTH: usize = 2048;
/// How often percent signs are decoded; an address needs as many bytes as this to want more.
const MAX_ROUNDS: usize = 64;
/// Most hosts and paths of which digests are made.
const MAX_HOSTS: usize = 5;
const MAX_PATHS: usize = 6;

/// The texts whose digests may be in a list: those of the shortest host and path last. At most 30.
pub(super) fn parts(target: &[u8]) -> Vec<Vec<u8>> {
    let Some((host, path, query)) = canonical(target) else { return Vec::new() };
    let mut all = Vec::new();
    for host in hosts(&host) {
        for path in paths(&path, query.as_deref()) {
            all.push([host, path.as_slice()].concat());
        }
    }
    all
}

/// Host, path and query.
type Canonical = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// An address in its canonical form.
fn canonical(target: &[u8]) -> Option<Canonical> {
    let target = target.get(..MAX_LENGTH).unwrap_or(target).trim_ascii();
    let plain: Vec<u8> =
        target.iter().copied().filter(|byte| !matches!(byte, b'\t' | b'\r' | b'\n' | 0)).collect();
    let end = plain.iter().position(|byte| *byte == b'#').unwrap_or(plain.len());
    let mut text = plain.get(..end)?.to_vec();
    for _ in 0..MAX_ROUNDS {
        let decoded = percent_decoded(&text);
        if decoded.len() == text.len() {
            break;
        }
        text = decoded;
    }
    let colon = text.iter().take(6).position(|byte| *byte == b':')?;
    let known = [b"http".as_slice(), b"https", b"ftp"];
    let (scheme, rest) = text.split_at_checked(colon)?;
    if !known.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let rest = rest.get(1..)?;
    let slash = |byte: &&u8| matches!(**byte, b'/' | b'\\');
    let rest = rest.get(rest.iter().take_while(slash).count()..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'\\')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let question = rest.iter().position(|byte| *byte == b'?').unwrap_or(rest.len());
    let (path, query) = rest.split_at_checked(question)?;
    let host = host(authority);
    let query = (!query.is_empty()).then(|| escaped(query));
    (!host.is_empty()).then(|| (host, escaped(&resolved(path)), query))
}

fn host(authority: &[u8]) -> Vec<u8> {
    let after_user = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at.saturating_add(1));
    let named = authority.get(after_user..).unwrap_or_default();
    let end = named.iter().position(|byte| *byte == b':').unwrap_or(named.len());
    let labels = named.get(..end).unwrap_or_default().split(|byte| *byte == b'.');
    let labels: Vec<&[u8]> = labels.filter(|label| !label.is_empty()).collect();
    let host = labels.join(&b'.').to_ascii_lowercase();
    match number(&host) {
        Some(number) => std::net::Ipv4Addr::from(number).to_string().into_bytes(),
        None => escaped(&host),
    }
}

/// The number that a host's name is, in one of the ways of writing that C's `inet_aton` knows.
fn number(host: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(host).ok()?;
    let parts: Vec<&str> = text.split('.').collect();
    let (last, before) = parts.split_last()?;
    if before.len() > 3 {
        return None;
    }
    let mut address = 0_u32;
    for part in before {
        address = address << 8 | u32::from(u8::try_from(part_number(part)?).ok()?);
    }
    let bits = 32_u32.checked_sub(u32::try_from(before.len()).ok()?.checked_mul(8)?)?;
    let last = part_number(last)?;
    if last >> bits != 0 {
        return None;
    }
    let low = u32::try_from(last).ok()?;
    Some(if bits == 32 { low } else { address << bits | low })
}

fn part_number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    if digits.len() > 12 || digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// A path without `.`, `..` and empty parts. It begins with a slash.
fn resolved(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let parts: Vec<&[u8]> = path.split(|byte| matches!(byte, b'/' | b'\\')).collect();
    let last = parts.last().copied().unwrap_or_default();
    for part in parts {
        match part {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    let mut resolved = b"/".to_vec();
    resolved.extend(kept.join(&b'/'));
    if matches!(last, b"" | b"." | b"..") && resolved.last() != Some(&b'/') {
        resolved.push(b'/');
    }
    resolved
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0..=b' ' | 0x7f.. | b'#' | b'%' => escaped.extend(format!("%{byte:02X}").bytes()),
            _ => escaped.push(*byte),
        }
    }
    escaped
}

/// The host and what remains of its last five labels when the first ones are taken away.
fn hosts(host: &[u8]) -> Vec<&[u8]> {
    let mut all = vec![host];
    if host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return all;
    }
    let dots = host.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
    let starts: Vec<usize> = dots.map(|(dot, _)| dot.saturating_add(1)).skip(1).take(4).collect();
    for start in starts.into_iter().rev() {
        all.extend(host.get(start..));
    }
    all.truncate(MAX_HOSTS);
    all
}

/// The path with its query and without, and its first folders.
fn paths(path: &[u8], query: Option<&[u8]>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(query) = query {
        all.push([path, query].concat());
    }
    all.push(path.to_vec());
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(place, _)| place);
    for slash in slashes.take(4) {
        let folder = path.get(..=slash).unwrap_or_default();
        if folder.len() < path.len() {
            all.push(folder.to_vec());
        }
    }
    all.truncate(MAX_PATHS);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(target: &str) -> Vec<String> {
        parts(target.as_bytes()).into_iter().map(|part| String::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn parts_are_those_of_the_specification() {
        assert_eq!(
            shown("http://a.b.c/1/2.html?param=1"),
            [
                "a.b.c/1/2.html?param=1",
                "a.b.c/1/2.html",
                "a.b.c/",
                "a.b.c/1/",
                "b.c/1/2.html?param=1",
                "b.c/1/2.html",
                "b.c/",
                "b.c/1/",
            ]
        );
        let hosts: Vec<String> = shown("http://a.b.c.d.e.f.g/");
        assert_eq!(hosts, ["a.b.c.d.e.f.g/", "c.d.e.f.g/", "d.e.f.g/", "e.f.g/", "f.g/"]);
        assert_eq!(shown("http://1.2.3.4/1/"), ["1.2.3.4/1/", "1.2.3.4/"]);
        assert_eq!(shown("http://a.b/1/2/3/4/5/6.html").len(), 5);
    }

    /// Examples of the specification.
    #[test]
    fn addresses_are_made_canonical() {
        for (target, expected) in [
            ("http://host/%25%32%35", "host/%25"),
            ("http://host/%25%32%35%25%32%35", "host/%25%25"),
            ("http://host/%2525252525252525", "host/%25"),
            ("http://host/asdf%25%32%35asd", "host/asdf%25asd"),
            ("http://%31%36%38%2e%31%38%38%2e%39%39%2e%32%36/%2E/x", "168.188.99.26/x"),
            ("http://3279880203/blah", "195.127.0.11/blah"),
            ("http://www.google.com/blah/..", "www.google.com/"),
            ("http://www.evil.com/blah#frag", "www.evil.com/blah"),
            ("http://www.GOOgle.com/", "www.google.com/"),
            ("http://www.google.com.../", "www.google.com/"),
            ("http://www.google.com/foo\tbar\rbaz\n2", "www.google.com/foobarbaz2"),
            ("http://www.google.com/q?", "www.google.com/q?"),
            ("http://evil.com/foo;", "evil.com/foo;"),
            ("http://\u{1}\u{80}.com/", "%01%C2%80.com/"),
            ("http://notrailingslash.com", "notrailingslash.com/"),
            ("http://www.gotaport.com:1234/", "www.gotaport.com/"),
            ("  http://www.google.com/  ", "www.google.com/"),
            ("https://www.securesite.com/", "www.securesite.com/"),
            ("http://host.com//twoslashes?more//slashes", "host.com/twoslashes?more//slashes"),
        ] {
            assert_eq!(shown(target).first().map(String::as_str), Some(expected), "{target}");
        }
        assert!(shown("mailto:a@b.c").is_empty() && shown("evil.org/x").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn few_and_short(rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let parts = parts(&[b"http://".as_slice(), &rest].concat());
            prop_assert!(parts.len() <= MAX_HOSTS * MAX_PATHS);
            prop_assert!(parts.iter().all(|part| part.len() <= 3 * MAX_LENGTH + 3 && part.contains(&b'/')));
        }
    }
}
