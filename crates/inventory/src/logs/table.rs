//! Logs of proxies and name servers as CSV with names of columns, as Zscaler, Umbrella and others export them.

use super::{Addresses, Request};
use crate::exports::csv::rows;
use crate::text::{Input, LONGEST};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Table;

const URLS: [&str; 8] =
    ["url", "requesturl", "csurl", "destinationurl", "desturl", "fullurl", "requestedurl", "uri"];
const HOSTS: [&str; 13] = [
    "hostname",
    "host",
    "domain",
    "fqdn",
    "dsthost",
    "desthost",
    "destinationhost",
    "destinationdomain",
    "serverhost",
    "dnsrequest",
    "requesteddomain",
    "query",
    "queryname",
];
const TIMES: [&str; 10] = [
    "time",
    "datetime",
    "timestamp",
    "loggedtime",
    "eventtime",
    "date",
    "logtime",
    "requesttime",
    "starttime",
    "ts",
];
/// What else such a log has, and few other tables.
const OTHERS: [&str; 18] = [
    "action",
    "user",
    "login",
    "clientip",
    "srcip",
    "sourceip",
    "clientaddress",
    "method",
    "requestmethod",
    "statuscode",
    "responsecode",
    "urlcategory",
    "category",
    "categories",
    "mostgranularidentity",
    "internalip",
    "querytype",
    "useragent",
];
/// Lines before the names of columns.
const BEFORE: usize = 5;

/// Places of the columns.
struct Columns {
    separator: u8,
    url: Option<usize>,
    host: Option<usize>,
    time: usize,
}

impl Reader for Table {
    fn name(&self) -> &'static str {
        "proxy csv"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let wide = matches!(subject.head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        (wide || memchr::memchr(0, &subject.head[..subject.head.len().min(64)]).is_none())
            && subject.head_text().lines().take(BEFORE).any(|line| columns(line).is_some())
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut input = Input::new(subject)?;
        let mut found = None;
        for _ in 0..BEFORE {
            let mut line = Vec::new();
            if found.is_some() || !input.until(b'\n', &mut line)? {
                break;
            }
            found = columns(&String::from_utf8_lossy(&line));
        }
        let Some(columns) = found else { return Ok(()) };
        let mut addresses = Addresses::new(self.name());
        let result = rows(subject, input, columns.separator, |fields, line| {
            request(fields, line, &columns, &mut addresses);
            Ok(())
        });
        addresses.tell(facts).and(result)
    }
}

fn request(fields: &[&str], line: u64, columns: &Columns, addresses: &mut Addresses) {
    let field =
        |place: Option<usize>| place.and_then(|place| fields.get(place)).map_or("", |field| field.trim());
    let (url, host) = (field(columns.url), field(columns.host));
    let target = if url.is_empty() || url.starts_with('/') { host } else { url };
    let path = if url.starts_with('/') { url } else { "" };
    addresses.add(&Request { target, path, time: field(Some(columns.time)) }, line);
}

fn columns(line: &str) -> Option<Columns> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let count = |separator: u8| memchr::memchr_iter(separator, line.as_bytes()).count();
    let separator = [b',', b';', b'\t', b'|'].into_iter().max_by_key(|separator| count(*separator))?;
    if count(separator) < 2 || line.len() > LONGEST / 8 {
        return None;
    }
    let plain = |name: &str| -> String {
        name.chars().take(64).filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let names: Vec<String> = line.split(char::from(separator)).map(plain).collect();
    let find = |wanted: &[&str]| wanted.iter().find_map(|name| names.iter().position(|there| there == name));
    find(&OTHERS)?;
    let (url, host) = (find(&URLS), find(&HOSTS));
    (url.is_some() || host.is_some()).then_some(())?;
    Some(Columns { separator, url, host, time: find(&TIMES)? })
}

#[cfg(test)]
mod tests {
    use candor_object::Attribute;

    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let text = "\"Logged Time\",\"User\",\"URL\",\"Action\"\n\"t1\",\"u\",\"a.example/x, y\",\"Allowed\"\n\"t2\",\"u\",\"a.example/x, y\",\"Allowed\"\n";
        let facts = facts_of(&Table, "x.csv", text.as_bytes());
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Url), Some("a.example/x, y"));
        assert_eq!(facts[0].get(Attribute::Count), Some("2"));
        assert_eq!(facts[0].all(Attribute::Time).collect::<Vec<_>>(), ["t1", "t2"]);
        assert!(facts_of(&Table, "x.csv", b"name,host,value\na,b.c,1\n").is_empty());
    }
}
