//! The debug log of Windows' DNS server
//! ([reference](https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/cc776361(v=ws.10))), where
//! names are written with the length of each part.

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "windows dns log", marks: &["PACKET "], alone: false, line };

fn line<'l>(_: &mut Vec<String>, line: &'l str) -> Said<'l> {
    let Some((before, rest)) = line.split_once(" PACKET ") else {
        let heading = ["DNS Server log", "Log file wrap", "Message logging key", "\t"];
        return if heading.iter().any(|start| line.starts_with(start)) { Said::Else } else { Said::Foreign };
    };
    // What comes in, and is no answer.
    if !rest.contains(" Rcv ") || rest.contains(" R Q ") {
        return Said::Else;
    }
    // The number of the thread stands behind the time.
    let time = before.rsplit_once(' ').map_or(before, |(time, _)| time);
    match rest.rsplit(' ').next().filter(|name| name.starts_with('(')) {
        Some(target) => Said::Request(Request { target, path: "", time }),
        None => Said::Else,
    }
}

/// `(3)www(7)example(3)com(0)` as `www.example.com`.
pub(super) fn plain(name: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = name;
    while let Some((length, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        let length: usize = length.parse().ok()?;
        let (part, after) = after.split_at_checked(length)?;
        if !part.is_empty() && !plain.is_empty() {
            plain.push('.');
        }
        plain.push_str(part);
        rest = after;
    }
    Some(plain).filter(|plain| !plain.is_empty() && rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::log::tests::said;

    #[test]
    fn queries_that_come_in() {
        let text = "10/5/2024 10:00:00 AM 0E3C PACKET  000001 UDP Rcv 10.0.0.1  0002   Q [0001   D   NOERROR] A      (3)www(7)example(3)com(0)";
        let Said::Request(request) = said(&LOG, text) else { panic!() };
        assert_eq!(request.time, "10/5/2024 10:00:00 AM");
        assert_eq!(plain(request.target).as_deref(), Some("www.example.com"));
        assert_eq!(said(&LOG, &text[..0]), Said::Foreign);
        assert_eq!(plain("(300)x(0)"), None);
    }
}
