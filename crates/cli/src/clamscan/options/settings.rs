//! What the options come to.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use candor_object::Limits;
use candor_policy::Policy;
use candor_signatures::{Programs, Unwanted, ere};
use regex::bytes::Regex;

use super::Given;

/// Where ClamAV keeps its signatures.
const FOLDER: &str = "/var/lib/clamav";
/// Bytes of a file, and of a root object with all that comes out of it, and so on: ClamAV's defaults.
const FILE_SIZE: u64 = 100 << 20;
const SCAN_SIZE: u64 = 400 << 20;
const FILES: u64 = 10_000;
const RECURSION: u64 = 17;
const FOLDERS: u64 = 15;
const TIME: Duration = Duration::from_secs(120);
/// What "no limit" means for time: longer than anybody waits, and still a time that can be added.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Everything that the command line says.
#[derive(Debug)]
pub(in crate::clamscan) struct Settings {
    /// What is shown.
    pub(in crate::clamscan) show: Show,
    /// Files and folders to scan; none means the working folder.
    pub(in crate::clamscan) paths: Vec<PathBuf>,
    /// A file with the paths to scan, one in each line.
    pub(in crate::clamscan) file_list: Option<PathBuf>,
    /// Where the messages go as well.
    pub(in crate::clamscan) log: Option<PathBuf>,
    /// Which files of a folder are scanned.
    pub(in crate::clamscan) choice: Choice,
    /// The signatures.
    pub(in crate::clamscan) signatures: Signatures,
    /// What one file may cost.
    pub(in crate::clamscan) limits: Limits,
    /// Most bytes of a file that is scanned.
    pub(in crate::clamscan) file_bytes: u64,
    /// What is told of content that is not examined.
    pub(in crate::clamscan) alerts: Alerts,
    /// Which findings count.
    pub(in crate::clamscan) policy: Policy,
    /// Whether all names are told.
    pub(in crate::clamscan) all_matches: bool,
    /// Whether alerts come before signatures.
    pub(in crate::clamscan) heuristics_first: bool,
    /// What becomes of a file in which something is found.
    pub(in crate::clamscan) deed: Deed,
    /// Whether each report is written as JSON.
    pub(in crate::clamscan) json: bool,
    /// Where it is left, if it is.
    pub(in crate::clamscan) json_folder: Option<PathBuf>,
}

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::clamscan) struct Show {
    /// Each file before it is scanned.
    pub(in crate::clamscan) names: bool,
    /// Where in an archive something was found.
    pub(in crate::clamscan) members: bool,
    /// Everything that might help.
    pub(in crate::clamscan) debug: bool,
    /// Errors only.
    pub(in crate::clamscan) quiet: bool,
    /// Errors on standard output as well.
    pub(in crate::clamscan) one_stream: bool,
    /// The summary.
    pub(in crate::clamscan) summary: bool,
    /// Files in which nothing was found, and those that were left out.
    pub(in crate::clamscan) others: bool,
    /// Files in which nothing was found.
    pub(in crate::clamscan) undetected: bool,
    /// A sound when something is found.
    pub(in crate::clamscan) bell: bool,
}

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::clamscan) enum Follow {
    /// None.
    Never,
    /// Those that are named.
    Named,
    /// All.
    Always,
}

/// Which files of a folder are scanned.
#[derive(Debug)]
pub(in crate::clamscan) struct Choice {
    /// Whether folders in folders are entered.
    pub(in crate::clamscan) recursive: bool,
    /// Folders on the way to a file, at most.
    pub(in crate::clamscan) depth: u64,
    /// Whether other file systems are entered.
    pub(in crate::clamscan) other_file_systems: bool,
    /// Links to folders.
    pub(in crate::clamscan) folder_links: Follow,
    /// Links to files.
    pub(in crate::clamscan) file_links: Follow,
    /// By their path without links.
    pub(in crate::clamscan) files: Names,
    /// By their path as it is shown.
    pub(in crate::clamscan) folders: Names,
}

/// Names that are wanted and names that are not.
#[derive(Debug, Default)]
pub(in crate::clamscan) struct Names {
    excluded: Vec<Regex>,
    /// If there are any, one of them must match; one that is wrong matches nothing.
    included: Vec<Option<Regex>>,
}

impl Names {
    /// Whether all names are wanted.
    pub(in crate::clamscan) fn are_all_wanted(&self) -> bool {
        self.excluded.is_empty() && self.included.is_empty()
    }

    /// Whether this one is wanted.
    pub(in crate::clamscan) fn want(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        let included = self.included.is_empty()
            || self.included.iter().flatten().any(|expression| expression.is_match(name));
        included && !self.excluded.iter().any(|expression| expression.is_match(name))
    }
}

/// Which signatures are loaded.
#[derive(Debug)]
pub(in crate::clamscan) struct Signatures {
    /// Files and folders.
    pub(in crate::clamscan) paths: Vec<PathBuf>,
    /// Whether only containers are loaded from folders.
    pub(in crate::clamscan) official_only: bool,
    /// Most days since the newest container was made.
    pub(in crate::clamscan) most_days: Option<u64>,
    /// Whether publishers of programs are judged.
    pub(in crate::clamscan) publishers: bool,
    /// Whether certificates of publishers are told of.
    pub(in crate::clamscan) certificates: bool,
    /// Which programs in bytecode are loaded.
    pub(in crate::clamscan) programs: Programs,
    /// Whether those for unwanted programs are loaded.
    pub(in crate::clamscan) unwanted: bool,
    /// Their categories that are not wanted.
    pub(in crate::clamscan) excluded: Vec<String>,
    /// Their categories that are wanted, if not all.
    pub(in crate::clamscan) included: Vec<String>,
    /// Whether those of ClamAV for phishing count.
    pub(in crate::clamscan) phishing: bool,
}

impl Signatures {
    /// Those for unwanted programs whose categories are wanted.
    pub(in crate::clamscan) fn categories(&self) -> Unwanted {
        if !self.included.is_empty() {
            Unwanted::Only(self.included.clone())
        } else if !self.excluded.is_empty() {
            Unwanted::Except(self.excluded.clone())
        } else {
            Unwanted::All
        }
    }
}

/// What is told of content that is not examined.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::clamscan) struct Alerts {
    /// Limits.
    pub(in crate::clamscan) limits: bool,
    /// Encrypted archives.
    pub(in crate::clamscan) encrypted_archives: bool,
    /// Encrypted documents.
    pub(in crate::clamscan) encrypted_documents: bool,
    /// Damaged programs.
    pub(in crate::clamscan) broken_programs: bool,
}

/// What becomes of a file in which something is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::clamscan) enum Deed {
    /// Nothing.
    Nothing,
    /// It is moved to a folder.
    Move(PathBuf),
    /// It is copied to a folder.
    Copy(PathBuf),
    /// It is removed.
    Remove,
}

impl Settings {
    /// What was given comes to this. Warnings are for standard error.
    ///
    /// # Errors
    /// What contradicts itself or makes no sense.
    pub(in crate::clamscan) fn of(given: &Given, warnings: &mut Vec<String>) -> Result<Self, String> {
        let on = |name: &str| given.switch(name).unwrap_or(false);
        let either = |names: [&str; 2]| names.into_iter().any(on);
        let path = |name: &str| given.text(name).map(PathBuf::from);
        let encrypted = either(["alert-encrypted", "block-encrypted"]);
        let json = on("gen-json");
        let file_bytes = given.number("max-filesize").unwrap_or(FILE_SIZE);
        Ok(Self {
            show: Show {
                names: on("verbose"),
                members: on("archive-verbose"),
                debug: on("debug"),
                quiet: on("quiet"),
                one_stream: on("stdout"),
                summary: !on("no-summary"),
                others: !on("infected"),
                undetected: !on("suppress-ok-results"),
                bell: on("bell"),
            },
            paths: given.paths.clone(),
            file_list: path("file-list"),
            log: path("log"),
            choice: Choice {
                recursive: on("recursive"),
                depth: given.number("max-dir-recursion").unwrap_or(FOLDERS),
                other_file_systems: given.switch("cross-fs").unwrap_or(true),
                folder_links: follow(given, "follow-dir-symlinks")?,
                file_links: follow(given, "follow-file-symlinks")?,
                files: names(given, ["exclude", "include"], warnings),
                folders: names(given, ["exclude-dir", "include-dir"], warnings),
            },
            signatures: signatures(given)?,
            limits: limits(given, file_bytes, warnings),
            file_bytes: if file_bytes == 0 { u64::MAX } else { file_bytes },
            alerts: Alerts {
                limits: either(["alert-exceeds-max", "block-max"]),
                encrypted_archives: encrypted || on("alert-encrypted-archive"),
                encrypted_documents: encrypted || on("alert-encrypted-doc"),
                broken_programs: on("alert-broken"),
            },
            policy: Policy {
                report_links: given.switch("phishing-scan-urls").unwrap_or(true),
                report_unencrypted_links: either(["alert-phishing-ssl", "phishing-ssl"]),
                report_cloaked_links: either(["alert-phishing-cloak", "phishing-cloak"]),
                ..Policy::default()
            },
            all_matches: on("allmatch"),
            heuristics_first: on("heuristic-scan-precedence"),
            deed: match (path("move"), path("copy")) {
                (Some(folder), _) => Deed::Move(folder),
                (None, Some(folder)) => Deed::Copy(folder),
                (None, None) if on("remove") => Deed::Remove,
                (None, None) => Deed::Nothing,
            },
            json,
            json_folder: (json && on("leave-temps"))
                .then(|| path("tempdir").unwrap_or_else(std::env::temp_dir)),
        })
    }
}

fn follow(given: &Given, name: &str) -> Result<Follow, String> {
    match given.number(name) {
        Some(0) => Ok(Follow::Never),
        None | Some(1) => Ok(Follow::Named),
        Some(2) => Ok(Follow::Always),
        Some(_) => Err(format!("--{name}: Invalid argument")),
    }
}

fn names(given: &Given, [excluded, included]: [&str; 2], warnings: &mut Vec<String>) -> Names {
    let mut read = |name: &str| -> Vec<Option<Regex>> {
        let compiled = given.texts(name).map(|text| {
            let compiled = ere::compile(text.as_bytes());
            compiled
                .inspect_err(|why| {
                    let text = text.to_string_lossy();
                    warnings.push(format!("WARNING: --{name}={text} matches nothing: {why}"));
                })
                .ok()
        });
        compiled.collect()
    };
    Names { excluded: read(excluded).into_iter().flatten().collect(), included: read(included) }
}

fn signatures(given: &Given) -> Result<Signatures, String> {
    let mut paths: Vec<PathBuf> = given.texts("database").map(PathBuf::from).collect();
    if paths.is_empty() {
        paths.push(FOLDER.into());
    }
    let categories =
        |name: &str| given.texts(name).map(|text| text.to_string_lossy().into_owned()).collect::<Vec<_>>();
    let unwanted = given.switch("detect-pua").unwrap_or(false);
    let (excluded, included) = (categories("exclude-pua"), categories("include-pua"));
    if unwanted && !excluded.is_empty() && !included.is_empty() {
        return Err("--exclude-pua and --include-pua cannot be used at the same time".to_owned());
    }
    Ok(Signatures {
        paths,
        official_only: given.switch("official-db-only").unwrap_or(false),
        most_days: given.number("fail-if-cvd-older-than").filter(|days| *days > 0),
        certificates: given.switch("dumpcerts").unwrap_or(false),
        publishers: !given.switch("nocerts").unwrap_or(false),
        programs: match (given.switch("bytecode"), given.switch("bytecode-unsigned")) {
            (Some(false), _) => Programs::LeftOut,
            (_, Some(true)) => Programs::All,
            _ => Programs::Signed,
        },
        unwanted,
        excluded,
        included,
        phishing: given.switch("phishing-sigs").unwrap_or(true),
    })
}

/// ClamAV counts the file itself among the objects and levels, and we do not. Where it knows no limit for 0, ours
/// stays.
fn limits(given: &Given, file_bytes: u64, warnings: &mut Vec<String>) -> Limits {
    let ours = Limits::default();
    let mut recursion = given.number("max-recursion").unwrap_or(RECURSION);
    if recursion == 0 {
        recursion = RECURSION;
        warnings.push(format!(
            "LibClamAV Warning: MaxRecursion: the value of 0 is not allowed, using default: {RECURSION}"
        ));
    }
    let unless_none = |number: u64, none: u64| if number == 0 { none } else { number };
    let files = unless_none(given.number("max-files").unwrap_or(FILES), u64::from(ours.objects) + 1);
    let time = given.number("max-scantime").map_or(TIME, Duration::from_millis);
    Limits {
        objects: u32::try_from(files - 1).unwrap_or(ours.objects).min(ours.objects),
        depth: u32::try_from(recursion - 1).unwrap_or(u32::MAX).min(Limits::MOST_DEPTH),
        unpacked_bytes: unless_none(given.number("max-scansize").unwrap_or(SCAN_SIZE), ours.unpacked_bytes),
        object_bytes: unless_none(file_bytes, ours.object_bytes).min(ours.held_bytes),
        held_bytes: ours.held_bytes,
        time: if time.is_zero() { WEEK } else { time.min(WEEK) },
        bytes_per_second: 0,
        program_time: match given.number("bytecode-timeout").map_or(ours.program_time, Duration::from_millis)
        {
            Duration::ZERO => WEEK,
            time => time.min(WEEK),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::clamscan::options::parse;

    fn settings(arguments: &[&str]) -> (Result<Settings, String>, Vec<String>) {
        let mut warnings = Vec::new();
        let given = parse(arguments.iter().map(OsString::from)).unwrap();
        (Settings::of(&given, &mut warnings), warnings)
    }

    #[test]
    fn the_defaults_are_those_of_clamav() {
        let (settings, warnings) = settings(&[]);
        let Settings { limits, file_bytes, deed, choice, signatures, .. } = settings.unwrap();
        assert!(warnings.is_empty());
        assert_eq!((limits.depth, limits.objects, limits.unpacked_bytes), (16, 9999, 400 << 20));
        assert_eq!((limits.object_bytes, limits.time, file_bytes), (100 << 20, TIME, 100 << 20));
        assert_eq!((deed, choice.file_links, choice.depth), (Deed::Nothing, Follow::Named, 15));
        assert_eq!(signatures.paths, [PathBuf::from(FOLDER)]);
    }

    #[test]
    fn zero_means_no_limit_where_it_does_in_clamav_but_ours_stay() {
        let arguments = ["files", "filesize", "scansize", "scantime", "recursion"];
        let arguments = arguments.map(|name| format!("--max-{name}=0"));
        let (settings, warnings) = settings(&arguments.each_ref().map(String::as_str));
        let Settings { limits, file_bytes, .. } = settings.unwrap();
        let ours = Limits::default();
        assert_eq!((limits.objects, limits.unpacked_bytes), (ours.objects, ours.unpacked_bytes));
        assert_eq!((limits.object_bytes, limits.time, limits.depth), (ours.object_bytes, WEEK, 16));
        assert_eq!((file_bytes, warnings.len()), (u64::MAX, 1));
    }

    #[test]
    fn large_numbers_stay_within_bounds() {
        let most = u64::MAX.to_string();
        let arguments = ["files", "filesize", "scansize", "scantime", "recursion"];
        let arguments = arguments.map(|name| format!("--max-{name}={most}"));
        let (settings, _) = settings(&arguments.each_ref().map(String::as_str));
        let limits = settings.unwrap().limits;
        assert_eq!((limits.objects, limits.depth, limits.time), (100_000, Limits::MOST_DEPTH, WEEK));
        assert_eq!(limits.object_bytes, Limits::default().held_bytes);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(settings(&["--follow-dir-symlinks=3"]).0.is_err());
        assert!(settings(&["--detect-pua", "--exclude-pua=A", "--include-pua=B"]).0.is_err());
        assert!(settings(&["--exclude-pua=A", "--include-pua=B"]).0.is_ok());
    }

    #[test]
    fn names_are_wanted_or_not() {
        let (settings, warnings) = settings(&["--include=a", "--include=[", "--exclude=b"]);
        let names = settings.unwrap().choice.files;
        assert!(names.want(OsStr::new("a")) && !names.want(OsStr::new("ab")) && !names.want(OsStr::new("c")));
        assert!(warnings[0].starts_with("WARNING: --include=[ matches nothing"), "{warnings:?}");
    }
}
