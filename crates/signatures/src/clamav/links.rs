//! Lists about links in mails: hosts that are imitated (`pdb`), pairs of addresses that are in order (`wdb`), and digests
//! of addresses (`gdb`).
//!
//! ```text
//! pdb gdb  H:DisplayedHost[:FL]          R:Expression[:FL]
//! pdb gdb  S:P:HostPrefix[:FL]           S|S1|S2:F:SHA256[:FL]      S:W:SHA256[:FL]
//! wdb      M:RealHost:DisplayedHost[:FL] X:RealExpression:DisplayedExpression[:FL]   Y:RealExpression[:FL]
//! ```
//!
//! Expressions are POSIX extended ones; FL is `min-`, `-max` or `min-max`, both ends included. What stands behind the first
//! letter, once flags, is ignored. ClamAV reads `pdb` and `gdb` alike, and takes empty lines. Its loader fails at some
//! expressions that do not end in exact characters, such as `.+`; here they mean what they say.
//!
//! Prefixes are checked and not kept: they are to make lookups rare, and `clamscan` 1.4.6 finds digests without them.

use std::io;

use candor_detect::phishing::{Expression, LinkSignature, List, MAX_HOSTS};

use super::{ere, functionality_level};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// Hosts and digests.
pub(crate) struct Protected;

/// Pairs that are in order.
pub(crate) struct Allowed;

impl Language for Protected {
    fn name(&self) -> &'static str {
        "ClamAV lists of imitated hosts and of addresses"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pdb", "gdb"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_entry(text, output, protected)
    }
}

impl Language for Allowed {
    fn name(&self) -> &'static str {
        "ClamAV list of allowed links"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["wdb"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_entry(text, output, allowed)
    }
}

type Read = fn(&str) -> Result<Option<LinkSignature>, Complaint>;

fn each_entry(text: &mut dyn io::BufRead, output: &mut Output<'_>, read: Read) -> io::Result<()> {
    each_line(text, output, |line, output| {
        if line.is_empty() {
            return Ok(());
        }
        read(line)?.map_or(Ok(()), |signature| output.link(&signature))
    })
}

fn protected(line: &str) -> Result<Option<LinkSignature>, Complaint> {
    let (kind, rest) = kind(line)?;
    match kind {
        'H' => hosts(body(rest)?).map(LinkSignature::Protected).map(Some),
        'R' => expression(body(rest)?).map(LinkSignature::ProtectedExpression).map(Some),
        'S' => digest(line, body(rest)?),
        _ => Err(Complaint::malformed(format!("lines begin with H, R or S, this one with {kind:?}"))),
    }
}

fn allowed(line: &str) -> Result<Option<LinkSignature>, Complaint> {
    let (kind, rest) = kind(line)?;
    match kind {
        'M' => hosts(body(rest)?).map(LinkSignature::Allowed).map(Some),
        'X' => expression(body(rest)?).map(LinkSignature::AllowedExpression).map(Some),
        'Y' => expression(body(rest)?).map(LinkSignature::AllowedTarget).map(Some),
        _ => Err(Complaint::malformed(format!("lines begin with M, X or Y, this one with {kind:?}"))),
    }
}

/// The first letter of a line and what follows its first colon.
fn kind(line: &str) -> Result<(char, &str), Complaint> {
    let (head, rest) = line.split_once(':').ok_or_else(|| Complaint::malformed("there is no colon"))?;
    let letter = head.chars().next().ok_or_else(|| Complaint::malformed("the line begins with a colon"))?;
    Ok((letter, rest))
}

/// What stands before the functionality levels, if ours is among them. What is no range belongs to the entry.
fn body(rest: &str) -> Result<&str, Complaint> {
    let Some((body, levels)) = rest.rsplit_once(':') else { return Ok(rest) };
    let Some((min, max)) = levels.split_once('-') else { return Ok(rest) };
    if !min.bytes().chain(max.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Ok(rest);
    }
    let max = (!max.is_empty()).then_some(max);
    functionality_level(Some(min), max)?;
    Ok(body)
}

fn hosts(text: &str) -> Result<String, Complaint> {
    if text.is_empty() {
        return Err(Complaint::malformed("the host is missing"));
    }
    if text.len() > MAX_HOSTS {
        return Err(Complaint::unsupported(format!("hosts of more than {MAX_HOSTS} bytes")));
    }
    Ok(text.to_ascii_lowercase())
}

fn expression(text: &str) -> Result<Expression, Complaint> {
    // ClamAV puts a slash behind the expression; behind a backslash, that escapes it and means itself.
    let escapes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let whole = if escapes % 2 == 1 { text.strip_suffix('\\').unwrap_or(text) } else { text };
    let translated = ere::translated(whole.as_bytes()).map_err(Complaint::Malformed)?;
    let expression = Expression { translated, original: text.to_owned() };
    expression.check().map_err(Complaint::Malformed)?;
    Ok(expression)
}

/// `P:prefix`, `F:digest` or `W:digest`, and before it the name of the list.
fn digest(line: &str, body: &str) -> Result<Option<LinkSignature>, Complaint> {
    let (what, hex) = body.split_once(':').ok_or_else(|| Complaint::malformed("there is no second colon"))?;
    let list = match line.split(':').next() {
        Some("S1") => List::Blocked,
        Some("S2") => List::Imitation,
        _ => List::Malware,
    };
    let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    match what {
        "P" if digits && hex.len() % 2 == 0 && (8..=64).contains(&hex.len()) => Ok(None),
        "P" => Err(Complaint::malformed(format!("the prefix {hex:?} is not hexadecimal"))),
        "F" => sha256(hex).map(|digest| Some(LinkSignature::Blocked(list, digest))),
        "W" => sha256(hex).map(|digest| Some(LinkSignature::NotBlocked(digest))),
        _ => Err(Complaint::malformed(format!("{what:?} is neither P nor F nor W"))),
    }
}

fn sha256(hex: &str) -> Result<[u8; 32], Complaint> {
    let wrong = || Complaint::malformed(format!("{hex:?} is no SHA-256"));
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return Err(wrong());
    }
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'));
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(wrong)?;
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(result: Result<Option<LinkSignature>, Complaint>) -> &'static str {
        match result {
            Ok(Some(_)) => "good",
            Ok(None) => "nothing",
            Err(complaint) => complaint.kind(),
        }
    }

    /// Each line as `clamscan` 1.4.6 takes or refuses it, with a level of 240 instead of 216; but it fails at `.+` and at an
    /// end that may be missing.
    #[test]
    fn lines_of_hosts_and_expressions_are_read() {
        for (line, expected) in [
            ("H:paypal.com", "good"),
            ("H102:paypal.com", "good"),
            ("Hx:paypal.com", "good"),
            ("H:paypal.com ", "good"),
            ("H:paypal.com:17", "good"),
            ("H:paypal.com:17-", "good"),
            ("H:paypal.com:17-20", "not for us"),
            ("H:paypal.com:0-20", "not for us"),
            ("H:paypal.com:240-240", "good"),
            ("H:paypal.com:241-", "not for us"),
            ("H:paypal.com:-", "good"),
            ("H:paypal.com:-300", "good"),
            ("H:paypal.com:17-x", "good"),
            ("h:paypal.com", "malformed"),
            ("H", "malformed"),
            ("H:", "malformed"),
            ("paypal.com", "malformed"),
            ("Z:a", "malformed"),
            ("X:a:b", "malformed"),
            ("M:a:b", "malformed"),
            ("R:.+", "good"),
            ("R:evil", "good"),
            ("R:(", "malformed"),
            ("R:[a", "malformed"),
            ("R:*", "malformed"),
            ("R:", "malformed"),
            ("R:abc|def", "good"),
            ("R:a*b", "good"),
            ("R:abc(de|fg)?", "good"),
            ("R:a(b|c)", "good"),
            ("R:a\\", "good"),
            ("R:paypal\\.", "good"),
            ("R:paypal.co[m]", "good"),
            ("R:paypal[].[:alpha:].]", "good"),
            ("R:.+:.*\\.paypal\\.com:17-", "good"),
            ("R:a{1,2}", "good"),
        ] {
            assert_eq!(kind_of(protected(line)), expected, "{line}");
        }
        for (line, expected) in [
            ("M:evil.org:www.paypal.com", "good"),
            ("M:evil.org:www.paypal.com:17-", "good"),
            ("M:evil.org:www.paypal.com:300-", "not for us"),
            ("M:evil.org", "good"),
            ("M:evil.org:", "good"),
            ("M:", "malformed"),
            ("M", "malformed"),
            ("X:.+\\.org([/?].*)?:.+\\.com([/?].*)?", "good"),
            ("X:.+evil\\.org:.+paypal\\.com", "good"),
            ("X:.+", "good"),
            ("X:a:(", "malformed"),
            ("Y:.+evil.org", "good"),
            ("R:.+:.+", "malformed"),
            ("H:paypal.com", "malformed"),
            ("x:a:b", "malformed"),
        ] {
            assert_eq!(kind_of(allowed(line)), expected, "{line}");
        }
    }

    #[test]
    fn digests_are_read() {
        let digest = "af983cae1ae76c24880776ff30cee5f6fd05b07f82af01c155e91fccaf8f4ade";
        for (line, expected) in [
            (format!("S1:F:{digest}"), "good"),
            (format!("S1:F:{}", digest.to_uppercase()), "good"),
            (format!("S2:F:{digest}:17-"), "good"),
            (format!("S:W:{digest}"), "good"),
            (format!("S1:F:{digest}:300-"), "not for us"),
            (format!("S1:F:{}", &digest[1..]), "malformed"),
            (format!("S1:F:{digest}0"), "malformed"),
            (format!("S1:F:{}x", &digest[1..]), "malformed"),
            (format!("S1:F:{digest} "), "malformed"),
            (format!("S1:F:{digest}:x"), "malformed"),
            (format!("S1:F:{digest}:"), "malformed"),
            (format!("S1::{digest}"), "malformed"),
            (format!("S1:{digest}"), "malformed"),
            (format!("S:X:{digest}"), "malformed"),
            (format!("T:F:{digest}"), "malformed"),
            (format!("s1:F:{digest}"), "malformed"),
            ("S1:F:".to_owned(), "malformed"),
            ("S1:P:af983cae".to_owned(), "nothing"),
            ("S1:P:af983ca".to_owned(), "malformed"),
            ("S1:P:xxxxxxxx".to_owned(), "malformed"),
        ] {
            assert_eq!(kind_of(protected(&line)), expected, "{line}");
        }
        let lists = ["S", "S1", "S2", "S9"].map(|list| protected(&format!("{list}:F:{digest}")).unwrap());
        let expected = [List::Malware, List::Blocked, List::Imitation, List::Malware];
        for (read, list) in lists.into_iter().zip(expected) {
            assert!(matches!(read, Some(LinkSignature::Blocked(found, [0xaf, ..])) if found == list));
        }
    }
}
