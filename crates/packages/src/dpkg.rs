//! The package database of Debian and its children, `/var/lib/dpkg` (dpkg(1), deb-md5sums(5), dpkg-divert(1)).
//!
//! Its files are read as text that anybody may have written: with bounds, and nothing in it is run. MD5 is what
//! the packages have; whoever could make a file with the MD5 of another in its place could do anything.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem::{self, Finder};

use crate::names::merged;
use crate::{Digest, Owner, Vouched};

/// Longest list of a package that is read, in bytes; the longest in Debian 12 has about 6 MB.
const MOST_OF_A_LIST: u64 = 64 << 20;
/// Longest `status` that is read, in bytes; about 1.5 KB for each package.
const MOST_OF_STATUS: u64 = 256 << 20;
/// Most files in the folder of lists: some ten for each package.
const MOST_FILES: usize = 1_000_000;

/// Asks the database in this folder.
pub(crate) fn owner(database: &Path, path: &Path, file: &File) -> Owner {
    if !database.join("info").is_dir() {
        return Owner::NoDatabase;
    }
    match ask(database, path, file) {
        Ok(owner) => owner,
        Err(error) => Owner::Unknown(format!("{} cannot be read: {error}", database.display())),
    }
}

fn ask(database: &Path, path: &Path, file: &File) -> io::Result<Owner> {
    let names = names(database, path)?;
    let mut compared = Compared::default();
    let mut modified = None;
    let mut listed = None;
    let lists = lists(database)?;
    for (list, ending) in &lists {
        let ending_of_sums = *ending == Ending::Sums;
        // A file that is known by its checksum need not be looked for in the lists as well.
        if !ending_of_sums && modified.is_some() {
            break;
        }
        let text = read_bounded(&database.join("info").join(list), MOST_OF_A_LIST)?;
        for name in &names {
            if ending_of_sums {
                for sum in sums(&text, name) {
                    if compared.is(file, &sum)? {
                        return Ok(Owner::Unmodified(package(list)));
                    }
                    modified = Some(package(list));
                }
            } else if is_listed(&text, name) {
                listed = Some(package(list));
            }
        }
    }
    let status = read_bounded(&database.join("status"), MOST_OF_STATUS)?;
    for name in &names {
        for (package, sum) in configuration(&status, name) {
            if compared.is(file, &sum)? {
                return Ok(Owner::Unmodified(package));
            }
            modified = Some(package);
        }
    }
    Ok(match (modified, listed) {
        (Some(package), _) => Owner::Modified(package),
        (None, Some(package)) => Owner::Unknown(format!("the package {package} has no checksum of it")),
        (None, None) => Owner::Nobody,
    })
}

/// What the name of a list ends in; checksums come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Sums,
    List,
}

fn lists(database: &Path) -> io::Result<Vec<(String, Ending)>> {
    let mut lists = Vec::new();
    for (number, file) in fs::read_dir(database.join("info"))?.enumerate() {
        if number >= MOST_FILES {
            return Err(io::Error::other("the folder info has too many files"));
        }
        let Ok(name) = file?.file_name().into_string() else { continue };
        if name.ends_with(".md5sums") {
            lists.push((name, Ending::Sums));
        } else if name.ends_with(".list") {
            lists.push((name, Ending::List));
        }
    }
    lists.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    Ok(lists)
}

fn package(list: &str) -> String {
    list.trim_end_matches(".md5sums").trim_end_matches(".list").to_owned()
}

fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let of_this = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    // The folder belongs to root; a FIFO in it would be root's own doing.
    let file = File::open(path).map_err(of_this)?;
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text).map_err(of_this)?;
    if text.len() as u64 > most {
        return Err(of_this(io::Error::other("it is too long")));
    }
    Ok(text)
}

/// Every name that packages may have for this path, without the first slash: those before and after the
/// merging of `/usr`, and those that were diverted to it. A name too many does no harm, since content decides.
fn names(database: &Path, path: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let path = path.as_os_str().as_bytes();
    let mut names = merged(path.strip_prefix(b"/").unwrap_or(path));
    for Diversion { from, to, .. } in diversions(database)? {
        if !merged(&to).is_disjoint(&names) {
            names.extend(merged(&from));
        }
    }
    Ok(names)
}

/// A file that has another name since a package wanted it so.
struct Diversion {
    from: Vec<u8>,
    to: Vec<u8>,
    /// That package, whose own file keeps the name.
    by: String,
}

fn diversions(database: &Path) -> io::Result<Vec<Diversion>> {
    let text = match read_bounded(&database.join("diversions"), MOST_OF_A_LIST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    // Three lines each.
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let each = lines.chunks_exact(3).filter_map(|diversion| {
        let [from, to, by] = diversion else { return None };
        let (from, to) = (from.strip_prefix(b"/")?, to.strip_prefix(b"/")?);
        let by = String::from_utf8_lossy(by).into_owned();
        Some(Diversion { from: from.to_vec(), to: to.to_vec(), by })
    });
    Ok(each.collect())
}

/// The checksums of a name in a list such as `d41d8cd98f00b204e9800998ecf8427e  usr/bin/true`.
fn sums(text: &[u8], name: &[u8]) -> Vec<Digest> {
    let line = [b"  ", name].concat();
    Finder::new(&line)
        .find_iter(text)
        .filter(|at| ends_a_line(text, at + line.len()))
        .filter_map(|at| {
            let begin = at.checked_sub(32)?;
            begins_a_line(text, begin).then(|| sum(text.get(begin..at)?)).flatten()
        })
        .collect()
}

fn is_listed(text: &[u8], name: &[u8]) -> bool {
    let line = [b"/", name].concat();
    Finder::new(&line).find_iter(text).any(|at| begins_a_line(text, at) && ends_a_line(text, at + line.len()))
}

/// Packages with this configuration file and its checksum, from lines such as ` /etc/motd d41d8cd9… obsolete`.
fn configuration(status: &[u8], name: &[u8]) -> Vec<(String, Digest)> {
    let line = [b"\n /", name, b" "].concat();
    Finder::new(&line)
        .find_iter(status)
        .filter_map(|at| {
            let sum_at = at + line.len();
            let sum = sum(status.get(sum_at..sum_at + 32)?)?;
            // It belongs to the paragraph that began last.
            let before = status.get(..at)?;
            let field = memmem::rfind(before, b"\nPackage: ").map_or(0, |at| at + 1);
            let field = before.get(field..)?.strip_prefix(b"Package: ")?;
            let package = field.split(|byte| *byte == b'\n').next()?;
            Some((String::from_utf8_lossy(package).into_owned(), sum))
        })
        .collect()
}

fn begins_a_line(text: &[u8], at: usize) -> bool {
    at == 0 || text.get(at - 1) == Some(&b'\n')
}

fn ends_a_line(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), None | Some(b'\n'))
}

/// The digits of an MD5.
fn sum(digits: &[u8]) -> Option<Digest> {
    Digest::from_hex(digits).filter(|_| digits.len() == 32)
}

/// The digests that a file was compared with: it is read once for each.
#[derive(Default)]
struct Compared(BTreeMap<Digest, bool>);

impl Compared {
    fn is(&mut self, file: &File, sum: &Digest) -> io::Result<bool> {
        if let Some(same) = self.0.get(sum) {
            return Ok(*same);
        }
        let same = sum.is_of(file)?;
        self.0.insert(sum.clone(), same);
        Ok(same)
    }
}

/// All files with a checksum, configuration files included.
pub(crate) fn vouched(database: &Path) -> io::Result<Vec<Vouched>> {
    if !database.join("info").is_dir() {
        return Ok(Vec::new());
    }
    let diversions = diversions(database)?;
    let mut all = Vec::new();
    for (list, _) in lists(database)?.iter().filter(|(_, ending)| *ending == Ending::Sums) {
        let text = read_bounded(&database.join("info").join(list), MOST_OF_A_LIST)?;
        for line in text.split(|byte| *byte == b'\n') {
            let Some((digits, name)) = line.split_at_checked(32) else { continue };
            if let (Some(digest), Some(name)) = (sum(digits), name.strip_prefix(b"  ")) {
                all.extend(vouch(&diversions, name, package(list), digest));
            }
        }
    }
    let status = read_bounded(&database.join("status"), MOST_OF_STATUS)?;
    let mut package = String::new();
    for line in status.split(|byte| *byte == b'\n') {
        if let Some(name) = line.strip_prefix(b"Package: ") {
            package = String::from_utf8_lossy(name).into_owned();
        } else if let Some(file) = line.strip_prefix(b" /") {
            // ` /etc/motd d41d8cd9… obsolete`; a name may have spaces in it.
            let file = file.strip_suffix(b" obsolete").unwrap_or(file);
            let Some((name, digits)) = file.len().checked_sub(32).map(|at| file.split_at(at)) else {
                continue;
            };
            if let (Some(digest), Some(name)) = (sum(digits), name.strip_suffix(b" ")) {
                all.extend(vouch(&diversions, name, package.clone(), digest));
            }
        }
    }
    Ok(all)
}

/// A file under the name that it has on the disk.
fn vouch(diversions: &[Diversion], name: &[u8], package: String, digest: Digest) -> Option<Vouched> {
    if name.split(|byte| *byte == b'/').any(|part| part.is_empty() || part == b"..") {
        return None;
    }
    let names = merged(name);
    let bare = package.split(':').next().unwrap_or_default();
    let diverted =
        diversions.iter().find(|diversion| names.contains(&diversion.from) && diversion.by != bare);
    let name = diverted.map_or(name, |diversion| &diversion.to);
    let path = PathBuf::from(OsStr::from_bytes(&[b"/", name].concat()));
    Some(Vouched { path, package, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ground(tempfile::TempDir);

    impl Ground {
        fn new() -> Self {
            let ground = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(ground.0.path().join("info")).unwrap();
            ground.with("status", "Package: other\nStatus: install ok installed\n")
        }

        fn with(self, name: &str, text: &str) -> Self {
            fs::write(self.0.path().join(name), text).unwrap();
            self
        }

        fn owner(&self, path: &str, content: &str) -> Owner {
            let file = self.0.path().join("asked");
            fs::write(&file, content).unwrap();
            owner(self.0.path(), Path::new(path), &File::open(file).unwrap())
        }
    }

    fn md5(content: &str) -> String {
        use md5::{Digest as _, Md5};
        hex::encode(Md5::digest(content))
    }

    fn unmodified(package: &str) -> Owner {
        Owner::Unmodified(package.to_owned())
    }

    fn modified(package: &str) -> Owner {
        Owner::Modified(package.to_owned())
    }

    #[test]
    fn files_are_compared_with_their_checksums() {
        let sums = format!("{}  usr/bin/tool\n{}  usr/share/a b\n", md5("tool"), md5("shared"));
        let ground = Ground::new().with("info/tools:amd64.md5sums", &sums);
        assert_eq!(ground.owner("/usr/bin/tool", "tool"), unmodified("tools:amd64"));
        assert_eq!(ground.owner("/bin/tool", "tool"), unmodified("tools:amd64"));
        assert_eq!(ground.owner("/usr/share/a b", "shared"), unmodified("tools:amd64"));
        assert_eq!(ground.owner("/usr/bin/tool", "changed"), modified("tools:amd64"));
        for path in ["/usr/bin/too", "/usr/bin/tool2", "/home/usr/bin/tool", "/share/a b", "/b"] {
            assert_eq!(ground.owner(path, "tool"), Owner::Nobody, "{path}");
        }
    }

    #[test]
    fn names_from_before_the_merging_are_known() {
        let ground = Ground::new().with("info/old.md5sums", &format!("{}  lib64/ld.so", md5("ld")));
        assert_eq!(ground.owner("/usr/lib64/ld.so", "ld"), unmodified("old"));
    }

    #[test]
    fn diverted_files_are_those_of_their_package() {
        let ground = Ground::new()
            .with("info/dash.md5sums", &format!("{}  bin/sh\n", md5("dash")))
            .with("diversions", "/bin/sh\n/bin/sh.distrib\nbash\n/usr/bin/x\n");
        assert_eq!(ground.owner("/usr/bin/sh.distrib", "dash"), unmodified("dash"));
        assert_eq!(ground.owner("/usr/bin/sh.distrib", "evil"), modified("dash"));
    }

    #[test]
    fn configuration_files_are_in_the_status() {
        let ground = Ground::new().with(
            "status",
            &format!(
                "Package: first\nConffiles:\n /etc/a {}\n\nPackage: second\nConffiles:\n /etc/b {} obsolete\n",
                md5("a"),
                md5("b")
            ),
        );
        assert_eq!(ground.owner("/etc/a", "a"), unmodified("first"));
        assert_eq!(ground.owner("/etc/b", "b"), unmodified("second"));
        assert_eq!(ground.owner("/etc/b", "changed"), modified("second"));
    }

    #[test]
    fn without_a_checksum_it_cannot_be_told() {
        let ground = Ground::new().with("info/bare.list", "/.\n/usr\n/usr/bin\n/usr/bin/bare\n");
        assert!(
            matches!(ground.owner("/usr/bin/bare", "x"), Owner::Unknown(reason) if reason.contains("bare"))
        );
        assert_eq!(ground.owner("/usr/bin/bar", "x"), Owner::Nobody);
    }

    #[test]
    fn a_missing_or_unreadable_database_is_told() {
        let ground = Ground::new();
        fs::remove_file(ground.0.path().join("status")).unwrap();
        assert!(matches!(ground.owner("/usr/bin/x", "x"), Owner::Unknown(_)));
        fs::remove_dir(ground.0.path().join("info")).unwrap();
        assert_eq!(ground.owner("/usr/bin/x", "x"), Owner::NoDatabase);
    }

    #[test]
    fn nonsense_is_no_checksum() {
        for text in
            ["", "\n\n", "  usr/bin/tool", "zz  usr/bin/tool\n", &format!("{}  ", md5("x")), "\0\0  \n"]
        {
            let ground =
                Ground::new().with("info/odd.md5sums", text).with("status", text).with("diversions", text);
            assert_eq!(ground.owner("/usr/bin/tool", "tool"), Owner::Nobody, "{text:?}");
        }
    }

    #[test]
    fn all_files_with_a_checksum_are_told() {
        let ground = Ground::new()
            .with(
                "info/dash.md5sums",
                &format!("{}  bin/sh\n{}  usr/a b\nnonsense\n{}  ../x\n", md5("1"), md5("2"), md5("3")),
            )
            .with("diversions", "/usr/bin/sh\n/usr/bin/sh.distrib\nbash\n")
            .with("status", &format!("Package: first\nConffiles:\n /etc/a c {} obsolete\n", md5("a")));
        let all = vouched(ground.0.path()).unwrap();
        let told: Vec<(&str, &str)> =
            all.iter().map(|file| (file.path.to_str().unwrap(), file.package.as_str())).collect();
        assert_eq!(told, [("/usr/bin/sh.distrib", "dash"), ("/usr/a b", "dash"), ("/etc/a c", "first")]);
    }
}
