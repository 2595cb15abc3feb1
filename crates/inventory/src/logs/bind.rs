//! Queries in BIND's log ([manual](https://bind9.readthedocs.io/en/stable/reference.html)), also through syslog.

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "bind query log", marks: &[" query: "], alone: false, line };

fn line<'l>(_: &mut Vec<String>, line: &'l str) -> Said<'l> {
    let Some((before, query)) = line.split_once(" query: ") else {
        return if line.contains(" named[") { Said::Else } else { Said::Foreign };
    };
    let mut words = query.split(' ');
    let (Some(target), Some("IN" | "CH" | "HS")) = (words.next(), words.next()) else { return Said::Foreign };
    let end =
        ["queries:", "named[", "client "].iter().filter_map(|word| before.find(word)).min().unwrap_or(0);
    Said::Request(Request { target, path: "", time: before[..end].trim() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::log::tests::said;

    #[test]
    fn queries() {
        let text = "05-Oct-2024 10:00:00.123 queries: info: client @0x7f 10.0.0.1#5353 (a.example): query: a.example IN A +E(0)K (10.0.0.53)";
        let expected = Request { target: "a.example", path: "", time: "05-Oct-2024 10:00:00.123" };
        assert_eq!(said(&LOG, text), Said::Request(expected));
        assert_eq!(said(&LOG, "select query: x y z"), Said::Foreign);
    }
}
