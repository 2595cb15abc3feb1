//! What is not to be examined: patterns of paths as the incumbent writes them, and how much each of them hides.
//!
//! Source: "Mount point path window" of the vendor's help (KESSLinux 3.3, page 248968): `*` stands for any characters
//! within a name, `**` for any characters with slashes, `?` for one character.

use regex::bytes::{Regex, RegexBuilder};
use serde::Serialize;

/// Memory that one compiled pattern may take, in bytes.
const MOST_COMPILED: usize = 1 << 20;

/// A pattern of paths that are not examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exclusion {
    /// For `candor scan --exclude`.
    pub glob: String,
    /// For `clamd.exclude` of candord.
    pub regex: String,
    /// What it hides that should not be hidden.
    pub danger: Option<Danger>,
}

/// How much an exclusion hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// Every file.
    Everything,
    /// A whole folder of the system, or files of its kind in all of them.
    SystemFolder,
    /// Every file of a kind that malware comes in, wherever it lies.
    KindOfMalware,
    /// A folder that every user and every program may write to.
    WritableByAll,
    /// Something within a folder of the system.
    WithinSystem,
}

impl Danger {
    /// For people.
    pub fn described(self) -> &'static str {
        match self {
            Self::Everything => "it hides every file",
            Self::SystemFolder => "it hides a whole folder of the system",
            Self::KindOfMalware => "it hides, everywhere, a kind of file that malware comes in",
            Self::WritableByAll => "it hides a folder that everybody may write to",
            Self::WithinSystem => "it hides something within a folder of the system",
        }
    }

    /// Whether such an exclusion is taken over only if somebody insists.
    pub fn is_refused(self) -> bool {
        self <= Self::KindOfMalware
    }
}

/// Folders of the system; what is in them runs with more rights than a user has.
const SYSTEM: [&str; 17] = [
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib64",
    "/opt",
    "/root",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/sbin",
    "/var/lib",
    "/var/spool/cron",
];
/// Folders in which everybody may put a file.
const WRITABLE: [&str; 6] = ["/dev/shm", "/home", "/run", "/srv", "/tmp", "/var/tmp"];
/// Names as malware has them.
const MALWARE: [&str; 14] = [
    "x", "x.bin", "x.dll", "x.docm", "x.elf", "x.exe", "x.jar", "x.js", "x.ko", "x.php", "x.ps1", "x.py",
    "x.sh", "x.so",
];
/// A folder that nobody has.
const ELSEWHERE: &str = "/candor-probe-7f2a/b";

impl Exclusion {
    /// A folder or file with all that is below it, and of that only what a mask fits, if there is one other than `*`.
    ///
    /// # Errors
    /// Why it is no pattern of paths.
    pub fn of_path(path: &str, mask: Option<&str>) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!("{path:?} is no absolute path"));
        }
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let mask = mask.map(str::trim).filter(|mask| !mask.is_empty() && *mask != "*");
        let (glob, regex) = match mask {
            // A mask may be a path of its own.
            Some(mask) if mask.starts_with('/') => (globbed(mask), format!("^{}(/|$)", regexed(mask))),
            Some(mask) => {
                let parent = if path == "/" { "" } else { path };
                (
                    format!("{}/**/{}", globbed(parent), globbed(mask)),
                    format!("^{}/(.*/)?{}$", regexed(parent), regexed(mask)),
                )
            }
            None if path == "/" => ("/**".to_owned(), "^/".to_owned()),
            None => (globbed(path), format!("^{}(/|$)", regexed(path))),
        };
        Self::new(glob, regex)
    }

    /// Files whose name a mask fits, wherever they are.
    ///
    /// # Errors
    /// Why it is no mask.
    pub fn of_name(mask: &str) -> Result<Self, String> {
        let mask = mask.trim();
        if mask.is_empty() {
            return Err("an empty mask".to_owned());
        }
        if mask.starts_with('/') {
            return Self::of_path(mask, None);
        }
        Self::new(globbed(mask), format!("(^|/){}$", regexed(mask)))
    }

    fn new(glob: String, regex: String) -> Result<Self, String> {
        let compiled = RegexBuilder::new(&regex).unicode(false).size_limit(MOST_COMPILED).build();
        let compiled = compiled.map_err(|_| "the pattern is too long".to_owned())?;
        let danger = danger(&compiled);
        Ok(Self { glob, regex, danger })
    }
}

/// How much a regular expression of paths hides, if it is one.
pub fn danger_of(regex: &str) -> Option<Danger> {
    RegexBuilder::new(regex).unicode(false).size_limit(MOST_COMPILED).build().ok().as_ref().and_then(danger)
}

/// How much a pattern hides, by what it does with files as there could be.
fn danger(pattern: &Regex) -> Option<Danger> {
    let hides = |folder: &str, name: &str| pattern.is_match(format!("{folder}/{name}").as_bytes());
    let all = |folder: &str| MALWARE.iter().all(|name| hides(folder, name));
    let any = |folder: &str| MALWARE.iter().any(|name| hides(folder, name));
    if all(ELSEWHERE) {
        return Some(Danger::Everything);
    }
    if any(ELSEWHERE) {
        return Some(Danger::KindOfMalware);
    }
    if SYSTEM.into_iter().any(any) {
        return Some(Danger::SystemFolder);
    }
    if WRITABLE.into_iter().any(any) {
        return Some(Danger::WritableByAll);
    }
    // Where the pattern begins with plain text, that says where it reaches.
    let text = pattern.as_str().trim_start_matches('^').replace('\\', "");
    let within = |folder: &&str| text.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    let is_data = text.starts_with("/var/lib/") || text.starts_with("/opt/");
    SYSTEM.iter().any(|folder| within(folder) && !is_data).then_some(Danger::WithinSystem)
}

/// The mask as `candor scan --exclude` writes it, where brackets and braces mean something as well.
fn globbed(mask: &str) -> String {
    let mut glob = String::new();
    for character in mask.chars() {
        match character {
            '[' | ']' | '{' | '}' => glob.extend(['[', character, ']']),
            '\\' => glob.push_str("\\\\"),
            _ => glob.push(character),
        }
    }
    glob
}

/// The mask as a regular expression.
fn regexed(mask: &str) -> String {
    let mut regex = String::new();
    let mut characters = mask.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.peek() == Some(&'*') => {
                while characters.next_if_eq(&'*').is_some() {}
                regex.push_str(".*");
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            _ => regex.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
        }
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, mask: &str) -> Exclusion {
        Exclusion::of_path(path, Some(mask)).unwrap()
    }

    #[test]
    fn paths_and_masks_hide_what_they_hid() {
        let matches = |exclusion: &Exclusion, path: &str| {
            Regex::new(&exclusion.regex).unwrap().is_match(path.as_bytes())
        };
        let folder = path("/srv/data/", "*");
        assert_eq!((folder.glob.as_str(), folder.regex.as_str()), ("/srv/data", "^/srv/data(/|$)"));
        assert!(matches(&folder, "/srv/data/x/y") && !matches(&folder, "/srv/database"));
        let logs = path("/tmp/logs", "*.log");
        assert_eq!(logs.glob, "/tmp/logs/**/*.log");
        assert!(matches(&logs, "/tmp/logs/a.log") && matches(&logs, "/tmp/logs/b/a.log"));
        assert!(!matches(&logs, "/tmp/logs/a.logs") && !matches(&logs, "/tmp/a.log"));
        let deep = path("/d/**/x[1]", "*");
        assert_eq!(deep.glob, "/d/**/x[[]1[]]");
        assert!(matches(&deep, "/d/a/b/x[1]/c"));
        let name = Exclusion::of_name("*.iso").unwrap();
        assert!(matches(&name, "/a/b.iso") && !matches(&name, "/a/b.iso.exe"));
        assert!(Exclusion::of_path("AllRemoteMounted", None).is_err() && Exclusion::of_name(" ").is_err());
    }

    #[test]
    fn what_hides_too_much_is_known() {
        for (exclusion, danger) in [
            (path("/", "*"), Some(Danger::Everything)),
            (path("/**", "*"), Some(Danger::Everything)),
            (path("/*", "*"), Some(Danger::Everything)),
            (Exclusion::of_name("*").unwrap(), Some(Danger::Everything)),
            (Exclusion::of_name("*.*").unwrap(), Some(Danger::KindOfMalware)),
            (path("/", "*.so"), Some(Danger::KindOfMalware)),
            (path("/usr", "*"), Some(Danger::SystemFolder)),
            (path("/u*/", "*"), Some(Danger::SystemFolder)),
            (path("/usr/lib", "*.so"), Some(Danger::SystemFolder)),
            (path("/var", "*"), Some(Danger::SystemFolder)),
            (path("/tmp", "*"), Some(Danger::WritableByAll)),
            (path("/home", "*.js"), Some(Danger::WritableByAll)),
            (path("/usr/share/app/data", "*"), Some(Danger::WithinSystem)),
            (path("/var/lib/postgresql", "*"), None),
            (path("/opt/app/logs", "*.log"), None),
            (Exclusion::of_name("*.vmdk").unwrap(), None),
        ] {
            assert_eq!(exclusion.danger, danger, "{}", exclusion.glob);
        }
    }
}
