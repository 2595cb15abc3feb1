//! A scan under `strace`, which sees every call that has to do with sockets, of every process.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use super::scan;

/// Calls that may be seen: they make pairs of sockets, and use what is there.
const HARMLESS: [&str; 6] = ["socketpair", "sendmsg", "recvmsg", "setsockopt", "getsockopt", "shutdown"];
/// How calls are told that only make or use pairs of Unix sockets.
const UNIX: &str = "AF_UNIX";

/// What `strace` saw.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The calls, with how often they were made.
    pub(super) calls: BTreeMap<String, usize>,
    /// How many of the unique texts were in what was sent.
    pub(super) sent: usize,
    /// How many there were.
    known: usize,
    /// What should not have been seen.
    pub(super) holes: Vec<String>,
}

/// Scans under `strace`. The inner error says why that cannot be shown here.
pub(super) fn traced_scan(path: &Path, canaries: &[String]) -> anyhow::Result<Result<Trace, String>> {
    let file = tempfile::NamedTempFile::new()?;
    let inner = scan(path)?;
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "65536", "-e", "trace=network", "-o"]).arg(file.path());
    command.arg(inner.get_program()).args(inner.get_args());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Ok(Err(format!("strace cannot be started ({error}); it is an extra"))),
    };
    if !matches!(output.status.code(), Some(0 | 1 | 3)) {
        let complaint = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
        return Ok(Err(format!("the scan did not run under strace ({}): {complaint}", output.status)));
    }
    let text = fs::read(file.path()).context("what strace wrote")?;
    Ok(Ok(read(&String::from_utf8_lossy(&text), canaries)))
}

/// Reads what `strace` wrote.
fn read(text: &str, canaries: &[String]) -> Trace {
    let mut trace = Trace { known: canaries.len(), ..Trace::default() };
    for line in text.lines() {
        // A line is: number of the process, call(arguments) = result. What goes on later has its name again.
        let Some((_, line)) = line.split_once(' ') else { continue };
        let Some((name, rest)) = line.trim_start().split_once('(') else { continue };
        if !name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        {
            continue;
        }
        let harmless = HARMLESS.contains(&name) && (name != "socketpair" || rest.starts_with(UNIX));
        if !harmless && trace.holes.len() < 20 {
            let short: String = line.chars().take(120).collect();
            trace.holes.push(format!("a process of the scan made the call {short}"));
        }
        *trace
            .calls
            .entry(if name == "socketpair" { format!("{name} {UNIX}") } else { name.to_owned() })
            .or_default() += 1;
    }
    trace.sent = canaries.iter().filter(|canary| text.contains(canary.as_str())).count();
    trace
}

impl Trace {
    /// What is to be said of the unique texts.
    pub(super) fn canaries(&self) -> String {
        match (self.known, self.sent) {
            (0, _) => "no unique texts were looked for, since the files are not ours".to_owned(),
            (known, sent) => format!(
                "{sent} of {known} unique texts were in what processes sent to each other over sockets"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_harmless_and_other_sockets_are_not() {
        let text = "7 socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, [3, 4]) = 0\n\
                    7 sendmsg(3, {msg_name=NULL}, MSG_NOSIGNAL <unfinished ...>\n\
                    8 recvmsg(3, {msg_name=NULL}, MSG_CMSG_CLOEXEC) = 5\n\
                    7 <... sendmsg resumed>) = 5\n\
                    8 +++ exited with 0 +++\n";
        let trace = read(text, &[]);
        assert!(trace.holes.is_empty(), "{trace:?}");
        assert_eq!(trace.calls.values().sum::<usize>(), 3);
        for out in [
            "7 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3",
            "7 connect(3, {sa_family=AF_UNIX, sun_path=\"/run/x\"}, 10) = 0",
            "7 socketpair(AF_TIPC, SOCK_STREAM, 0, [3, 4]) = 0",
        ] {
            assert_eq!(read(out, &[]).holes.len(), 1, "{out}");
        }
    }

    #[test]
    fn unique_texts_are_counted() {
        let canaries = ["abc".to_owned(), "def".to_owned()];
        let trace = read("7 sendmsg(3, {iov_base=\"abc\"}, 0) = 3", &canaries);
        assert_eq!((trace.sent, trace.known), (1, 2));
    }
}
