//! Squid's native log ([format](https://wiki.squid-cache.org/Features/LogFormat)).

use super::{Log, Request, Said};

pub(crate) static LOG: Log =
    Log { name: "squid log", marks: &["TCP_", "UDP_", "NONE", "TAG_"], alone: true, line };

fn line<'l>(_: &mut Vec<String>, line: &'l str) -> Said<'l> {
    // Time, milliseconds, client, result/status, bytes, method, URL.
    let mut words = line.split_ascii_whitespace();
    let (Some(time), Some(elapsed), Some(_), Some(result)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Said::Foreign;
    };
    let seconds =
        time.split_once('.').is_some_and(|(seconds, _)| seconds.bytes().all(|byte| byte.is_ascii_digit()));
    let known = ["TCP_", "UDP_", "NONE", "TAG_", "DENIED"].iter().any(|start| result.starts_with(start));
    let (Some(_), Some(_), Some(target)) = (words.next(), words.next(), words.next()) else {
        return Said::Foreign;
    };
    if !seconds || !known || elapsed.parse::<i64>().is_err() {
        return Said::Foreign;
    }
    Said::Request(Request { target, path: "", time })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::log::tests::said;

    #[test]
    fn urls_and_tunnels() {
        let target = "http://kav8.zonealarm.com/v6/index/u1313g.xml";
        let text = "1728115200.123    180 10.0.0.5 TCP_MISS/200 411 GET http://kav8.zonealarm.com/v6/index/u1313g.xml - HIER_DIRECT/1.2.3.4 text/xml";
        assert_eq!(said(&LOG, text), Said::Request(Request { target, path: "", time: "1728115200.123" }));
        let text =
            "1728115200.123 5 10.0.0.5 TCP_TUNNEL/200 39 CONNECT a.example:443 - HIER_DIRECT/1.2.3.4 -";
        assert!(matches!(said(&LOG, text), Said::Request(Request { target: "a.example:443", .. })));
        assert_eq!(said(&LOG, "1.5 a b TCP_MISS/200 1 GET x"), Said::Foreign);
    }
}
