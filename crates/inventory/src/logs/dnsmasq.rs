//! Queries in the log of dnsmasq, and so of Pi-hole ([manual](https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html), `log-queries`).

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "dnsmasq log", marks: &["dnsmasq["], alone: false, line };

fn line<'l>(_: &mut Vec<String>, line: &'l str) -> Said<'l> {
    let Some((time, rest)) = line.split_once(" dnsmasq[") else { return Said::Foreign };
    // With `log-queries=extra` a number and the client stand before it.
    let query = rest.split_once(" query[").and_then(|(_, query)| query.split_once("] "));
    let Some((_, query)) = query else { return Said::Else };
    Said::Request(Request { target: query.split(' ').next().unwrap_or(""), path: "", time })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::log::tests::said;

    #[test]
    fn queries_and_no_answers() {
        let text = "Oct  5 10:00:00 dnsmasq[123]: query[A] a.example from 10.0.0.1";
        assert_eq!(
            said(&LOG, text),
            Said::Request(Request { target: "a.example", path: "", time: "Oct  5 10:00:00" })
        );
        assert_eq!(said(&LOG, "Oct  5 10:00:00 dnsmasq[123]: reply a.example is 1.2.3.4"), Said::Else);
    }
}
