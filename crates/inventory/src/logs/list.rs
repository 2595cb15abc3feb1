//! A plain list of hosts, one on each line, in a file that says in its name what it is.

use super::{Addresses, Request};
use crate::text::numbered_lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct List;

/// Words one of which is in the name of such a file: a list of file names looks like one of hosts.
const WORDS: [&str; 7] = ["host", "dns", "domain", "url", "proxy", "fqdn", "contacted"];

impl Reader for List {
    fn name(&self) -> &'static str {
        "list of hosts"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let name = subject.file_name().to_lowercase();
        if !WORDS.iter().any(|word| name.contains(word)) || memchr::memchr(0, subject.head).is_some() {
            return false;
        }
        let text = subject.head_text();
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .take(8)
            .peekable();
        // The last line of the head may be cut.
        lines.peek().is_some()
            && lines.all(|line| host(line).is_some() || text.ends_with(line))
            && text.lines().any(|line| host(line.trim()).is_some())
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut addresses = Addresses::new(self.name());
        let result = numbered_lines(subject, |number, line| {
            if let Some(target) = host(line.trim()) {
                addresses.add(&Request { target, path: "", time: "" }, number);
            }
            Ok(())
        });
        addresses.tell(facts).and(result)
    }
}

/// A line that is a host or a URL and nothing else.
fn host(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("http://").or_else(|| line.strip_prefix("https://"));
    let authority = rest.unwrap_or(line).split('/').next()?;
    let host = authority.split(':').next()?.trim_end_matches('.');
    let top = host.rsplit('.').next()?;
    let plain = |part: &str| {
        !part.is_empty() && part.len() < 64 && part.chars().all(|c| c.is_alphanumeric() || "-_".contains(c))
    };
    (host.contains('.') && host.split('.').all(plain) && top.len() > 1
        || host.parse::<std::net::IpAddr>().is_ok())
    .then_some(line)
    .filter(|line| !line.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use candor_object::Attribute;

    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn lists_say_what_they_are() {
        let text = b"# seen\nA.example.\nhttps://b.example/x\n10.0.0.1\n";
        let facts = facts_of(&List, "hosts-seen.txt", text);
        let hosts: Vec<_> = facts.iter().map(|fact| fact.get(Attribute::Host).unwrap()).collect();
        assert_eq!(hosts, ["a.example", "b.example", "10.0.0.1"]);
        assert!(facts_of(&List, "files.txt", text).is_empty());
        assert!(facts_of(&List, "hosts", b"127.0.0.1 localhost\n").is_empty());
    }
}
