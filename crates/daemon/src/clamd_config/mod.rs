//! Reads ClamAV's clamd.conf, so that a service can be exchanged without writing its settings anew.
//!
//! Source: the manual page clamd.conf(5) of ClamAV 1.4.6. Every option is used or has a note with its line that
//! says why not; what is unknown or has a wrong value has one too. What is not written gets clamd's own default
//! where that changes who may do what or what is reported, and Candor's everywhere else.

mod options;
mod values;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::configuration::bounds;
use crate::configuration::quantities::{Bytes, Time};
use crate::frontends::clamd::{self, Clients, Exclusion, Follow, FoundGap};
use crate::listener::Address;
use options::{Fate, fate};

/// What a clamd.conf comes to.
#[derive(Clone, Debug)]
pub(crate) struct Translated {
    /// The settings of the front-end.
    pub(crate) clamd: clamd::Settings,
    /// What it says about the service.
    pub(crate) service: ServiceOptions,
    /// What there is to say about it, by line.
    pub(crate) notes: Vec<Note>,
}

/// What clamd.conf says about the service; what it does not say is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceOptions {
    /// `TemporaryDirectory`: the folder for content that is too long for memory.
    pub(crate) temporary: Option<PathBuf>,
    /// `User`: whom to become.
    pub(crate) user: Option<String>,
    /// `LogFile`
    pub(crate) log_file: Option<PathBuf>,
    /// `LogVerbose` or `Debug`: whether every scan is logged.
    pub(crate) log_everything: Option<bool>,
    /// `MaxThreads`: scans at once.
    pub(crate) workers: Option<NonZeroUsize>,
    /// `DisableCache` and `CacheSize`: reports to remember; zero for none.
    pub(crate) remembered: Option<usize>,
    /// `DetectPUA`, which is off where it is not written: whether unwanted programs are reported.
    pub(crate) report_unwanted: Option<bool>,
    /// `PhishingScanURLs`: whether links in mails are reported.
    pub(crate) report_links: Option<bool>,
    /// `AlertPhishingSSLMismatch`: whether those count that show `https` and lead elsewhere.
    pub(crate) report_unencrypted_links: Option<bool>,
    /// `AlertPhishingCloak`: whether those count that hide their host.
    pub(crate) report_cloaked_links: Option<bool>,
    /// `MaxScanTime`
    pub(crate) time: Option<Duration>,
    /// `MaxFiles`
    pub(crate) objects: Option<u32>,
    /// `MaxRecursion`
    pub(crate) depth: Option<u32>,
    /// `MaxScanSize`, in bytes.
    pub(crate) unpacked_bytes: Option<u64>,
    /// `MaxFileSize`, in bytes; a file itself may be longer.
    pub(crate) object_bytes: Option<u64>,
}

/// A remark about an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Its line, from 1; 0 for what is not written.
    pub(crate) line: usize,
    /// Its name, or what stands in its place; not to be trusted.
    pub(crate) option: String,
    /// What kind of remark.
    pub(crate) kind: Kind,
    /// The remark.
    pub(crate) text: String,
}

/// What kind of remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The service should not start: clamd would not either.
    Wrong,
    /// There is no such option; it is skipped.
    Unknown,
    /// What it asks for is not done.
    Missing,
    /// It has no meaning here.
    Pointless,
    /// It is used, and something about that should be known.
    Used,
}

impl Kind {
    /// The words for people and programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
            Self::Missing => "not done",
            Self::Pointless => "without meaning here",
            Self::Used => "used",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.word();
        let Self { line, option, text, .. } = self;
        write!(f, "line {line}: {}: {kind}: {text}", option.escape_debug())
    }
}

impl Translated {
    /// The same as keys of our own configuration, with their values.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, such as a path that is no UTF-8.
    pub(crate) fn keys(&self) -> Result<Vec<(String, toml::Value)>, toml::ser::Error> {
        let Self { clamd, service, .. } = self;
        let mut keys: Vec<(String, toml::Value)> = toml::Table::try_from(clamd)?
            .into_iter()
            .map(|(key, value)| (format!("clamd.{key}"), value))
            .collect();
        let mut add = |key: &str, value: Option<toml::Value>| {
            keys.extend(value.map(|value| (key.to_owned(), value)));
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(toml::Value::try_from).transpose();
        let number = |number: Option<u64>| number.map(toml::Value::try_from).transpose();
        add("service.user", service.user.clone().map(toml::Value::from));
        add("service.temporary", path(&service.temporary)?);
        add("service.workers", service.workers.map(toml::Value::try_from).transpose()?);
        add("log.file", path(&service.log_file)?);
        add("log.level", service.log_everything.filter(|all| *all).map(|_| "debug".into()));
        add("cache.reports", service.remembered.map(toml::Value::try_from).transpose()?);
        add("policy.report_unwanted", service.report_unwanted.map(toml::Value::from));
        add("policy.report_links", service.report_links.map(toml::Value::from));
        add("policy.report_unencrypted_links", service.report_unencrypted_links.map(toml::Value::from));
        add("policy.report_cloaked_links", service.report_cloaked_links.map(toml::Value::from));
        add("limits.time", service.time.map(|time| format!("{}ms", time.as_millis()).into()));
        add("limits.objects", number(service.objects.map(u64::from))?);
        add("limits.depth", number(service.depth.map(u64::from))?);
        add("limits.unpacked_bytes", number(service.unpacked_bytes)?);
        add("limits.object_bytes", number(service.object_bytes)?);
        Ok(keys)
    }
}

/// What the text of a clamd.conf comes to.
pub(crate) fn read(text: &str) -> Translated {
    // What clamd itself does where nothing is written.
    let settings = clamd::Settings { socket_mode: 0o666, parallel: 10, ..clamd::Settings::default() };
    let mut reader = Reader {
        settings,
        service: ServiceOptions { report_unwanted: Some(false), ..ServiceOptions::default() },
        notes: Vec::new(),
        addresses: Vec::new(),
        port: None,
        remembered: None,
        line: 0,
    };
    // Editors of other systems begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        reader.line = number + 1;
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let (option, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            reader.option(option, value.trim().trim_matches('"'));
        }
    }
    reader.line = 0;
    reader.end()
}

struct Reader {
    settings: clamd::Settings,
    service: ServiceOptions,
    notes: Vec<Note>,
    addresses: Vec<IpAddr>,
    port: Option<u16>,
    /// What CacheSize says, for the case that DisableCache says nothing.
    remembered: Option<usize>,
    line: usize,
}

impl Reader {
    fn note(&mut self, option: &str, kind: Kind, text: impl Into<String>) {
        self.notes.push(Note { line: self.line, option: option.to_owned(), kind, text: text.into() });
    }

    fn option(&mut self, option: &str, value: &str) {
        match fate(option) {
            None => self.note(option, Kind::Unknown, "clamd 1.4.6 has no such option"),
            Some(Fate::Pointless(why)) => self.note(option, Kind::Pointless, why),
            Some(Fate::Missing(why)) => self.note(option, Kind::Missing, why),
            Some(Fate::Used) if value.is_empty() && option != "Example" => {
                self.note(option, Kind::Wrong, "it needs a value");
            }
            Some(Fate::Used) => {
                if let Err(why) = self.used(option, value) {
                    self.note(option, Kind::Wrong, why);
                }
            }
        }
    }

    fn used(&mut self, option: &str, value: &str) -> Result<(), String> {
        // Our own times are milliseconds in the end, which must be a number that TOML has.
        let seconds = |value| Ok::<_, String>(Time::seconds(values::number::<u32>(value)?.into()));
        match option {
            "Example" => return Err("remove this line when the file is as you want it".into()),
            "LocalSocket" => {
                let address = format!("unix:{value}").parse::<Address>();
                self.settings
                    .listen
                    .push(address.map_err(|_| format!("\"{value}\": expected an absolute path"))?);
            }
            "LocalSocketMode" => self.settings.socket_mode = values::mode(value)?,
            "TCPSocket" => self.port = Some(values::number(value)?),
            "TCPAddr" => self.addresses.push(address(value)?),
            "MaxThreads" => {
                let threads: usize = self.bounded(option, "service.workers", value)?;
                let threads = NonZeroUsize::new(threads).ok_or("expected at least 1")?;
                self.service.workers = Some(threads);
                self.settings.parallel = threads.get();
            }
            "MaxQueue" => {
                let clients: usize = self.bounded(option, "clamd.connections", value)?;
                self.settings.connections = clients.max(1);
            }
            "CommandReadTimeout" => self.settings.command_timeout = seconds(value)?,
            "ReadTimeout" => self.settings.read_timeout = seconds(value)?,
            "SendBufTimeout" => {
                self.settings.send_timeout = Time(Duration::from_millis(values::number(value)?))
            }
            "StreamMaxLength" => self.settings.stream_bytes = Bytes(values::bytes(value)?),
            "AllowAllMatchScan" => self.settings.all_matches = values::truth(value)?,
            "AlertEncrypted" | "AlertEncryptedArchive" | "AlertEncryptedDoc" | "ArchiveBlockEncrypted" => {
                self.found(FoundGap::Encrypted, values::truth(value)?);
            }
            "AlertExceedsMax" => self.found(FoundGap::Limit, values::truth(value)?),
            "EnableReloadCommand" => self.settings.reload = allowed(value)?,
            "EnableShutdownCommand" => self.settings.shutdown = allowed(value)?,
            "MaxDirectoryRecursion" => self.settings.depth = values::number(value)?,
            "CrossFilesystems" => self.settings.other_file_systems = values::truth(value)?,
            "ExcludePath" => self.settings.exclude.push(Exclusion::try_from(value.to_owned())?),
            "FollowFileSymlinks" => {
                let follow = self.settings.follow.folders();
                self.settings.follow = following(values::truth(value)?, follow);
            }
            "FollowDirectorySymlinks" => {
                let follow = self.settings.follow.files();
                self.settings.follow = following(follow, values::truth(value)?);
            }
            "TemporaryDirectory" => self.service.temporary = Some(value.into()),
            "User" => self.service.user = Some(value.into()),
            "LogFile" => self.service.log_file = Some(value.into()),
            "LogVerbose" | "Debug" => {
                let before = self.service.log_everything == Some(true);
                self.service.log_everything = Some(values::truth(value)? || before);
            }
            "CacheSize" => self.remembered = Some(values::number(value)?),
            "DisableCache" => self.service.remembered = values::truth(value)?.then_some(0),
            "PhishingScanURLs" => self.service.report_links = Some(values::truth(value)?),
            "AlertPhishingSSLMismatch" | "PhishingAlwaysBlockSSLMismatch" => {
                self.service.report_unencrypted_links = Some(values::truth(value)?);
            }
            "AlertPhishingCloak" | "PhishingAlwaysBlockCloak" => {
                self.service.report_cloaked_links = Some(values::truth(value)?);
            }
            "DetectPUA" => self.service.report_unwanted = Some(values::truth(value)?),
            "MaxScanTime" => {
                let time = self.limit(option, values::number(value)?);
                self.service.time = time.map(Duration::from_millis);
            }
            "MaxFiles" => {
                let objects = self.bounded(option, "limits.objects", value)?;
                self.service.objects = self.limit(option, objects);
            }
            "MaxRecursion" => {
                let depth = self.bounded(option, "limits.depth", value)?;
                self.service.depth = self.limit(option, depth);
            }
            "MaxScanSize" => self.service.unpacked_bytes = self.limit(option, values::bytes(value)?),
            "MaxFileSize" => self.service.object_bytes = self.limit(option, values::bytes(value)?),
            _ => return Err("it is forgotten here; please report that".into()),
        }
        Ok(())
    }

    /// A number for one of our keys; one that is more than the key may be is lowered.
    fn bounded<N: TryFrom<u64>>(&mut self, option: &str, key: &str, value: &str) -> Result<N, String> {
        let (number, most) = (values::number::<u64>(value)?, bounds::most(key));
        if number > most {
            self.note(option, Kind::Used, format!("it is lowered to {most}, the most that `{key}` may be"));
        }
        number.min(most).try_into().map_err(|_| format!("\"{value}\": expected a smaller number"))
    }

    /// A limit; 0 means none for clamd.
    fn limit<N: Default + PartialEq>(&mut self, option: &str, value: N) -> Option<N> {
        if value == N::default() {
            self.note(option, Kind::Used, "0 means no limit, which there is not; Candor's default is kept");
            return None;
        }
        Some(value)
    }

    fn found(&mut self, kind: FoundGap, wanted: bool) {
        if wanted && !self.settings.found.contains(&kind) {
            self.settings.found.push(kind);
        }
    }

    fn end(mut self) -> Translated {
        if let Some(port) = self.port {
            if self.addresses.is_empty() {
                let text = "no TCPAddr: whoever reaches this machine may connect; clamd's protocol knows no passwords";
                self.note("TCPSocket", Kind::Used, text);
                self.addresses.push(Ipv4Addr::UNSPECIFIED.into());
            }
            let addresses =
                self.addresses.iter().map(|address| Address::Tcp(SocketAddr::new(*address, port)));
            self.settings.listen.extend(addresses);
            self.trust();
        } else if !self.addresses.is_empty() {
            self.note("TCPAddr", Kind::Wrong, "there is no TCPSocket with the port");
        }
        if self.settings.listen.is_empty() {
            self.note("LocalSocket", Kind::Wrong, "neither LocalSocket nor TCPSocket is written");
        }
        self.service.remembered = self.service.remembered.or(self.remembered);
        Translated { clamd: self.settings, service: self.service, notes: self.notes }
    }

    /// clamd lets whoever connects name paths. Clients on this machine that know only TCP need that; over a
    /// network it would let strangers ask which files there are.
    fn trust(&mut self) {
        if self.addresses.iter().all(IpAddr::is_loopback) {
            self.settings.paths = Clients::All;
            if self.settings.reload == Clients::Local {
                self.settings.reload = Clients::All;
            }
        } else {
            let text = "other machines may connect: over TCP paths are not scanned and RELOAD is not obeyed, \
                unless paths and reload in [clamd] are \"all\"";
            self.note("TCPSocket", Kind::Used, text);
        }
    }
}

fn allowed(value: &str) -> Result<Clients, String> {
    values::truth(value).map(|yes| if yes { Clients::All } else { Clients::None })
}

fn following(files: bool, folders: bool) -> Follow {
    match (files, folders) {
        (false, false) => Follow::Nothing,
        (true, false) => Follow::Files,
        (false, true) => Follow::Folders,
        (true, true) => Follow::All,
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    // Names are not looked up: what they mean may change, and who listens where should not.
    if text == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    text.parse()
        .map_err(|_| format!("\"{text}\": expected an address such as 127.0.0.1 or ::1, or localhost"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::options::OPTIONS;
    use super::*;

    #[test]
    fn debians_file_is_taken() {
        let text = "#Automatically generated\nLocalSocket /run/clamav/clamd.ctl\nFixStaleSocket true\n\
            LocalSocketGroup clamav\nLocalSocketMode 666\nUser clamav\nScanMail true\nMaxThreads 12\nReadTimeout 180\n\
            DatabaseDirectory /var/lib/clamav\nSelfCheck 3600\nStreamMaxLength 25M\nMaxScanSize 100M\n\
            ExcludePath ^/proc/\nDetectPUA false\nAlertEncrypted yes\nDebug false\nPidFile /run/clamav/clamd.pid\n";
        let Translated { clamd, service, notes } = read(text);
        assert_eq!(clamd.listen, ["unix:/run/clamav/clamd.ctl".parse().unwrap()]);
        assert_eq!((clamd.socket_mode, clamd.parallel, clamd.read_timeout), (0o666, 12, Time::seconds(180)));
        assert_eq!((clamd.stream_bytes.0, clamd.exclude.len()), (25 << 20, 1));
        assert_eq!((clamd.found, clamd.paths), (vec![FoundGap::Encrypted], Clients::Local));
        let expected = ServiceOptions {
            user: Some("clamav".into()),
            log_everything: Some(false),
            workers: NonZeroUsize::new(12),
            report_unwanted: Some(false),
            unpacked_bytes: Some(100 << 20),
            ..ServiceOptions::default()
        };
        assert_eq!(service, expected);
        let told: Vec<_> = notes.iter().map(|note| (note.line, note.option.as_str(), note.kind)).collect();
        let expected = [
            (3, "FixStaleSocket", Kind::Pointless),
            (4, "LocalSocketGroup", Kind::Missing),
            (7, "ScanMail", Kind::Missing),
            (10, "DatabaseDirectory", Kind::Missing),
            (11, "SelfCheck", Kind::Missing),
            (18, "PidFile", Kind::Missing),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_wrong_or_unknown_is_told_with_its_line() {
        let Translated { notes, .. } =
            read("Example\n\nTCPSocket 99999\nBogus\x1b yes\nLocalSocket\nMaxThreads 0\n");
        let told: Vec<_> = notes.iter().map(|note| (note.line, note.kind)).collect();
        use Kind::{Unknown, Wrong};
        assert_eq!(told, [(1, Wrong), (3, Wrong), (4, Unknown), (5, Wrong), (6, Wrong), (0, Wrong)]);
        assert!(notes[2].to_string().starts_with("line 4: Bogus\\u{1b}: unknown"), "{}", notes[2]);
    }

    #[test]
    fn strangers_name_no_paths() {
        let paths = |text: &str| read(text).clamd.paths;
        assert_eq!(paths("TCPSocket 3310\nTCPAddr 127.0.0.1\nTCPAddr ::1"), Clients::All);
        assert_eq!(paths("TCPSocket 3310\nTCPAddr 10.0.0.1"), Clients::Local);
        let open = read("TCPSocket 3310");
        assert_eq!(open.clamd.listen, ["tcp:0.0.0.0:3310".parse().unwrap()]);
        assert_eq!((open.clamd.paths, open.notes.len()), (Clients::Local, 2));
    }

    #[test]
    fn every_option_is_sorted_and_used_as_it_says() {
        assert!(OPTIONS.is_sorted_by(|one, other| one.0 < other.0));
        for (option, fate) in OPTIONS {
            let value = if option == "LocalSocket" {
                "/x"
            } else if option == "TCPAddr" {
                "::1"
            } else {
                "1"
            };
            let Translated { notes, .. } = read(&format!("{option} {value}\n"));
            let told = notes.iter().find(|note| note.line == 1).map(|note| note.kind);
            let expected = match fate {
                Fate::Used if option == "Example" => Some(Kind::Wrong),
                Fate::Used => None,
                Fate::Pointless(_) => Some(Kind::Pointless),
                Fate::Missing(_) => Some(Kind::Missing),
            };
            assert_eq!(told, expected, "{option}");
        }
    }

    /// Values that some option has no use for.
    const ODD: &str = "|0|1|-1|yes|no|777|8888|101|65537|4294967296|9223372036854775807|18446744073709551616|4096M|\
        99999999999G|/a b|::1|localhost|(|\"quoted\"|\u{feff}";

    /// An option, or something like one, with a value that may be odd.
    fn line() -> impl Strategy<Value = String> {
        let options: Vec<_> = OPTIONS.iter().map(|(option, _)| *option).chain(["Bogus", "#"]).collect();
        let odd = prop::sample::select(ODD.split('|').collect::<Vec<_>>()).prop_map(str::to_owned);
        let value = prop_oneof![3 => odd, 1 => "[^\n\r]{0,20}"];
        (prop::sample::select(options), value).prop_map(|(option, value)| format!("{option} {value}"))
    }

    #[test]
    fn numbers_beyond_our_bounds_are_lowered_with_a_note() {
        let text = "\u{feff}LocalSocket /x\nMaxThreads 100000\nMaxQueue 100000\nMaxRecursion 9000000000\n";
        let Translated { clamd, service, notes } = read(text);
        assert_eq!((clamd.parallel, clamd.connections), (512, 65_536));
        assert_eq!((service.workers, service.depth), (NonZeroUsize::new(512), Some(100)));
        let told: Vec<_> = notes.iter().map(|note| (note.line, note.kind)).collect();
        assert_eq!(told, [(2, Kind::Used), (3, Kind::Used), (4, Kind::Used)]);
        let deepest = "line 4: MaxRecursion: used: it is lowered to 100, the most that `limits.depth` may be";
        assert_eq!(notes[2].to_string(), deepest);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read(lines in prop::collection::vec(line(), 0..20)) {
            let read = read(&lines.join("\n"));
            prop_assert!(read.notes.iter().all(|note| note.line <= lines.len()));
            // Whatever was taken fits our own configuration.
            let keys = read.keys().unwrap();
            for (key, value) in keys {
                prop_assert_eq!(bounds::check(&key, &value), Ok(()), "{}", key);
            }
        }
    }
}
