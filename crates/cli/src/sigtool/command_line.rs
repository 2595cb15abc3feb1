//! The command line of `sigtool`, read as `getopt_long` does: options and files in any order, long options cut short.

use std::ffi::OsString;
use std::path::PathBuf;

use super::opening::Of;

/// Where ClamAV keeps its signatures on most systems.
const DATA_FOLDER: &str = "/var/lib/clamav";

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Help,
    /// Help, since nothing was asked for.
    Usage,
    Version,
    HexDump,
    Digest(Algorithm),
    Info(PathBuf),
    Unpack(PathBuf),
    UnpackCurrent(String),
    List(Option<PathBuf>),
    Find(String),
    Decode,
    Test(PathBuf),
    Layout(Of),
    NormaliseHtml(PathBuf),
    NormaliseText(PathBuf),
    Macros(PathBuf),
    /// An option of ClamAV's that is not here.
    Missing(&'static str),
}

/// A kind of digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
}

/// The command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) action: Action,
    pub(super) quiet: bool,
    pub(super) data_folder: PathBuf,
    pub(super) files: Vec<PathBuf>,
}

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    None,
    Needed,
    /// Only behind `=`, or directly behind the letter.
    Attached,
}

/// The options of ClamAV's `sigtool` 1.4, and `sha2-256` of 1.5; in the order in which the first given one decides what
/// is done.
const OPTIONS: &[(&str, Option<char>, Value)] = &[
    ("help", Some('h'), Value::None),
    ("version", Some('V'), Value::None),
    ("hex-dump", None, Value::None),
    ("md5", None, Value::Attached),
    ("sha1", None, Value::Attached),
    ("sha256", None, Value::Attached),
    ("sha2-256", None, Value::Attached),
    ("mdb", None, Value::Attached),
    ("imp", None, Value::Attached),
    ("fuzzy-img", None, Value::Attached),
    ("html-normalise", None, Value::Needed),
    ("ascii-normalise", None, Value::Needed),
    ("utf16-decode", None, Value::Needed),
    ("build", Some('b'), Value::Needed),
    ("unpack", Some('u'), Value::Needed),
    ("unpack-current", None, Value::Needed),
    ("info", Some('i'), Value::Needed),
    ("list-sigs", Some('l'), Value::Attached),
    ("find-sigs", Some('f'), Value::Needed),
    ("decode-sigs", None, Value::None),
    ("test-sigs", None, Value::Needed),
    ("vba", None, Value::Needed),
    ("vba-hex", None, Value::Needed),
    ("diff", Some('d'), Value::Needed),
    ("compare", Some('c'), Value::Needed),
    ("print-certs", None, Value::Needed),
    ("run-cdiff", Some('r'), Value::Needed),
    ("verify-cdiff", None, Value::Needed),
    ("quiet", None, Value::None),
    ("debug", None, Value::None),
    ("verbose", Some('v'), Value::None),
    ("stdout", None, Value::None),
    ("datadir", None, Value::Needed),
    ("tempdir", None, Value::Needed),
    ("leave-temps", None, Value::Attached),
    ("max-bad-sigs", None, Value::Needed),
    ("flevel", None, Value::Needed),
    ("cvd-version", None, Value::Needed),
    ("no-cdiff", None, Value::None),
    ("unsigned", None, Value::None),
    ("hybrid", None, Value::None),
    ("server", None, Value::Needed),
];

/// The help.
pub(super) const HELP: &str = "
                      Candor: ClamAV's signature tool

    sigtool [options]

    --help                 -h              Show this help
    --version              -V              Print version number and exit
    --quiet                                Be quiet, output only error messages
    --hex-dump                             Convert data from stdin to a hex
                                           string and print it on stdout
    --md5 [FILES]                          Generate MD5 checksum from stdin
                                           or MD5 sigs for FILES
    --sha1 [FILES]                         Generate SHA1 checksum from stdin
                                           or SHA1 sigs for FILES
    --sha256 [FILES]                       Generate SHA256 checksum from stdin
                                           or SHA256 sigs for FILES
    --mdb [FILES]                          Generate .mdb (section hash) signatures
    --imp [FILES]                          Generate .imp (import table) signatures
    --html-normalise=FILE                  Create normalised parts of HTML file
    --ascii-normalise=FILE                 Create normalised text file
    --vba=FILE                             Extract VBA macros of a document
    --vba-hex=FILE                         The same
    --info=FILE            -i FILE         Print database information
    --datadir=DIR                          Use DIR as default database directory
    --unpack=FILE          -u FILE         Unpack a CVD/CLD file
    --unpack-current=SHORTNAME             Unpack local CVD/CLD into cwd
    --list-sigs[=FILE]     -l[FILE]        List signature names
    --find-sigs=REGEX      -fREGEX         Find signatures matching REGEX
    --decode-sigs                          Decode signatures from stdin
    --test-sigs=DATABASE TARGET_FILE       Test signatures from DATABASE against
                                           TARGET_FILE

";

impl CommandLine {
    /// The command line that the arguments are, or what is wrong with them.
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let mut given: Vec<(usize, OsString)> = Vec::new();
        let mut files = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let text = argument.to_string_lossy();
            if text == "--" {
                files.extend(rest.by_ref().map(PathBuf::from));
            } else if let Some(long) = text.strip_prefix("--") {
                given.push(long_option(long, &mut rest)?);
            } else if text.len() > 1 && text.starts_with('-') {
                letters(text.get(1..).unwrap_or_default(), &mut rest, &mut given)?;
            } else {
                files.push(argument.into());
            }
        }
        let value = |name: &str| {
            let of =
                |(place, _): &&(usize, OsString)| OPTIONS.get(*place).is_some_and(|option| option.0 == name);
            given.iter().rev().find(of).map(|(_, value)| value.clone())
        };
        let action =
            OPTIONS.iter().find_map(|(name, ..)| action(name, value(name)?)).unwrap_or(Action::Usage);
        let data_folder = value("datadir").map_or_else(|| DATA_FOLDER.into(), PathBuf::from);
        Ok(Self { action, quiet: value("quiet").is_some(), data_folder, files })
    }
}

/// What an option asks for, if it asks for something to be done.
fn action(name: &'static str, value: OsString) -> Option<Action> {
    let path = || PathBuf::from(&value);
    let text = || value.to_string_lossy().into_owned();
    Some(match name {
        "help" => Action::Help,
        "version" => Action::Version,
        "hex-dump" => Action::HexDump,
        "md5" => Action::Digest(Algorithm::Md5),
        "sha1" => Action::Digest(Algorithm::Sha1),
        "sha256" | "sha2-256" => Action::Digest(Algorithm::Sha256),
        "unpack" => Action::Unpack(path()),
        "unpack-current" => Action::UnpackCurrent(text()),
        "info" => Action::Info(path()),
        "list-sigs" => Action::List((!value.is_empty()).then(path)),
        "find-sigs" => Action::Find(text()),
        "decode-sigs" => Action::Decode,
        "test-sigs" => Action::Test(path()),
        "mdb" => Action::Layout(Of::Sections),
        "imp" => Action::Layout(Of::Imports),
        "html-normalise" => Action::NormaliseHtml(path()),
        "ascii-normalise" => Action::NormaliseText(path()),
        // Those of Word 6, which the second prints in hexadecimal, are not read.
        "vba" | "vba-hex" => Action::Macros(path()),
        "fuzzy-img" | "utf16-decode" | "build" | "diff" | "compare" | "print-certs" | "run-cdiff"
        | "verify-cdiff" => Action::Missing(name),
        _ => return None,
    })
}

type Rest<'a> = std::slice::Iter<'a, OsString>;

fn long_option(text: &str, rest: &mut Rest<'_>) -> Result<(usize, OsString), String> {
    let (name, attached) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    let unknown = |what: &str| format!("sigtool: {what}\nERROR: Unknown option passed");
    let exact = OPTIONS.iter().position(|(known, ..)| *known == name);
    let place = match exact {
        Some(place) => place,
        None => {
            let mut all = OPTIONS.iter().enumerate().filter(|(_, (known, ..))| known.starts_with(name));
            match (all.next(), all.next()) {
                (Some((place, _)), None) => place,
                (None, _) => return Err(unknown(&format!("unrecognized option `--{text}'"))),
                _ => return Err(unknown(&format!("option `--{text}' is ambiguous"))),
            }
        }
    };
    let Some((known, _, value)) = OPTIONS.get(place) else { return Err(unknown("")) };
    match (value, attached) {
        (Value::None, Some(_)) => Err(unknown(&format!("option `--{known}' doesn't allow an argument"))),
        (_, Some(value)) => Ok((place, value.into())),
        (Value::Needed, None) => match rest.next() {
            Some(value) => Ok((place, value.clone())),
            None => Err(incomplete(&format!("option `--{known}' requires an argument"))),
        },
        (_, None) => Ok((place, OsString::new())),
    }
}

/// Letters behind one dash.
fn letters(text: &str, rest: &mut Rest<'_>, given: &mut Vec<(usize, OsString)>) -> Result<(), String> {
    for (at, letter) in text.char_indices() {
        let place = OPTIONS.iter().position(|(_, known, _)| *known == Some(letter));
        let Some(option) = place.and_then(|place| Some((place, OPTIONS.get(place)?.2))) else {
            return Err(format!("sigtool: illegal option -- {letter}\nERROR: Unknown option passed"));
        };
        let behind = text.get(at + letter.len_utf8()..).unwrap_or_default();
        match option {
            (place, Value::None) => given.push((place, OsString::new())),
            (place, Value::Needed) if behind.is_empty() => match rest.next() {
                Some(value) => given.push((place, value.clone())),
                None => return Err(incomplete(&format!("option requires an argument -- {letter}"))),
            },
            (place, _) => {
                given.push((place, behind.into()));
                return Ok(());
            }
        }
    }
    Ok(())
}

fn incomplete(what: &str) -> String {
    format!("sigtool: {what}\nERROR: Incomplete option passed (missing argument)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CommandLine, String> {
        let arguments: Vec<OsString> = text.split_whitespace().map(OsString::from).collect();
        CommandLine::parse(&arguments)
    }

    #[test]
    fn options_and_files_come_in_any_order() {
        let seen = parse("a --md5 b --quiet -- --c").unwrap();
        assert_eq!((seen.action, seen.quiet), (Action::Digest(Algorithm::Md5), true));
        assert_eq!(seen.files, ["a", "b", "--c"].map(PathBuf::from));
        for text in ["--info=x", "--info x", "-i x", "-ix", "--inf=x"] {
            assert_eq!(parse(text).unwrap().action, Action::Info("x".into()), "{text}");
        }
        assert_eq!(parse("-l x").unwrap().action, Action::List(None));
        assert_eq!(parse("-lx").unwrap().action, Action::List(Some("x".into())));
        assert_eq!(parse("--decode-sigs --md5 x").unwrap().action, Action::Digest(Algorithm::Md5));
        assert_eq!(parse("x").unwrap().action, Action::Usage);
    }

    #[test]
    fn complaints_are_clamavs() {
        let unknown = "ERROR: Unknown option passed";
        let missing = "ERROR: Incomplete option passed (missing argument)";
        for (text, expected) in [
            ("--foo", format!("sigtool: unrecognized option `--foo'\n{unknown}")),
            ("--sha=1", format!("sigtool: option `--sha=1' is ambiguous\n{unknown}")),
            ("-x", format!("sigtool: illegal option -- x\n{unknown}")),
            ("--info", format!("sigtool: option `--info' requires an argument\n{missing}")),
        ] {
            assert_eq!(parse(text), Err(expected));
        }
    }
}
