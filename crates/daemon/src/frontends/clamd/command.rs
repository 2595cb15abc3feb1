//! Commands as they are sent: with a delimiter that their first letter names, or in one packet as of old.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Most bytes of a command with its delimiter: a path of `PATH_MAX` and some words. clamd 1.4.6 takes 4125.
pub(super) const MOST_BYTES: usize = 4125;

/// How a command ends, and so its replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `zCOMMAND` with NUL.
    Null,
    /// `nCOMMAND` with LF.
    Line,
    /// Without such a letter: whatever came in one packet. Replies end with LF.
    Packet,
}

impl Style {
    /// The byte at the end.
    pub(super) fn delimiter(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Line | Self::Packet => b'\n',
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// PING
    Ping,
    /// VERSION
    Version,
    /// VERSIONCOMMANDS
    Commands,
    /// STATS
    Statistics,
    /// DETSTATS and DETSTATSCLEAR, which clamd itself answers with nothing.
    Nothing,
    /// RELOAD
    Reload,
    /// SHUTDOWN and QUIT
    Shutdown,
    /// IDSESSION
    Session,
    /// END
    End,
    /// INSTREAM
    Stream,
    /// FILDES
    Descriptor,
    /// SCAN and its relatives, with their path.
    Scan(Traversal, PathBuf),
    /// Anything else.
    Unknown,
}

/// What is told of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traversal {
    /// SCAN: the first file with a finding.
    First,
    /// ALLMATCHSCAN: the first file with a finding, and all its names.
    FirstAllNames,
    /// CONTSCAN: all files, in order.
    All,
    /// MULTISCAN: all files, several at once.
    Parallel,
}

/// The words, as VERSIONCOMMANDS tells them.
pub(super) const WORDS: &str = "SCAN QUIT RELOAD PING CONTSCAN VERSIONCOMMANDS VERSION END SHUTDOWN MULTISCAN \
    FILDES STATS IDSESSION INSTREAM DETSTATSCLEAR DETSTATS ALLMATCHSCAN";

const SIMPLE: [(&[u8], Command); 13] = [
    (b"PING", Command::Ping),
    (b"VERSION", Command::Version),
    (b"VERSIONCOMMANDS", Command::Commands),
    (b"STATS", Command::Statistics),
    (b"DETSTATS", Command::Nothing),
    (b"DETSTATSCLEAR", Command::Nothing),
    (b"RELOAD", Command::Reload),
    (b"SHUTDOWN", Command::Shutdown),
    (b"QUIT", Command::Shutdown),
    (b"IDSESSION", Command::Session),
    (b"END", Command::End),
    (b"INSTREAM", Command::Stream),
    (b"FILDES", Command::Descriptor),
];

const SCANS: [(&[u8], Traversal); 4] = [
    (b"SCAN", Traversal::First),
    (b"CONTSCAN", Traversal::All),
    (b"MULTISCAN", Traversal::Parallel),
    (b"ALLMATCHSCAN", Traversal::FirstAllNames),
];

/// A command at the beginning of what was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Framed {
    /// How it ended.
    pub(super) style: Style,
    /// What it is.
    pub(super) command: Command,
    /// Bytes that it took.
    pub(super) bytes: usize,
}

/// The command at the beginning of `received`, or nothing if its end is still to come. Without `z` or `n` it is
/// what came in the first packet.
pub(super) fn next(received: &[u8]) -> Option<Framed> {
    let (style, rest) = match received.split_first()? {
        (b'z', rest) => (Style::Null, rest),
        (b'n', rest) => (Style::Line, rest),
        _ => (Style::Packet, received),
    };
    if style == Style::Packet {
        let end = received.iter().position(|byte| matches!(byte, 0 | b'\n'));
        let mut command = parse(style, received.get(..end.unwrap_or(received.len()))?);
        if command == Command::Descriptor && end.is_none() {
            command = Command::Unknown;
        }
        // What follows is dropped, but for the byte that comes with a descriptor.
        return Some(Framed { style, command, bytes: end.map_or(received.len(), |end| end + 1) });
    }
    let end = rest.iter().position(|byte| *byte == style.delimiter())?;
    // The letter and the delimiter are no part of it.
    Some(Framed { style, command: parse(style, rest.get(..end)?), bytes: end + 2 })
}

fn parse(style: Style, mut words: &[u8]) -> Command {
    if style != Style::Null {
        words = words.split(|byte| *byte == 0).next().unwrap_or_default();
        while let Some((b'\r', rest)) = words.split_last() {
            words = rest;
        }
    }
    let command = SIMPLE.iter().find(|(word, _)| *word == words).map(|(_, command)| command.clone());
    let command = command.or_else(|| scan(words)).unwrap_or(Command::Unknown);
    let new = matches!(
        command,
        Command::Commands
            | Command::Statistics
            | Command::Session
            | Command::End
            | Command::Stream
            | Command::Scan(Traversal::FirstAllNames, _)
    );
    if new && style == Style::Packet { Command::Unknown } else { command }
}

/// One of the commands with a path: clamd takes any byte between the word and the path.
fn scan(words: &[u8]) -> Option<Command> {
    SCANS.iter().find_map(|(word, traversal)| {
        let (_, path) = words.strip_prefix(*word)?.split_first()?;
        Some(Command::Scan(*traversal, Path::new(OsStr::from_bytes(path)).to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(text: &[u8]) -> Option<(Style, Command, usize)> {
        next(text).map(|framed| (framed.style, framed.command, framed.bytes))
    }

    #[test]
    fn each_style_has_its_end() {
        assert_eq!(framed(b"zPING\0more"), Some((Style::Null, Command::Ping, 6)));
        assert_eq!(framed(b"nPING\r\r\n"), Some((Style::Line, Command::Ping, 8)));
        assert_eq!(framed(b"PING\r\n"), Some((Style::Packet, Command::Ping, 6)));
        assert_eq!(framed(b"PING"), Some((Style::Packet, Command::Ping, 4)));
        assert_eq!(framed(b"zPING"), None);
        assert_eq!(framed(b"nPING\0"), None);
        assert_eq!(framed(b""), None);
    }

    #[test]
    fn commands_are_matched_as_clamd_does() {
        for (text, command) in [
            (&b"zPING\n\0"[..], Command::Unknown),
            (b"zPING extra\0", Command::Unknown),
            (b"zping\0", Command::Unknown),
            (b"z\0", Command::Unknown),
            (b"nPING\0x\n", Command::Ping),
            (b"nPIN\0G\n", Command::Unknown),
            (b"STATS\n", Command::Unknown),
            (b"INSTREAM\n", Command::Unknown),
            (b"FILDES\n", Command::Descriptor),
            (b"FILDES", Command::Unknown),
            (b"zSCAN\0", Command::Unknown),
            (b"ALLMATCHSCAN /x\n", Command::Unknown),
            (b"zSCAN /x \0", Command::Scan(Traversal::First, "/x ".into())),
            (b"zMULTISCANx\0", Command::Scan(Traversal::Parallel, "".into())),
            (b"nCONTSCAN /x\r\n", Command::Scan(Traversal::All, "/x".into())),
            (b"SCAN /x\nSCAN /y\n", Command::Scan(Traversal::First, "/x".into())),
        ] {
            assert_eq!(framed(text).unwrap().1, command, "{}", text.escape_ascii());
        }
        for word in WORDS.split(' ').filter(|word| !word.ends_with("SCAN")) {
            assert_ne!(framed(format!("z{word}\0").as_bytes()).unwrap().1, Command::Unknown, "{word}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_framed_within_what_was_received(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(framed) = next(&bytes) {
                prop_assert!(framed.bytes > 0 && framed.bytes <= bytes.len());
            }
        }

        #[test]
        fn a_delimited_command_is_the_same_wherever_it_is_split(
            letter in prop::sample::select(vec![b'z', b'n']),
            words in prop::sample::select(vec!["PING", "SCAN /a b", "INSTREAM", "x\u{1}y", "END\r", ""]),
            more in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let delimiter = if letter == b'z' { 0 } else { b'\n' };
            let mut text = vec![letter];
            text.extend(words.bytes());
            text.push(delimiter);
            let whole = next(&text).unwrap();
            for end in 0..text.len() {
                prop_assert_eq!(next(&text[..end]), None);
            }
            text.extend(more);
            prop_assert_eq!(next(&text), Some(whole));
        }
    }
}
