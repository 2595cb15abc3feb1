//! Counts requests, in bounded memory however long the log is.

use std::collections::HashMap;

use candor_object::{Attribute, FactKind};

use super::windows_dns::plain;
use crate::{Error, Facts};

/// Most different paths that are told apart; what comes later is counted under its host.
const PATHS: usize = 20_000;
/// Most hosts that are counted without a path.
const HOSTS: usize = 100_000;
/// Longest host and path that are told, in bytes.
const LONGEST_HOST: usize = 255;
const LONGEST_PATH: usize = 256;
const LONGEST_URL: usize = 1024;
const LONGEST_TIME: usize = 48;

/// A request in a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request<'l> {
    /// A host, with or without a port, or a whole URL.
    pub(super) target: &'l str,
    /// The path, where the target is a host.
    pub(super) path: &'l str,
    /// As the log writes it.
    pub(super) time: &'l str,
}

#[derive(Debug)]
struct Seen {
    host: String,
    url: String,
    count: u64,
    line: u64,
    first: String,
    last: String,
}

/// The hosts of a log.
pub(super) struct Addresses {
    source: &'static str,
    seen: Vec<Seen>,
    /// Places in `seen`, by host and path; a host alone where there were too many paths.
    places: HashMap<String, usize>,
    paths: usize,
    /// Requests whose host is not told.
    beyond: u64,
}

impl Addresses {
    pub(super) fn new(source: &'static str) -> Self {
        Self { source, seen: Vec::new(), places: HashMap::new(), paths: 0, beyond: 0 }
    }

    pub(super) fn add(&mut self, request: &Request<'_>, line: u64) {
        // Windows' DNS server writes the length of each part before it.
        let counted = request.target.starts_with('(').then(|| plain(request.target)).flatten();
        let (target, path) = parts(counted.as_deref().unwrap_or(request.target));
        let path = if path.is_empty() { request.path } else { path };
        let host = host_of(target);
        if host.is_empty() || host.len() > LONGEST_HOST || !host.contains(['.', ':']) {
            return;
        }
        let short = cut(path.split(['?', '#']).next().unwrap_or(""), LONGEST_PATH);
        let mut key = format!("{host}{short}");
        let mut with_path = true;
        if !self.places.contains_key(&key) && self.paths >= PATHS {
            key.truncate(host.len());
            with_path = false;
        }
        let last = cut(request.time, LONGEST_TIME);
        if let Some(seen) = self.places.get(&key).and_then(|place| self.seen.get_mut(*place)) {
            seen.count += 1;
            last.clone_into(&mut seen.last);
            return;
        }
        if self.seen.len() >= PATHS + HOSTS {
            self.beyond += 1;
            return;
        }
        self.paths += usize::from(with_path);
        let url =
            if with_path && !path.is_empty() { request_url(request, &host, path) } else { String::new() };
        let first = last.to_owned();
        self.places.insert(key, self.seen.len());
        self.seen.push(Seen { host, url, count: 1, line, last: first.clone(), first });
    }

    /// Tells all hosts, in the order in which they were met.
    pub(super) fn tell(self, facts: &mut Facts<'_>) -> Result<(), Error> {
        for seen in &self.seen {
            let (count, line) = (seen.count.to_string(), seen.line.to_string());
            let last = if seen.last == seen.first { "" } else { seen.last.as_str() };
            facts.add(
                FactKind::Address,
                &[
                    (Attribute::Host, &seen.host),
                    (Attribute::Url, &seen.url),
                    (Attribute::Count, &count),
                    (Attribute::Time, &seen.first),
                    (Attribute::Time, last),
                    (Attribute::Source, self.source),
                    (Attribute::Line, &line),
                ],
            )?;
        }
        if self.beyond > 0 {
            let what = format!("{} requests to more hosts than are counted are not told", self.beyond);
            return Err(Error::Unsupported(what));
        }
        Ok(())
    }
}

fn request_url(request: &Request<'_>, host: &str, path: &str) -> String {
    let url = if request.target.contains("://") {
        request.target.to_owned()
    } else {
        format!("{host}{}{path}", if path.starts_with('/') { "" } else { "/" })
    };
    cut(&url, LONGEST_URL).to_owned()
}

/// The authority and the path of a URL; a path begins with a slash.
fn parts(target: &str) -> (&str, &str) {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at))
}

/// The host of an authority, in small letters, without user, port and the dot at its end.
fn host_of(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or("").trim();
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(""),
        // More than one colon is an address of version 6 without a port.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or(""),
        None => host,
    };
    let host = host.trim_end_matches('.').to_lowercase();
    let plain = host.chars().all(|c| c.is_alphanumeric() || ".-_:".contains(c));
    if plain { host } else { String::new() }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use candor_object::{Fact, ObjectId};

    use super::*;

    fn told(addresses: Addresses) -> (Vec<Fact>, Result<(), Error>) {
        let (mut all, mut text) = (Vec::new(), 0);
        let result = addresses.tell(&mut Facts::new(ObjectId::ROOT, &mut all, &mut text));
        (all, result)
    }

    #[test]
    fn hosts_are_normal_and_counted_by_path() {
        let mut addresses = Addresses::new("test");
        for (line, target) in [
            "http://u@A.example:80/p?q=1",
            "https://a.example./p?q=2",
            "a.example:443",
            "[::1]:53",
            "localhost",
            "a b.c",
        ]
        .into_iter()
        .enumerate()
        {
            addresses.add(&Request { target, path: "", time: &format!("t{line}") }, line as u64 + 1);
        }
        let (facts, result) = told(addresses);
        result.unwrap();
        assert_eq!(facts.len(), 3);
        assert_eq!(facts[0].get(Attribute::Url), Some("http://u@A.example:80/p?q=1"));
        assert_eq!(facts[0].get(Attribute::Count), Some("2"));
        assert_eq!(facts[0].all(Attribute::Time).collect::<Vec<_>>(), ["t0", "t1"]);
        assert_eq!(facts[1].get(Attribute::Host), Some("a.example"));
        assert_eq!(facts[2].get(Attribute::Host), Some("::1"));
    }

    #[test]
    fn memory_is_bounded_and_hosts_are_still_counted() {
        let mut addresses = Addresses::new("test");
        for number in 0..PATHS as u64 + 10 {
            addresses
                .add(&Request { target: &format!("http://a.example/{number}"), path: "", time: "" }, number);
        }
        for number in 0..HOSTS + 10 {
            addresses.add(&Request { target: &format!("{number}.example"), path: "", time: "" }, 0);
        }
        assert_eq!(addresses.seen.len(), PATHS + HOSTS);
        assert_eq!(addresses.seen[PATHS].host, "a.example");
        assert_eq!(addresses.seen[PATHS].count, 10);
        let (_, result) = told(addresses);
        assert!(matches!(result, Err(Error::Unsupported(_))));
    }
}
