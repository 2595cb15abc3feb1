//! Zeek's logs of names, pages and certificates ([reference](https://docs.zeek.org/en/master/logs/)), with tabs.

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "zeek log", marks: &["#fields\t"], alone: true, line };

fn line<'l>(names: &mut Vec<String>, line: &'l str) -> Said<'l> {
    if let Some(fields) = line.strip_prefix("#fields\t") {
        *names = fields.split('\t').take(256).map(str::to_owned).collect();
        return Said::Else;
    }
    if line.starts_with('#') {
        return Said::Else;
    }
    let find = |wanted: &str| {
        let place = names.iter().position(|name| name == wanted);
        let value = place.and_then(|place| line.split('\t').nth(place)).unwrap_or("");
        if matches!(value, "-" | "(empty)") { "" } else { value }
    };
    if names.is_empty() {
        return Said::Foreign;
    }
    let host = ["query", "host", "server_name"].iter().map(|name| find(name)).find(|value| !value.is_empty());
    match host {
        Some(target) => Said::Request(Request { target, path: find("uri"), time: find("ts") }),
        None => Said::Else,
    }
}

#[cfg(test)]
mod tests {
    use candor_object::Attribute;

    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn names_and_pages() {
        let text = "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\tanswers\n#types\ttime\tstring\tstring\tset\n\
                    1728115200.5\tC1\ta.example\t-\n1728115201.5\tC2\t-\t-\n1728115202.5\tC3\ta.example\t-\n#close\tx\n";
        let facts = facts_of(&LOG, "dns.log", text.as_bytes());
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Count), Some("2"));
        assert_eq!(facts[0].all(Attribute::Time).collect::<Vec<_>>(), ["1728115200.5", "1728115202.5"]);
        let text = "#fields\tts\thost\turi\n1.0\tb.example\t/index/u1313g.xml\n";
        assert_eq!(
            facts_of(&LOG, "http.log", text.as_bytes())[0].get(Attribute::Url),
            Some("b.example/index/u1313g.xml")
        );
    }
}
