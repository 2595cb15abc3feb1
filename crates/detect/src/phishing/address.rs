//! Addresses as the one who clicks on a link means them: where it leads to, and what its text promises.
//!
//! Browsers are lenient (<https://url.spec.whatwg.org/>), and so is this: a backslash is a slash, white space in an
//! address is nothing, and percent signs in the name of a host are decoded.

use memchr::memmem;

/// Most bytes of an address that are looked at; names of hosts come first.
const MAX_LENGTH: usize = 2048;

/// Full stops of East Asian scripts, which browsers take for one.
const FULL_STOPS: [&str; 4] = ["\u{3002}", "\u{ff0e}", "\u{ff61}", "\u{fe52}"];
/// Characters that are not seen.
const UNSEEN: [&str; 6] = ["\u{a0}", "\u{ad}", "\u{200b}", "\u{200c}", "\u{200d}", "\u{feff}"];

/// Schemes of addresses with hosts.
const SCHEMES: [&str; 3] = ["http", "https", "ftp"];

/// An address, as far as a link is judged by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Its scheme, if it has one.
    pub(super) scheme: Option<&'static str>,
    /// The name of its host, in lower case.
    pub(super) host: Vec<u8>,
    /// Whether the name of the host is hidden behind a control character.
    pub(super) cloaked: bool,
}

impl Address {
    /// Where a link leads to, if it is to a host.
    pub(super) fn of_target(bytes: &[u8]) -> Option<Self> {
        let text = seen(bytes);
        if let Some((scheme, rest)) = scheme(&text) {
            let rest = rest.get(slashes(rest)..).unwrap_or_default();
            let (host, cloaked) = host(rest);
            return Some(Self { scheme: Some(scheme), host, cloaked });
        }
        let rest = match text.as_slice() {
            // The scheme is that of the page, and a mail has none.
            [b'/', b'/', rest @ ..] => rest,
            [b'/', ..] => return None,
            all => all,
        };
        let (host, cloaked) = host(rest);
        (is_name(&host) && !authority(rest).contains(&b':')).then_some(Self { scheme: None, host, cloaked })
    }

    /// The address that a text is, or says.
    pub(super) fn of_text(bytes: &[u8]) -> Option<Self> {
        let text = seen(bytes);
        let start = text.iter().position(|byte| byte.is_ascii_alphanumeric())?;
        let text = text.get(start..)?;
        if let Some((place, scheme, rest)) = said(text) {
            let (host, cloaked) = host(rest);
            let host = trimmed(&host).to_vec();
            // Words before an address are read as words: it promises nothing but the host.
            let scheme = (place == 0).then_some(scheme);
            return (!host.is_empty()).then_some(Self { scheme, host, cloaked });
        }
        let mail = text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"mailto:"));
        if let Some((scheme, rest)) = scheme(text) {
            let rest = rest.get(slashes(rest)..).unwrap_or_default();
            let (host, cloaked) = host(rest);
            return is_name(&host).then_some(Self { scheme: Some(scheme), host, cloaked });
        }
        let rest = if mail { text.get(7..)? } else { text };
        let before = authority(rest);
        let port = |byte: &u8| byte.is_ascii_digit() || !byte.is_ascii_alphanumeric();
        let colon = before.iter().position(|byte| *byte == b':').unwrap_or(before.len());
        // `name@host` is the address of a person, and what follows a colon a port or nothing.
        if (before.contains(&b'@') && !mail) || !before.get(colon..)?.iter().all(port) {
            return None;
        }
        let (host, cloaked) = host(rest);
        let host = trimmed(&host).to_vec();
        is_name(&host).then_some(Self { scheme: None, host, cloaked })
    }

    /// It as expressions see it: what makes no difference to where it leads is left out.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Some(scheme) = self.scheme {
            text.extend_from_slice(scheme.as_bytes());
            text.extend_from_slice(b"://");
        }
        text.extend_from_slice(&self.host);
        text
    }

    /// The part of the host's name that somebody can register.
    pub(super) fn domain(&self) -> &[u8] {
        let labels: Vec<&[u8]> = self.host.split(|byte| *byte == b'.').collect();
        if labels.iter().all(|label| label.iter().all(u8::is_ascii_digit)) {
            return &self.host;
        }
        let dots_before = match labels.as_slice() {
            [.., second, last] if last.len() == 2 && is_general(second) => 2,
            _ => 1,
        };
        let dots = self.host.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
        match dots.map(|(place, _)| place).nth(dots_before) {
            Some(dot) => self.host.get(dot.saturating_add(1)..).unwrap_or_default(),
            None => &self.host,
        }
    }
}

/// Whether countries have domains of this name for everybody.
fn is_general(label: &[u8]) -> bool {
    const GENERAL: [&[u8]; 22] = [
        b"com", b"co", b"org", b"or", b"net", b"ne", b"edu", b"ed", b"ac", b"gov", b"go", b"gob", b"gouv",
        b"mil", b"nom", b"info", b"biz", b"ltd", b"plc", b"me", b"sch", b"id",
    ];
    GENERAL.contains(&label)
}

/// The bytes that are seen of an address: without white space and control characters, backslashes as slashes.
fn seen(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes.get(..MAX_LENGTH).unwrap_or(bytes);
    let mut text = Vec::with_capacity(rest.len());
    while let Some((byte, after)) = rest.split_first() {
        if let Some(end) = one_of(rest, &FULL_STOPS) {
            text.push(b'.');
            rest = end;
            continue;
        }
        rest = one_of(rest, &UNSEEN).unwrap_or(after);
        match byte {
            0..=b' ' | 0x7f => {}
            _ if rest.len() != after.len() => {}
            b'\\' => text.push(b'/'),
            _ => text.push(*byte),
        }
    }
    text
}

/// What follows one of these characters.
fn one_of<'a>(bytes: &'a [u8], characters: &[&str]) -> Option<&'a [u8]> {
    if bytes.first().is_none_or(u8::is_ascii) {
        return None;
    }
    characters.iter().find_map(|character| bytes.strip_prefix(character.as_bytes()))
}

/// The scheme that an address begins with, and what follows its colon.
fn scheme(text: &[u8]) -> Option<(&'static str, &[u8])> {
    let colon = text.iter().take(6).position(|byte| *byte == b':')?;
    let (name, rest) = text.split_at_checked(colon)?;
    let scheme = SCHEMES.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.as_bytes()))?;
    Some((scheme, rest.get(1..)?))
}

fn slashes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'/').count()
}

/// The part of an address that names its host, with names of users and a port.
fn authority(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// The name of the host that an address without its scheme has, and whether it is cloaked.
fn host(rest: &[u8]) -> (Vec<u8>, bool) {
    let before = authority(rest);
    let hides = |byte: &u8| *byte < 2;
    let cloaked = percent_decoded(before).iter().any(hides);
    // What is decoded may be a separator again for some.
    let decoded = percent_decoded(before);
    let named = authority(&decoded);
    let after_user = named.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at.saturating_add(1));
    let named = named.get(after_user..).unwrap_or_default();
    let end = match named.first() {
        Some(b'[') => named.iter().position(|byte| *byte == b']').map(|end| end.saturating_add(1)),
        _ => named.iter().position(|byte| *byte == b':'),
    };
    let named = named.get(..end.unwrap_or(named.len())).unwrap_or_default();
    let mut host = seen(named);
    host.make_ascii_lowercase();
    if host.last() == Some(&b'.') {
        host.pop();
    }
    (host, cloaked)
}

/// The bytes with percent signs decoded, once.
pub(super) fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some((byte, after)) = rest.split_first() {
        let digit = |place: usize| after.get(place).and_then(|digit| char::from(*digit).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high << 4 | low).unwrap_or(b'%'));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*byte);
                rest = after;
            }
        }
    }
    decoded
}

/// A name without what stands around it in a text: quotes, brackets, full stops.
fn trimmed(host: &[u8]) -> &[u8] {
    let wanted = |byte: &u8| byte.is_ascii_alphanumeric() || (host.first() == Some(&b'[') && *byte == b']');
    let end = host.iter().rposition(wanted).map_or(0, |last| last.saturating_add(1));
    host.get(..end).unwrap_or_default()
}

/// Whether it may be the name of a host: labels with full stops between, the last one of letters.
fn is_name(host: &[u8]) -> bool {
    let strange = |byte: &u8| *byte <= b' ' || b"=|~{}[]<>\"@:".contains(byte);
    let mut labels = host.split(|byte| *byte == b'.');
    let last = labels.next_back().unwrap_or_default();
    let is_country = (2..=63).contains(&last.len())
        && (last.starts_with(b"xn--") || last.iter().all(u8::is_ascii_alphabetic) || !last.is_ascii());
    let mut before = labels.peekable();
    before.peek().is_some()
        && before.all(|label| !label.is_empty())
        && is_country
        && !host.iter().any(strange)
}

/// The first address with a scheme in a text: where it begins, its scheme, and what follows that.
fn said(text: &[u8]) -> Option<(usize, &'static str, &[u8])> {
    memmem::find_iter(text, b"://").find_map(|place| {
        let (before, after) = text.split_at_checked(place)?;
        SCHEMES.into_iter().find_map(|scheme| {
            let start = before.len().checked_sub(scheme.len())?;
            let is_scheme = before.get(start..)?.eq_ignore_ascii_case(scheme.as_bytes());
            is_scheme.then_some((start, scheme, after.get(3..)?))
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(address: Option<Address>) -> String {
        let Some(address) = address else { return "-".to_owned() };
        let cloak = if address.cloaked { " cloaked" } else { "" };
        format!("{}{cloak}", address.text().escape_ascii())
    }

    #[test]
    fn targets_are_read_as_browsers_do() {
        for (target, expected) in [
            ("http://evil.org/x?y#z", "http://evil.org"),
            ("HTTPS:\\\\EVIL.org\\x", "https://evil.org"),
            (" ht\ttp://ev\nil.org ", "http://evil.org"),
            ("http:evil.org", "http://evil.org"),
            ("//evil.org/x", "evil.org"),
            ("evil.org/x", "evil.org"),
            ("http://www.paypal.com:80@evil.org:8080/x", "http://evil.org"),
            ("http://evil.org#www.paypal.com", "http://evil.org"),
            ("http://www.paypal.com%40evil.org", "http://evil.org"),
            ("http://%65vil%2eorg./", "http://evil.org"),
            ("http://evil.org%00.paypal.com/", "http://evil.org.paypal.com cloaked"),
            ("http://evil.org/%00", "http://evil.org"),
            ("http://evil\u{3002}org", "http://evil.org"),
            ("http://[::1]:80/", "http://[::1]"),
            ("http://a", "http://a"),
            ("mailto:a@evil.org", "-"),
            ("javascript:a.b", "-"),
            ("/evil.org", "-"),
            ("#x", "-"),
            ("x", "-"),
            ("1.2.3.4", "-"),
            ("evil.org:80", "-"),
        ] {
            assert_eq!(show(Address::of_target(target.as_bytes())), expected, "{target}");
        }
    }

    #[test]
    fn texts_are_read_as_people_do() {
        for (text, expected) in [
            (" www. PayPal .com\u{a0}", "www.paypal.com"),
            ("(www.paypal.com).", "www.paypal.com"),
            ("<https://paypal.com/a?b>", "https://paypal.com"),
            ("Visit https://www.paypal.com/ now", "www.paypal.com"),
            ("paypal.com:8080", "paypal.com"),
            ("foo.com:", "foo.com"),
            ("paypal.com/http://x.y", "x.y"),
            ("mailto:x@paypal.com", "paypal.com"),
            ("x@paypal.com", "-"),
            ("foo:bar.com", "-"),
            ("http://foo", "http://foo"),
            ("www", "-"),
            ("a..com", "-"),
            ("1.2.3.4", "-"),
            ("", "-"),
            ("...", "-"),
        ] {
            assert_eq!(show(Address::of_text(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn domains_are_what_is_registered() {
        for (host, expected) in [
            ("www.paypal.com", "paypal.com"),
            ("paypal.com", "paypal.com"),
            ("com", "com"),
            ("www.b.co.uk", "b.co.uk"),
            ("b.co.uk", "b.co.uk"),
            ("a.bank.de", "bank.de"),
            ("1.2.3.4", "1.2.3.4"),
        ] {
            let address = Address { scheme: None, host: host.into(), cloaked: false };
            assert_eq!(address.domain(), expected.as_bytes(), "{host}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_host_is_never_longer_than_what_names_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for address in [Address::of_target(&bytes), Address::of_text(&bytes)].into_iter().flatten() {
                prop_assert!(address.host.len() <= bytes.len());
                prop_assert!(!address.host.contains(&0) && !address.host.contains(&b'\n'));
                prop_assert!(address.domain().len() <= address.host.len());
            }
        }

        #[test]
        fn white_space_changes_nothing(place in 0_usize..20, space in "[ \t\n\r]{1,3}") {
            let plain = "http://www.paypal.com";
            let mut spaced = plain.to_owned();
            spaced.insert_str(place, &space);
            prop_assert_eq!(Address::of_target(spaced.as_bytes()), Address::of_target(plain.as_bytes()));
            prop_assert_eq!(Address::of_text(spaced.as_bytes()), Address::of_text(plain.as_bytes()));
        }
    }
}
