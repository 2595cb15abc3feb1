//! The table `[clamd]` of the configuration.

use std::fmt;
use std::time::Duration;

use candor_object::{Gap, Limit, Reason};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::configuration::quantities::{Bytes, Time};
use crate::listener::{Address, Peer};

/// The table `[clamd]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where clients connect.
    pub(crate) listen: Vec<Address>,
    /// Clients at once at each address; more wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Permissions of Unix sockets, octal as in `0o660`.
    pub(crate) socket_mode: u32,
    /// Scans at once of one session, and of one MULTISCAN; at least one.
    pub(crate) parallel: usize,
    /// Most bytes of a stream.
    pub(crate) stream_bytes: Bytes,
    /// From the connection to the end of its first command.
    pub(crate) command_timeout: Time,
    /// For which a client may send nothing in a stream, or in a session in which nothing is under way.
    pub(crate) read_timeout: Time,
    /// For a client to take a line of the reply.
    pub(crate) send_timeout: Time,
    /// Whose paths are scanned.
    pub(crate) paths: Clients,
    /// Who may have the databases opened again.
    pub(crate) reload: Clients,
    /// Who may end the service.
    pub(crate) shutdown: Clients,
    /// Whether ALLMATCHSCAN is answered.
    pub(crate) all_matches: bool,
    /// What is said of a file with gaps and without findings.
    pub(crate) gaps: Gaps,
    /// Kinds of gaps that are told as FOUND, in ClamAV's names such as `Heuristics.Encrypted.Zip`.
    pub(crate) found: Vec<FoundGap>,
    /// Folders that are gone into below a named one.
    pub(crate) depth: usize,
    /// What is told of a path that one of these expressions matches is `Excluded`.
    pub(crate) exclude: Vec<Exclusion>,
    /// Which symbolic links are followed.
    pub(crate) follow: Follow,
    /// Whether folders of other file systems are gone into.
    pub(crate) other_file_systems: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            connections: 100,
            socket_mode: 0o660,
            parallel: 8,
            stream_bytes: Bytes(100 << 20),
            command_timeout: Time::seconds(30),
            read_timeout: Time::seconds(120),
            send_timeout: Time::seconds(10),
            paths: Clients::Local,
            reload: Clients::Local,
            shutdown: Clients::Owner,
            all_matches: true,
            gaps: Gaps::Pass,
            found: Vec::new(),
            depth: 15,
            exclude: Vec::new(),
            follow: Follow::Nothing,
            other_file_systems: true,
        }
    }
}

/// Longer than anybody waits, and still a time that the clock can add.
const CENTURY: Duration = Duration::from_secs(3_155_760_000);

impl Settings {
    /// From the connection to the end of its first command.
    pub(super) fn command_patience(&self) -> Duration {
        self.command_timeout.0.min(CENTURY)
    }

    /// For which a client may send nothing.
    pub(super) fn read_patience(&self) -> Duration {
        self.read_timeout.0.min(CENTURY)
    }
}

/// Some of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Clients {
    /// Nobody.
    None,
    /// Root and the service's own user, through a Unix socket.
    Owner,
    /// Whoever may open a Unix socket.
    Local,
    /// Whoever connects.
    All,
}

impl Clients {
    /// Whether a client is one of them.
    pub(super) fn include(self, peer: Peer) -> bool {
        match (self, peer) {
            (Self::None, _) | (Self::Owner | Self::Local, Peer::Remote(_)) => false,
            (Self::Owner, Peer::Local { user, .. }) => is_owner(user),
            (Self::Local, Peer::Local { .. }) | (Self::All, _) => true,
        }
    }
}

/// Whether a user may do anyhow what the service may do: root, and the service's own user.
pub(super) fn is_owner(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// What is said of a file with gaps and without findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gaps {
    /// `OK` as clamd says, and a line in the log; but ERROR where the scan failed.
    Pass,
    /// `Not fully examined: REASON. ERROR`.
    Report,
}

/// A kind of gap that can be told as FOUND.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FoundGap {
    /// Encrypted content.
    Encrypted,
    /// A limit was reached.
    Limit,
    /// The scan itself failed, of which clients that do not understand ERROR would learn nothing.
    Failed,
}

impl FoundGap {
    /// ClamAV's name for a gap of this kind, if it is one. `file_type` is the name of the object's type.
    pub(super) fn name(self, gap: &Gap, file_type: &str) -> Option<String> {
        match (self, gap.reason) {
            (Self::Encrypted, Reason::Encrypted) => {
                let mut letters = file_type.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                let of: String =
                    first.into_iter().chain(letters).filter(char::is_ascii_alphanumeric).collect();
                Some(format!("Heuristics.Encrypted.{of}"))
            }
            (Self::Limit, Reason::Limit(limit)) => {
                let which = match limit {
                    Limit::Objects => "MaxFiles",
                    Limit::Depth => "MaxRecursion",
                    Limit::UnpackedBytes | Limit::HeldBytes => "MaxScanSize",
                    Limit::ObjectBytes => "MaxFileSize",
                    Limit::Time => "MaxScanTime",
                };
                Some(format!("Heuristics.Limits.Exceeded.{which}"))
            }
            (Self::Failed, reason) if reason.is_failure() => {
                Some("Heuristics.Limits.Exceeded.ScanFailed".into())
            }
            _ => None,
        }
    }
}

/// Which symbolic links are followed below a named folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Follow {
    /// None.
    Nothing,
    /// Those to files.
    Files,
    /// Those to folders.
    Folders,
    /// All.
    All,
}

impl Follow {
    /// Whether links to files are followed.
    pub(crate) fn files(self) -> bool {
        matches!(self, Self::Files | Self::All)
    }

    /// Whether links to folders are followed.
    pub(crate) fn folders(self) -> bool {
        matches!(self, Self::Folders | Self::All)
    }
}

/// A regular expression over paths.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Exclusion(Regex);

impl Exclusion {
    /// Whether it matches somewhere in the path.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        self.0.is_match(path)
    }
}

impl TryFrom<String> for Exclusion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Paths are bytes and need not be UTF-8.
        let built = RegexBuilder::new(&text).unicode(false).size_limit(1 << 20).build();
        built.map(Self).map_err(|error| format!("\"{text}\" is no regular expression: {error}"))
    }
}

impl From<Exclusion> for String {
    fn from(exclusion: Exclusion) -> Self {
        exclusion.0.as_str().to_owned()
    }
}

impl fmt::Debug for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use candor_object::ObjectId;

    use super::*;

    #[test]
    fn the_table_is_read() {
        let text = r#"
            listen = ["unix:/run/candor/clamd.sock", "tcp:127.0.0.1:3310"]
            socket_mode = 0o666
            paths = "all"
            gaps = "report"
            found = ["encrypted", "limit"]
            exclude = ["^/proc/", "\\.iso$"]
            follow = "files"
        "#;
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!((settings.listen.len(), settings.socket_mode, settings.depth), (2, 0o666, 15));
        assert_eq!((settings.paths, settings.gaps), (Clients::All, Gaps::Report));
        assert!(settings.exclude.iter().any(|exclusion| exclusion.matches(b"/proc/1/\xff")));
        assert!(settings.follow.files() && !settings.follow.folders());
        assert!(toml::from_str::<Settings>("exclude = [\"(\"]").is_err());
        assert!(toml::from_str::<Settings>("path = \"all\"").is_err());
    }

    #[test]
    fn clients_are_told_apart() {
        let remote = Peer::Remote("127.0.0.1:1".parse().unwrap());
        let local = Peer::Local { user: 4_000_000_000, process: 1 };
        let root = Peer::Local { user: 0, process: 1 };
        let included = |clients: Clients| [remote, local, root].map(|peer| clients.include(peer));
        assert_eq!(included(Clients::None), [false, false, false]);
        assert_eq!(included(Clients::Owner), [false, false, true]);
        assert_eq!(included(Clients::Local), [false, true, true]);
        assert_eq!(included(Clients::All), [true, true, true]);
    }

    #[test]
    fn gaps_have_the_names_that_mail_filters_look_for() {
        let gap = |reason| Gap { object: ObjectId::ROOT, reason, detail: String::new() };
        let encrypted = gap(Reason::Encrypted);
        assert_eq!(FoundGap::Encrypted.name(&encrypted, "zip").unwrap(), "Heuristics.Encrypted.Zip");
        assert_eq!(FoundGap::Limit.name(&encrypted, "zip"), None);
        assert_eq!(FoundGap::Failed.name(&encrypted, "zip"), None);
        let crashed = FoundGap::Failed.name(&gap(Reason::Crashed), "").unwrap();
        assert_eq!(crashed, "Heuristics.Limits.Exceeded.ScanFailed");
        let depth = gap(Reason::Limit(Limit::Depth));
        assert_eq!(FoundGap::Limit.name(&depth, "").unwrap(), "Heuristics.Limits.Exceeded.MaxRecursion");
    }
}
