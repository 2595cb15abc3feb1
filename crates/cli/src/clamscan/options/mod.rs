//! Every option that clamscan 1.4.6 takes, those that 1.5 and 1.6 brought, and what becomes of each here.
//!
//! `docs/clamscan.md` says the same for users; a test holds both together.

mod parse;
mod settings;

pub(super) use parse::{Given, Refused, parse};
pub(super) use settings::{Alerts, Choice, Deed, Follow, Settings, Show, Signatures};

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// `=yes` or `=no`; yes if nothing follows.
    Switch,
    /// Any text that is not empty.
    Text,
    /// A decimal number.
    Number,
    /// A decimal number, or one with K, M or G.
    Size,
    /// One of these words, in any case.
    Word(&'static [&'static str]),
    /// Anything or nothing: an option that clamscan itself ignores.
    Ignored,
}

/// What an option does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// What it does in clamscan; the documentation tells differences.
    Works,
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// An option.
#[derive(Debug)]
pub(super) struct Known {
    /// What stands behind `--`.
    pub(super) name: &'static str,
    /// The letter behind `-`, if there is one.
    pub(super) letter: Option<u8>,
    /// What follows.
    pub(super) argument: Argument,
    /// What it does.
    pub(super) effect: Effect,
}

use Argument::{Ignored, Number, Size, Switch, Text, Word};
use Effect::{Nothing, Works};

const fn long(name: &'static str, argument: Argument, effect: Effect) -> Known {
    Known { name, letter: None, argument, effect }
}

const fn both(name: &'static str, letter: u8, argument: Argument, effect: Effect) -> Known {
    Known { name, letter: Some(letter), argument, effect }
}

const ALWAYS_OPENED: Effect = Nothing("what is known is always opened");
const OWN_LIMITS: Effect = Nothing("the limits on files, bytes, depth and time cover it");
const INTERPRETED: Effect = Nothing("bytecode is always interpreted");
const BOUNDED: Effect = Nothing("the time that patterns take is bounded");
const NO_PERSONAL_DATA: Effect = Nothing("numbers of cards and persons are not looked for");
const NO_MACROS: Effect = Nothing("macros are no reason for an alert");
const NO_CACHE: Effect = Nothing("nothing is remembered between files");
const MEMORY: Effect = Nothing("objects are kept in memory");
const DEVELOPERS: Effect = Nothing("it is for developers of ClamAV");
const REMOVED: Effect = Nothing("ClamAV ignores it as well");
const NO_HINTS: Effect = Nothing("hints are not believed");
const METADATA: Effect = Nothing("the description has no addresses and digests of this kind");

/// All options, in the order of `clamscan --help`; then those of later versions, and those that it does not show.
pub(super) static OPTIONS: &[Known] = &[
    both("help", b'h', Switch, Works),
    both("version", b'V', Switch, Works),
    both("verbose", b'v', Switch, Works),
    both("archive-verbose", b'a', Switch, Works),
    long("debug", Switch, Works),
    long("quiet", Switch, Works),
    long("stdout", Switch, Works),
    long("no-summary", Switch, Works),
    both("infected", b'i', Switch, Works),
    both("suppress-ok-results", b'o', Switch, Works),
    long("bell", Switch, Works),
    long("tempdir", Text, Works),
    long("leave-temps", Switch, Works),
    long("force-to-disk", Switch, MEMORY),
    long("gen-json", Switch, Works),
    both("database", b'd', Text, Works),
    long("official-db-only", Switch, Works),
    long("fail-if-cvd-older-than", Number, Works),
    both("log", b'l', Text, Works),
    both("recursive", b'r', Switch, Works),
    both("allmatch", b'z', Switch, Works),
    long("cross-fs", Switch, Works),
    long("follow-dir-symlinks", Number, Works),
    long("follow-file-symlinks", Number, Works),
    both("file-list", b'f', Text, Works),
    long("remove", Switch, Works),
    long("move", Text, Works),
    long("copy", Text, Works),
    long("exclude", Text, Works),
    long("exclude-dir", Text, Works),
    long("include", Text, Works),
    long("include-dir", Text, Works),
    long("bytecode", Switch, Works),
    long("bytecode-unsigned", Switch, Works),
    long("bytecode-timeout", Number, Works),
    long("statistics", Word(&["none", "bytecode", "pcre"]), DEVELOPERS),
    long("detect-pua", Switch, Works),
    long("exclude-pua", Text, Works),
    long("include-pua", Text, Works),
    long("detect-structured", Switch, NO_PERSONAL_DATA),
    long("structured-ssn-format", Number, NO_PERSONAL_DATA),
    long("structured-ssn-count", Number, NO_PERSONAL_DATA),
    long("structured-cc-count", Number, NO_PERSONAL_DATA),
    long("structured-cc-mode", Word(&["0", "1"]), NO_PERSONAL_DATA),
    long("scan-mail", Switch, ALWAYS_OPENED),
    long("phishing-sigs", Switch, Works),
    long("phishing-scan-urls", Switch, Works),
    long("heuristic-alerts", Switch, Nothing("the alerts that are asked for are made")),
    long("heuristic-scan-precedence", Switch, Works),
    long("normalize", Switch, ALWAYS_OPENED),
    long("scan-pe", Switch, ALWAYS_OPENED),
    long("scan-elf", Switch, ALWAYS_OPENED),
    long("scan-ole2", Switch, ALWAYS_OPENED),
    long("scan-pdf", Switch, ALWAYS_OPENED),
    long("scan-swf", Switch, ALWAYS_OPENED),
    long("scan-html", Switch, ALWAYS_OPENED),
    long("scan-xmldocs", Switch, ALWAYS_OPENED),
    long("scan-hwp3", Switch, ALWAYS_OPENED),
    long("scan-onenote", Switch, ALWAYS_OPENED),
    long("scan-archive", Switch, ALWAYS_OPENED),
    long("scan-image", Switch, ALWAYS_OPENED),
    long("scan-image-fuzzy-hash", Switch, ALWAYS_OPENED),
    long("alert-broken", Switch, Works),
    long(
        "alert-broken-media",
        Switch,
        Nothing("pictures are decoded only for `fuzzy_img`, and are a gap where that fails"),
    ),
    long("alert-encrypted", Switch, Works),
    long("alert-encrypted-archive", Switch, Works),
    long("alert-encrypted-doc", Switch, Works),
    long("alert-macros", Switch, NO_MACROS),
    long("alert-exceeds-max", Switch, Works),
    long("alert-phishing-ssl", Switch, Works),
    long("alert-phishing-cloak", Switch, Works),
    long("alert-partition-intersection", Switch, Nothing("disk images are not opened")),
    long("nocerts", Switch, Works),
    long("dumpcerts", Switch, Works),
    long("max-scantime", Number, Works),
    long("max-filesize", Size, Works),
    long("max-scansize", Size, Works),
    long("max-files", Number, Works),
    long("max-recursion", Number, Works),
    long("max-dir-recursion", Number, Works),
    long("max-embeddedpe", Size, OWN_LIMITS),
    long("max-htmlnormalize", Size, OWN_LIMITS),
    long("max-htmlnotags", Size, OWN_LIMITS),
    long("max-scriptnormalize", Size, OWN_LIMITS),
    long("max-ziptypercg", Size, OWN_LIMITS),
    long("max-partitions", Number, OWN_LIMITS),
    long("max-iconspe", Number, OWN_LIMITS),
    long("max-rechwp3", Number, OWN_LIMITS),
    long("pcre-match-limit", Number, BOUNDED),
    long("pcre-recmatch-limit", Number, BOUNDED),
    long("pcre-max-filesize", Size, BOUNDED),
    long("disable-cache", Switch, NO_CACHE),
    // 1.5 and 1.6.
    long("cache-size", Number, NO_CACHE),
    long("cvdcertsdir", Text, Nothing("trust in containers is set when a database is built")),
    long("fips-limits", Switch, Nothing("trust in containers is set when a database is built")),
    long("hash-hint", Text, NO_HINTS),
    long("hash-alg", Text, NO_HINTS),
    long("file-type-hint", Text, NO_HINTS),
    long("log-hash", Switch, Nothing("`candor explain` shows digests")),
    long("log-file-type", Switch, Nothing("`candor explain` shows types")),
    long("json-store-html-uris", Switch, METADATA),
    long("json-store-pdf-uris", Switch, METADATA),
    long("json-store-extra-hashes", Switch, METADATA),
    // Taken and not shown: older names of others, and what is for developers.
    long("algorithmic-detection", Switch, Nothing("the alerts that are asked for are made")),
    long("block-encrypted", Switch, Works),
    long("block-macros", Switch, NO_MACROS),
    long("block-max", Switch, Works),
    long("phishing-ssl", Switch, Works),
    long("phishing-cloak", Switch, Works),
    long("partition-intersection", Switch, Nothing("disk images are not opened")),
    long("bytecode-mode", Word(&["auto", "forcejit", "forceinterpreter", "test"]), INTERPRETED),
    long("dev-ac-only", Switch, DEVELOPERS),
    long("dev-ac-depth", Number, DEVELOPERS),
    long("dev-performance", Switch, DEVELOPERS),
    // Taken with a warning.
    both("bytecode-trust-all", b't', Ignored, REMOVED),
    long("deb", Ignored, REMOVED),
    long("detect-broken", Ignored, REMOVED),
    long("disable-summary", Ignored, REMOVED),
    long("force", Ignored, REMOVED),
    long("jar", Ignored, REMOVED),
    long("lha", Ignored, REMOVED),
    long("mail-follow-urls", Ignored, REMOVED),
    long("max-ratio", Ignored, REMOVED),
    long("max-space", Ignored, REMOVED),
    long("no-algorithmic", Ignored, REMOVED),
    long("no-archive", Ignored, REMOVED),
    long("no-elf", Ignored, REMOVED),
    long("no-html", Ignored, REMOVED),
    long("no-mail", Ignored, REMOVED),
    long("no-ole2", Ignored, REMOVED),
    long("no-pdf", Ignored, REMOVED),
    long("no-pe", Ignored, REMOVED),
    long("no-phishing-restrictedscan", Ignored, REMOVED),
    long("no-phishing-scan-urls", Ignored, REMOVED),
    long("no-phishing-sigs", Ignored, REMOVED),
    long("tar", Ignored, REMOVED),
    long("tgz", Ignored, REMOVED),
    long("timelimit", Ignored, REMOVED),
    long("unrar", Ignored, REMOVED),
    long("unzip", Ignored, REMOVED),
    long("unzoo", Ignored, REMOVED),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_option_is_there_twice() {
        let names: HashSet<&str> = OPTIONS.iter().map(|option| option.name).collect();
        let letters: Vec<u8> = OPTIONS.iter().filter_map(|option| option.letter).collect();
        assert_eq!(names.len(), OPTIONS.len());
        assert_eq!(letters.iter().collect::<HashSet<_>>().len(), letters.len());
        assert!(OPTIONS.len() >= 119);
    }

    #[test]
    fn the_page_says_what_becomes_of_every_option() {
        let page = include_str!("../../../../../docs/clamscan.md");
        for Known { name, letter, effect, .. } in OPTIONS {
            let start = match letter {
                Some(letter) => format!("| `--{name}`, `-{}` |", char::from(*letter)),
                None => format!("| `--{name}` |"),
            };
            let row = page.lines().find(|line| line.starts_with(&start));
            let row = row.unwrap_or_else(|| panic!("docs/clamscan.md has no row {start}"));
            let without_effect = row.contains("| no effect: ");
            match effect {
                Works => assert!(!without_effect, "{row}"),
                Nothing(reason) => assert!(row.contains(&format!("| no effect: {reason} |")), "{row}"),
            }
        }
    }
}
