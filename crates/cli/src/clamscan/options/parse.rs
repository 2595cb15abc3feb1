//! Reads arguments as clamscan does: what may follow an option, in which order, and what is wrong with it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::{Argument, Known, OPTIONS};

/// The largest number that is taken; larger ones become this one, as in clamscan.
const MOST: u64 = i64::MAX as u64;

/// The arguments, taken apart.
#[derive(Debug, Default)]
pub(in crate::clamscan) struct Given {
    options: Vec<(&'static Known, OsString)>,
    /// Files and folders.
    pub(in crate::clamscan) paths: Vec<PathBuf>,
    /// What is to be told on standard error.
    pub(in crate::clamscan) warnings: Vec<String>,
}

/// Arguments that are no use; the lines that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::clamscan) struct Refused(pub(in crate::clamscan) Vec<String>);

impl Refused {
    fn unknown(what: String) -> Self {
        Self::lines(what, "ERROR: Unknown option passed")
    }

    fn missing(what: String) -> Self {
        Self::lines(what, "ERROR: Incomplete option passed (missing argument)")
    }

    fn lines(what: String, why: &str) -> Self {
        Self(vec![format!("clamscan: {what}"), why.to_owned(), CANNOT_PARSE.to_owned()])
    }

    fn wrong(option: &Known) -> Self {
        let why = format!("ERROR: Incorrect argument format for option {}", shown(option));
        Self(vec![why, CANNOT_PARSE.to_owned()])
    }
}

const CANNOT_PARSE: &str = "ERROR: Can't parse command line options";

/// Takes arguments apart. Options may stand anywhere before `--`, and long ones may be shortened.
pub(in crate::clamscan) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Given, Refused> {
    let mut given = Given::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_bytes() {
            b"--" => {
                given.paths.extend(arguments.by_ref().map(PathBuf::from));
            }
            [b'-', b'-', long @ ..] => given.long(long, &mut arguments)?,
            [b'-', letters @ ..] if !letters.is_empty() => given.letters(letters, &mut arguments)?,
            _ => given.paths.push(argument.into()),
        }
    }
    Ok(given)
}

impl Given {
    fn long(&mut self, text: &[u8], more: &mut impl Iterator<Item = OsString>) -> Result<(), Refused> {
        let (name, value) = match text.iter().position(|byte| *byte == b'=') {
            Some(place) => {
                let (name, value) = text.split_at(place);
                (name, value.get(1..).map(<[u8]>::to_vec))
            }
            None => (text, None),
        };
        let option = find(name, text)?;
        let value = match value {
            None if takes_the_next(option) => {
                let what = format!("option `--{}' requires an argument", option.name);
                Some(more.next().ok_or_else(|| Refused::missing(what))?)
            }
            value => value.map(OsString::from_vec),
        };
        self.add(option, value)
    }

    fn letters(&mut self, letters: &[u8], more: &mut impl Iterator<Item = OsString>) -> Result<(), Refused> {
        for (place, letter) in letters.iter().enumerate() {
            let letter_shown = || String::from_utf8_lossy(std::slice::from_ref(letter)).into_owned();
            let known = OPTIONS.iter().find(|option| option.letter == Some(*letter));
            let option =
                known.ok_or_else(|| Refused::unknown(format!("illegal option -- {}", letter_shown())))?;
            if !takes_the_next(option) {
                self.add(option, None)?;
                continue;
            }
            // The rest of the argument, or else the next one.
            let rest = letters.get(place + 1..).unwrap_or_default();
            let value = if rest.is_empty() { more.next() } else { Some(OsStr::from_bytes(rest).to_owned()) };
            let missing = || Refused::missing(format!("option requires an argument -- {}", letter_shown()));
            return self.add(option, Some(value.ok_or_else(missing)?));
        }
        Ok(())
    }

    fn add(&mut self, option: &'static Known, value: Option<OsString>) -> Result<(), Refused> {
        let value = value.unwrap_or_else(|| "yes".into());
        let text = value.to_str().unwrap_or_default();
        let fits = match option.argument {
            Argument::Ignored => {
                self.warnings.push(format!("WARNING: Ignoring deprecated option {}", shown(option)));
                return Ok(());
            }
            Argument::Text if value.is_empty() => {
                let why = format!("ERROR: Option {} requires a non-empty string argument", shown(option));
                return Err(Refused(vec![why, CANNOT_PARSE.to_owned()]));
            }
            Argument::Text => true,
            Argument::Switch => switch(text).is_some(),
            Argument::Word(words) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
            Argument::Number | Argument::Size => match number(text, option.argument) {
                Some(u64::MAX) => {
                    let name = option.name;
                    self.warnings.push(format!(
                        "WARNING: Numerical value for option {name} too high, resetting to {MOST}"
                    ));
                    true
                }
                other => other.is_some(),
            },
        };
        if !fits {
            return Err(Refused::wrong(option));
        }
        self.options.push((option, value));
        Ok(())
    }

    /// What was given for an option, first of all: clamscan ignores it when it comes again.
    pub(in crate::clamscan) fn text(&self, name: &str) -> Option<&OsStr> {
        self.texts(name).next()
    }

    /// All that was given for an option.
    pub(in crate::clamscan) fn texts(&self, name: &str) -> impl Iterator<Item = &OsStr> {
        debug_assert!(OPTIONS.iter().any(|option| option.name == name), "{name} is no option");
        self.options.iter().filter(move |(option, _)| option.name == name).map(|(_, value)| value.as_os_str())
    }

    /// Whether an option is switched on, if it was given.
    pub(in crate::clamscan) fn switch(&self, name: &str) -> Option<bool> {
        self.text(name).and_then(OsStr::to_str).and_then(switch)
    }

    /// The number that was given for an option.
    pub(in crate::clamscan) fn number(&self, name: &str) -> Option<u64> {
        let text = self.text(name).and_then(OsStr::to_str)?;
        number(text, Argument::Size).map(|number| number.min(MOST))
    }
}

/// An option as messages name it.
fn shown(option: &Known) -> String {
    match option.letter {
        Some(letter) => format!("--{} (-{})", option.name, char::from(letter)),
        None => format!("--{}", option.name),
    }
}

fn takes_the_next(option: &Known) -> bool {
    !matches!(option.argument, Argument::Switch | Argument::Ignored) && option.name != "statistics"
}

/// The option of this name, or the only one that begins so; a complaint names the whole argument.
fn find(name: &[u8], argument: &[u8]) -> Result<&'static Known, Refused> {
    let shown = String::from_utf8_lossy(argument);
    let mut beginning = OPTIONS.iter().filter(|option| option.name.as_bytes().starts_with(name));
    let exact = OPTIONS.iter().find(|option| option.name.as_bytes() == name);
    match (exact, beginning.next(), beginning.next()) {
        (Some(option), ..) | (None, Some(option), None) => Ok(option),
        (None, Some(_), Some(_)) => Err(Refused::unknown(format!("option `--{shown}' is ambiguous"))),
        (None, None, _) => Err(Refused::unknown(format!("unrecognized option `--{shown}'"))),
    }
}

fn switch(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["yes", "true", "1"]) {
        Some(true)
    } else if is(["no", "false", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A decimal number, with K, M or G if it is a size; the largest of all if it is too large.
fn number(text: &str, argument: Argument) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' if argument == Argument::Size => (text.get(..text.len() - 1)?, 1 << 10),
        b'm' | b'M' if argument == Argument::Size => (text.get(..text.len() - 1)?, 1 << 20),
        b'g' | b'G' if argument == Argument::Size => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1_u64),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    Some(number.filter(|number| *number <= MOST).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(arguments: &[&str]) -> Result<Given, Refused> {
        parse(arguments.iter().map(OsString::from))
    }

    fn refused(arguments: &[&str]) -> String {
        let Refused(mut lines) = given(arguments).unwrap_err();
        assert_eq!(lines.pop().unwrap(), CANNOT_PARSE);
        lines.join("\n")
    }

    #[test]
    fn options_stand_anywhere_and_in_every_form() {
        let given = given(&[
            "a",
            "-ird",
            "db",
            "--max-files",
            "5",
            "--max-filesize=2k",
            "-l",
            "log",
            "-dx",
            "-",
            "--",
            "-i",
        ]);
        let given = given.unwrap();
        assert_eq!(given.paths, ["a", "-", "-i"].map(PathBuf::from));
        assert_eq!(given.texts("database").collect::<Vec<_>>(), ["db", "x"]);
        assert_eq!((given.number("max-files"), given.number("max-filesize")), (Some(5), Some(2048)));
        assert_eq!(
            (given.switch("infected"), given.switch("recursive"), given.switch("bell")),
            (Some(true), Some(true), None)
        );
    }

    #[test]
    fn the_first_counts() {
        let given = given(&["--max-filesize=1", "--max-filesize=1M", "--bell=no", "--bell"]).unwrap();
        assert_eq!((given.number("max-filesize"), given.switch("bell")), (Some(1), Some(false)));
    }

    #[test]
    fn names_may_be_shortened() {
        assert_eq!(given(&["--rec"]).unwrap().switch("recursive"), Some(true));
        assert_eq!(given(&["--bytecode=no"]).unwrap().switch("bytecode"), Some(false));
        assert!(refused(&["--max", "5"]).starts_with("clamscan: option `--max' is ambiguous"));
        assert!(refused(&["--INFECTED"]).starts_with("clamscan: unrecognized option `--INFECTED'"));
    }

    #[test]
    fn what_is_wrong_is_told_as_clamscan_tells_it() {
        assert_eq!(refused(&["-Z"]), "clamscan: illegal option -- Z\nERROR: Unknown option passed");
        assert_eq!(refused(&["-o=yes"]), "clamscan: illegal option -- =\nERROR: Unknown option passed");
        let missing = "ERROR: Incomplete option passed (missing argument)";
        assert_eq!(refused(&["-d"]), format!("clamscan: option requires an argument -- d\n{missing}"));
        assert_eq!(
            refused(&["--database"]),
            format!("clamscan: option `--database' requires an argument\n{missing}")
        );
        let format = |option: &str| format!("ERROR: Incorrect argument format for option {option}");
        assert_eq!(refused(&["--infected=maybe"]), format("--infected (-i)"));
        assert_eq!(refused(&["--exclude="]), "ERROR: Option --exclude requires a non-empty string argument");
        for wrong in ["", "-5", "+5", " 5", "0x10", "5T", "1.5M", "5MB", "k"] {
            assert_eq!(refused(&[&format!("--max-filesize={wrong}")]), format("--max-filesize"));
        }
        assert_eq!(refused(&["--max-files=5k"]), format("--max-files"));
    }

    #[test]
    fn too_large_numbers_are_lowered_and_old_options_ignored_with_a_warning() {
        let given = given(&["--max-filesize=99999999999999999999", "-t", "--no-mail=x"]).unwrap();
        assert_eq!(given.number("max-filesize"), Some(MOST));
        assert_eq!(
            given.warnings,
            [
                "WARNING: Numerical value for option max-filesize too high, resetting to 9223372036854775807",
                "WARNING: Ignoring deprecated option --bytecode-trust-all (-t)",
                "WARNING: Ignoring deprecated option --no-mail",
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_given_is_read_or_refused(arguments in prop::collection::vec("(-{0,2})[a-z=0-9-]{0,12}", 0..6)) {
            let given = parse(arguments.iter().map(OsString::from));
            prop_assert!(given.map_or_else(|refused| refused.0.len() >= 2, |given| given.paths.len() <= arguments.len()));
        }
    }
}
