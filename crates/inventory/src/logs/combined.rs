//! Apache's common and combined logs ([format](https://httpd.apache.org/docs/2.4/logs.html)), of a server that is a proxy: it
//! is asked for whole URLs and for tunnels. Other servers' requests name no host and tell nothing.

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "http log", marks: &[" HTTP/"], alone: true, line };

fn line<'l>(_: &mut Vec<String>, line: &'l str) -> Said<'l> {
    let bracket = line.split_once(" [").and_then(|(_, rest)| rest.split_once("] \""));
    let Some((time, rest)) = bracket else { return Said::Foreign };
    let Some((request, _)) = rest.split_once('"') else { return Said::Foreign };
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if method == "CONNECT" || target.starts_with("http://") || target.starts_with("https://") {
        Said::Request(Request { target, path: "", time })
    } else {
        Said::Else
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::log::tests::said;

    #[test]
    fn only_requests_to_proxies_name_hosts() {
        let text = "10.0.0.5 - - [05/Oct/2024:10:00:00 +0000] \"GET http://a.example/x HTTP/1.1\" 200 5 \"-\" \"agent\"";
        let expected = Request { target: "http://a.example/x", path: "", time: "05/Oct/2024:10:00:00 +0000" };
        assert_eq!(said(&LOG, text), Said::Request(expected));
        let text = "10.0.0.5 - - [05/Oct/2024:10:00:00 +0000] \"GET /x HTTP/1.1\" 200 5";
        assert_eq!(said(&LOG, text), Said::Else);
    }
}
