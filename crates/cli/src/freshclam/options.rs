//! Arguments and `freshclam.conf`, which have many options in common.
//!
//! Source: the manual pages freshclam(1) and freshclam.conf(5) of ClamAV 1.4.6, and what that version was seen to do.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Longest configuration in bytes.
const LONGEST: u64 = 1 << 20;

/// What is done with an option of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is used.
    Used,
    /// It is used, and is yes or no.
    Switch,
    /// It is used, and is a number.
    Number,
    /// It is taken, and nothing comes of it.
    Pointless,
}

/// The options of `freshclam.conf`.
const KEYS: [(&str, Fate); 49] = [
    ("Bytecode", Fate::Switch),
    ("CVDCertsDirectory", Fate::Used),
    ("Checks", Fate::Number),
    ("CompressLocalDatabase", Fate::Pointless),
    ("ConnectTimeout", Fate::Pointless),
    ("DNSDatabaseInfo", Fate::Used),
    ("DatabaseCustomURL", Fate::Used),
    ("DatabaseDirectory", Fate::Used),
    ("DatabaseMirror", Fate::Used),
    ("DatabaseOwner", Fate::Pointless),
    ("Debug", Fate::Pointless),
    ("ExcludeDatabase", Fate::Used),
    ("ExtraDatabase", Fate::Used),
    ("Foreground", Fate::Switch),
    ("HTTPProxyPassword", Fate::Pointless),
    ("HTTPProxyPort", Fate::Number),
    ("HTTPProxyServer", Fate::Used),
    ("HTTPProxyUsername", Fate::Pointless),
    ("HTTPUserAgent", Fate::Pointless),
    ("LocalIPAddress", Fate::Pointless),
    ("LogFacility", Fate::Pointless),
    ("LogFileMaxSize", Fate::Pointless),
    ("LogRotate", Fate::Pointless),
    ("LogSyslog", Fate::Pointless),
    ("LogTime", Fate::Switch),
    ("LogVerbose", Fate::Switch),
    ("MaxAttempts", Fate::Number),
    ("NotifyClamd", Fate::Used),
    ("OnErrorExecute", Fate::Used),
    ("OnOutdatedExecute", Fate::Used),
    ("OnUpdateExecute", Fate::Used),
    ("PidFile", Fate::Used),
    ("PrivateMirror", Fate::Used),
    ("ReceiveTimeout", Fate::Number),
    ("ScriptedUpdates", Fate::Switch),
    ("TestDatabases", Fate::Switch),
    ("UpdateLogFile", Fate::Used),
    // Of older versions, which are still in many files.
    ("AllowSupplementaryGroups", Fate::Pointless),
    ("DetectionStatsCountry", Fate::Pointless),
    ("DetectionStatsHostID", Fate::Pointless),
    ("ExtraDatabaseInfo", Fate::Pointless),
    ("FIPSCryptoHashLimits", Fate::Pointless),
    ("SafeBrowsing", Fate::Pointless),
    ("StatsEnabled", Fate::Pointless),
    ("StatsHostID", Fate::Pointless),
    ("StatsPEDisabled", Fate::Pointless),
    ("StatsTimeout", Fate::Pointless),
    ("SubmitDetectionStats", Fate::Pointless),
    ("User", Fate::Pointless),
];

/// An option of the command line.
pub(super) struct Known {
    pub(super) name: &'static str,
    letter: Option<u8>,
    pub(super) argument: Argument,
    /// The option of the configuration in whose place it is.
    key: Option<&'static str>,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    None,
    Needed,
    /// Only behind `=`.
    Possible,
}

const fn known(name: &'static str, letter: u8, argument: Argument, key: &'static str) -> Known {
    let key = if key.is_empty() { None } else { Some(key) };
    Known { name, letter: if letter == 0 { None } else { Some(letter) }, argument, key }
}

/// The options of the command line.
pub(super) const OPTIONS: [Known; 24] = [
    known("help", b'h', Argument::None, ""),
    known("version", b'V', Argument::None, ""),
    known("verbose", b'v', Argument::None, "LogVerbose"),
    known("debug", 0, Argument::None, "Debug"),
    known("quiet", 0, Argument::None, ""),
    known("no-warnings", 0, Argument::None, ""),
    known("stdout", 0, Argument::None, ""),
    known("show-progress", 0, Argument::None, ""),
    known("config-file", 0, Argument::Needed, ""),
    known("log", b'l', Argument::Needed, "UpdateLogFile"),
    known("daemon", b'd', Argument::None, ""),
    known("pid", b'p', Argument::Needed, "PidFile"),
    known("foreground", b'F', Argument::None, "Foreground"),
    known("user", b'u', Argument::Needed, "DatabaseOwner"),
    known("no-dns", 0, Argument::None, ""),
    known("checks", b'c', Argument::Needed, "Checks"),
    known("datadir", 0, Argument::Needed, "DatabaseDirectory"),
    known("daemon-notify", 0, Argument::Possible, "NotifyClamd"),
    known("local-address", b'a', Argument::Needed, "LocalIPAddress"),
    known("on-update-execute", 0, Argument::Needed, "OnUpdateExecute"),
    known("on-error-execute", 0, Argument::Needed, "OnErrorExecute"),
    known("on-outdated-execute", 0, Argument::Needed, "OnOutdatedExecute"),
    known("update-db", 0, Argument::Needed, ""),
    known("list-mirrors", 0, Argument::None, ""),
];

/// What was given, on the command line and in the configuration.
#[derive(Debug, Default)]
pub(super) struct Given {
    arguments: Vec<(&'static str, String)>,
    keys: Vec<(&'static str, String)>,
    /// Options without effect, with their values.
    pub(super) pointless: Vec<String>,
}

/// Takes arguments apart.
///
/// # Errors
/// The lines that say what is wrong.
pub(super) fn parse(arguments: &[OsString]) -> Result<Given, Vec<String>> {
    let cannot = |what: String, why: &str| {
        vec![
            format!("freshclam: {what}"),
            why.to_owned(),
            "ERROR: Can't parse command line options".to_owned(),
        ]
    };
    let (unknown, missing) =
        ("ERROR: Unknown option passed", "ERROR: Incomplete option passed (missing argument)");
    let mut given = Given::default();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next() {
        if let Some(long) = argument.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let mut beginning = OPTIONS.iter().filter(|option| option.name.starts_with(name));
            let exact = OPTIONS.iter().find(|option| option.name == name);
            let ((Some(option), ..) | (None, Some(option), None)) =
                (exact, beginning.next(), beginning.next())
            else {
                return Err(cannot(format!("unrecognized option `--{long}'"), unknown));
            };
            let value = match (option.argument, value) {
                (Argument::Needed, None) => Some(arguments.next().ok_or_else(|| {
                    cannot(format!("option `--{}' requires an argument", option.name), missing)
                })?),
                (_, value) => value,
            };
            given.add(option, value);
        } else if let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            for (place, letter) in letters.char_indices() {
                let option = OPTIONS.iter().find(|option| option.letter.map(char::from) == Some(letter));
                let option = option.ok_or_else(|| cannot(format!("illegal option -- {letter}"), unknown))?;
                if option.argument != Argument::Needed {
                    given.add(option, None);
                    continue;
                }
                let rest = letters.get(place + letter.len_utf8()..).unwrap_or_default();
                let value = if rest.is_empty() { arguments.next() } else { Some(rest.to_owned()) };
                let wrong = || cannot(format!("option requires an argument -- {letter}"), missing);
                given.add(option, Some(value.ok_or_else(wrong)?));
                break;
            }
        }
    }
    Ok(given)
}

impl Given {
    fn add(&mut self, option: &'static Known, value: Option<String>) {
        let value = value.unwrap_or_else(|| "yes".to_owned());
        if let Some(key) = option.key
            && KEYS.iter().any(|(name, fate)| *name == key && *fate == Fate::Pointless)
        {
            self.pointless.push(format!("--{}", option.name));
        }
        self.arguments.push((option.name, value));
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// The lines that say what is wrong.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), Vec<String>> {
        let shown = path.display();
        let cannot = || format!("ERROR: Can't open/parse the config file {shown}");
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        read.map_err(|_| vec![cannot()])?;
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let value = value.trim().trim_matches('"');
            if name == "Example" {
                return Err(vec![format!("ERROR: Please edit the example config file {shown}"), cannot()]);
            }
            let Some((name, fate)) = KEYS.iter().find(|(known, _)| *known == name) else {
                return Err(vec![
                    format!("ERROR: Parse error at {shown}:{number}: Unknown option {name}"),
                    cannot(),
                ]);
            };
            let fits = match fate {
                Fate::Switch => switch(value).is_some(),
                Fate::Number => value.parse::<u32>().is_ok(),
                Fate::Used | Fate::Pointless => !value.is_empty(),
            };
            if !fits {
                return Err(vec![format!("ERROR: Incorrect argument format for option {name}"), cannot()]);
            }
            if *fate == Fate::Pointless {
                self.pointless.push((*name).to_owned());
            }
            self.keys.push((name, value.to_owned()));
        }
        Ok(())
    }

    /// Whether an option of the command line was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.argument(name).is_some_and(|value| value != "no")
    }

    /// What was given for an option of the command line.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// All that was given for an option of the command line.
    pub(super) fn arguments(&self, name: &str) -> Vec<String> {
        let all = self.arguments.iter().filter(|(known, _)| *known == name);
        all.map(|(_, value)| value.clone()).collect()
    }

    /// The value of an option of the configuration; the command line comes before that.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        debug_assert!(KEYS.iter().any(|(known, _)| *known == key), "{key} is no option");
        let option = OPTIONS.iter().find(|option| option.key == Some(key));
        let argument = option.and_then(|option| self.argument(option.name));
        argument
            .or_else(|| self.keys.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str()))
    }

    /// All values of an option of the configuration.
    pub(super) fn values(&self, key: &str) -> Vec<String> {
        self.keys.iter().filter(|(known, _)| *known == key).map(|(_, value)| value.clone()).collect()
    }

    /// Whether an option is switched on.
    pub(super) fn is_on(&self, key: &str, default: bool) -> bool {
        self.value(key).and_then(switch).unwrap_or(default)
    }

    /// The number that an option has.
    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.value(key)?.parse().ok()
    }
}

/// Whether a word means yes.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(arguments: &[&str]) -> Result<Given, Vec<String>> {
        parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_come_in_every_form_and_before_the_configuration() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("freshclam.conf");
        let text = "# comment\nChecks 5\nDatabaseDirectory /a\nDatabaseMirror x\nDatabaseMirror y\nLogSyslog yes\nTestDatabases no\n";
        std::fs::write(&path, text).unwrap();
        let mut given =
            given(&["-dFc", "12", "--datadir=/b", "--on-update", "cmd", "--daemon-notify"]).unwrap();
        given.read(&path).unwrap();
        assert!(given.has("daemon") && given.has("foreground") && !given.has("quiet"));
        assert_eq!((given.number("Checks"), given.value("DatabaseDirectory")), (Some(12), Some("/b")));
        assert_eq!((given.value("OnUpdateExecute"), given.value("NotifyClamd")), (Some("cmd"), Some("yes")));
        assert_eq!(given.values("DatabaseMirror"), ["x", "y"]);
        assert!(!given.is_on("TestDatabases", true) && given.is_on("ScriptedUpdates", true));
        assert_eq!(given.pointless, ["LogSyslog"]);
    }

    #[test]
    fn what_is_wrong_is_told_as_freshclam_tells_it() {
        assert_eq!(given(&["--foo"]).unwrap_err()[0], "freshclam: unrecognized option `--foo'");
        assert_eq!(given(&["-Z"]).unwrap_err()[0], "freshclam: illegal option -- Z");
        assert!(given(&["--datadir"]).unwrap_err()[1].contains("missing argument"));
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("freshclam.conf");
        for (text, reason) in [
            ("Foo bar\n", ":1: Unknown option Foo"),
            ("\nExample\n", "Please edit the example config file"),
            ("Checks abc\n", "ERROR: Incorrect argument format for option Checks"),
            ("TestDatabases maybe\n", "format for option TestDatabases"),
            ("DatabaseMirror\n", "format for option DatabaseMirror"),
        ] {
            std::fs::write(&path, text).unwrap();
            let told = Given::default().read(&path).unwrap_err();
            assert!(told[0].contains(reason) && told.len() == 2, "{told:?}");
        }
        assert_eq!(Given::default().read(Path::new("/nowhere")).unwrap_err().len(), 1);
    }

    #[test]
    fn every_option_is_on_the_page() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/freshclam.md");
        let page = std::fs::read_to_string(page).unwrap();
        for option in &OPTIONS {
            assert!(page.contains(&format!("`--{}", option.name)), "{}", option.name);
        }
        for (key, _) in KEYS {
            assert!(page.contains(&format!("`{key}`")), "{key}");
        }
    }
}
