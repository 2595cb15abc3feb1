//! Queries in the log of Unbound ([manual](https://unbound.docs.nlnetlabs.nl/en/latest/manpages/unbound.conf.html), `log-queries`,
//! `log-replies`).

use super::{Log, Request, Said};

pub(crate) static LOG: Log = Log { name: "unbound log", marks: &["unbound"], alone: false, line };

fn line<'l>(_: &mut Vec<String>, line: &'l str) -> Said<'l> {
    let Some((before, rest)) = line.split_once("] info: ") else {
        return if line.contains("unbound") { Said::Else } else { Said::Foreign };
    };
    let Some(at) = before.find("unbound") else { return Said::Foreign };
    let words: Vec<&str> = rest.split(' ').take(6).collect();
    // Client, name, type, class; replies go on, and are not counted twice.
    let words = words.strip_prefix(&["query:"]).unwrap_or(&words);
    match words {
        [_, target, _, "IN"] => {
            let time = before[..at].trim().trim_matches(['[', ']']);
            Said::Request(Request { target, path: "", time })
        }
        _ => Said::Else,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::log::tests::said;

    #[test]
    fn queries_and_no_replies() {
        let text = "[1728115200] unbound[12:0] info: 10.0.0.1 a.example. A IN";
        assert_eq!(
            said(&LOG, text),
            Said::Request(Request { target: "a.example.", path: "", time: "1728115200" })
        );
        let text = "[1728115200] unbound[12:0] info: 10.0.0.1 a.example. A IN NOERROR 0.01 0 50";
        assert_eq!(said(&LOG, text), Said::Else);
    }
}
