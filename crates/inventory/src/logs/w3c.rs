//! W3C's extended log ([draft](https://www.w3.org/TR/WD-logfile.html)), which IIS, Blue Coat and others write: a line names the
//! fields of those that follow.

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "w3c log", marks: &["#Fields:"], alone: true, line };

/// Fields that name the host, the whole URL, and the path.
const HOSTS: [&str; 5] = ["cs-host", "cs(host)", "r-host", "cs-uri-host", "s-dnsname"];
const URLS: [&str; 4] = ["cs-uri", "c-uri", "cs(uri)", "cs-url"];
const PATHS: [&str; 3] = ["cs-uri-path", "cs-uri-stem", "cs-uri-query"];

fn line<'l>(names: &mut Vec<String>, line: &'l str) -> Said<'l> {
    if let Some(fields) = line.strip_prefix("#Fields:") {
        *names = fields.split_whitespace().take(256).map(str::to_lowercase).collect();
        return Said::Else;
    }
    if line.starts_with('#') {
        return Said::Else;
    }
    if names.is_empty() {
        return Said::Foreign;
    }
    let values = fields(line);
    let find = |wanted: &[&str]| {
        let places = wanted.iter().filter_map(|field| names.iter().position(|name| name == field));
        places
            .filter_map(|place| values.get(place).copied())
            .find(|value| !matches!(*value, "-" | ""))
            .unwrap_or("")
    };
    let (url, host) = (find(&URLS), find(&HOSTS));
    let target = if url.contains("://") || host.is_empty() { url } else { host };
    // The time alone says little, and the date stands before it.
    let dated =
        names.first().is_some_and(|name| name == "date") && names.get(1).is_some_and(|name| name == "time");
    let time = if dated {
        line.match_indices([' ', '\t']).nth(1).map_or("", |(at, _)| &line[..at])
    } else {
        find(&["gmttime", "timestamp", "time"])
    };
    if target.is_empty() {
        Said::Else
    } else {
        Said::Request(Request { target, path: find(&PATHS[..2]), time })
    }
}

/// The fields of a line; quotes hide blanks.
fn fields(line: &str) -> Vec<&str> {
    let separator = if line.contains('\t') { '\t' } else { ' ' };
    let mut fields = Vec::new();
    let mut rest = line.trim_end();
    while !rest.is_empty() && fields.len() < 256 {
        let (field, after) = match rest.strip_prefix('"').and_then(|inner| inner.split_once('"')) {
            Some((field, after)) => (field, after.strip_prefix(separator).unwrap_or(after)),
            None => rest.split_once(separator).unwrap_or((rest, "")),
        };
        fields.push(field);
        rest = after;
    }
    fields
}

#[cfg(test)]
mod tests {
    use candor_object::Attribute;

    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn fields_have_the_names_that_were_told_last() {
        let text = "#Software: SGOS\n#Version: 1.0\n#Fields: date time c-ip cs-host cs-uri-path cs(User-Agent)\n\
                    2024-10-05 10:00:00 10.0.0.1 a.example /x \"two words\"\n\
                    #Fields: c-ip cs(User-Agent) cs-uri\n10.0.0.1 \"two words\" http://b.example/y\n10.0.0.1 - -\n";
        let facts = facts_of(&LOG, "x.log", text.as_bytes());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].get(Attribute::Url), Some("a.example/x"));
        assert_eq!(facts[0].get(Attribute::Time), Some("2024-10-05 10:00:00"));
        assert_eq!(facts[1].get(Attribute::Host), Some("b.example"));
        assert_eq!(facts[1].get(Attribute::Line), Some("6"));
    }
}
