//! Which files are scanned: what is named, and what lies in folders, as clamscan chooses.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::options::{Choice, Follow};
use crate::examine::Links;

/// What is met on the way.
#[derive(Debug)]
pub(super) enum Step {
    /// A file to scan, and whether a link may lead to it.
    File(PathBuf, Links),
    /// Standard input.
    StandardInput,
    /// A folder that is looked into.
    Folder,
    /// Something that is not scanned, with the words for it.
    Left(PathBuf, &'static str),
    /// A folder that cannot be looked into.
    ClosedFolder(PathBuf),
    /// A folder that lies too deep.
    TooDeep(PathBuf),
    /// Something that was named and is not there.
    Missing(PathBuf, io::Error),
    /// Something that was named and is neither file nor folder.
    Unfit(PathBuf),
}

/// Nobody wants more.
#[derive(Debug)]
pub(super) struct Unwanted;

/// Takes each step; an error ends the way.
pub(super) trait Take: FnMut(Step) -> Result<(), Unwanted> {}

impl<T: FnMut(Step) -> Result<(), Unwanted>> Take for T {}

/// Takes the steps that a path stands for; what lies in a folder in the order of its names.
pub(super) fn named(path: &Path, choice: &Choice, take: &mut impl Take) -> Result<(), Unwanted> {
    if path == OsStr::new("-") {
        return take(Step::StandardInput);
    }
    let (metadata, links) = match fs::symlink_metadata(path).and_then(|seen| target(path, seen)) {
        Ok(met) => met,
        Err(error) => return take(Step::Missing(path.to_owned(), error)),
    };
    let followed = if metadata.is_dir() { choice.folder_links } else { choice.file_links };
    if links == Links::Followed && followed == Follow::Never {
        return take(Step::Left(path.to_owned(), SYMBOLIC_LINK));
    }
    if metadata.is_dir() {
        let device = metadata.dev();
        return Walk { choice, take, device, way: Vec::new() }.folder(path, &metadata);
    }
    if metadata.is_file() {
        return file(path, &metadata, links, choice, take);
    }
    take(Step::Unfit(path.to_owned()))
}

const SYMBOLIC_LINK: &str = "Symbolic link";
const EXCLUDED: &str = "Excluded";

/// What a path leads to, and whether through a link.
fn target(path: &Path, seen: Metadata) -> io::Result<(Metadata, Links)> {
    if seen.is_symlink() {
        fs::metadata(path).map(|target| (target, Links::Followed))
    } else {
        Ok((seen, Links::Refused))
    }
}

fn file(
    path: &Path,
    metadata: &Metadata,
    links: Links,
    choice: &Choice,
    take: &mut impl Take,
) -> Result<(), Unwanted> {
    if !choice.files.are_all_wanted() {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !choice.files.want(real.as_os_str()) {
            return take(Step::Left(path.to_owned(), EXCLUDED));
        }
    }
    // Files of /proc say that they are empty, and are not; clamscan does not look into them either.
    if metadata.len() == 0 {
        return take(Step::Left(path.to_owned(), "Empty file"));
    }
    take(Step::File(path.to_owned(), links))
}

struct Walk<'a, T> {
    choice: &'a Choice,
    take: &'a mut T,
    /// The file system of the folder that was named.
    device: u64,
    /// The folders around, so that links cannot lead in circles.
    way: Vec<(u64, u64)>,
}

impl<T: Take> Walk<'_, T> {
    fn folder(&mut self, path: &Path, metadata: &Metadata) -> Result<(), Unwanted> {
        if !self.choice.folders.want(path.as_os_str()) {
            return (self.take)(Step::Left(path.to_owned(), EXCLUDED));
        }
        if self.way.len() as u64 >= self.choice.depth {
            return (self.take)(Step::TooDeep(path.to_owned()));
        }
        let Ok(names) = names(path) else {
            return (self.take)(Step::ClosedFolder(path.to_owned()));
        };
        (self.take)(Step::Folder)?;
        self.way.push((metadata.dev(), metadata.ino()));
        for name in names {
            self.entry(&path.join(name))?;
        }
        self.way.pop();
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<(), Unwanted> {
        let Ok(seen) = fs::symlink_metadata(path) else {
            // It is gone.
            return Ok(());
        };
        let left = Step::Left(path.to_owned(), SYMBOLIC_LINK);
        let Ok((metadata, links)) = target(path, seen) else {
            return (self.take)(left);
        };
        let followed = if metadata.is_dir() { self.choice.folder_links } else { self.choice.file_links };
        let circle = self.way.contains(&(metadata.dev(), metadata.ino()));
        if links == Links::Followed && (followed != Follow::Always || circle) {
            return (self.take)(left);
        }
        if metadata.is_dir() {
            let elsewhere = metadata.dev() != self.device && !self.choice.other_file_systems;
            if !self.choice.recursive || elsewhere {
                return Ok(());
            }
            return self.folder(path, &metadata);
        }
        if metadata.is_file() {
            return file(path, &metadata, links, self.choice, self.take);
        }
        Ok(())
    }
}

fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name());
    }
    names.sort();
    Ok(names)
}

/// The paths of a list, one in each line. Lines may end in CR LF; what else is in them is a part of a name.
pub(super) fn listed(text: &[u8]) -> Vec<PathBuf> {
    let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.is_empty()).map(|line| OsStr::from_bytes(line).into()).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::clamscan::options::{Settings, parse};

    /// What is met, as clamscan would tell it.
    fn met(folder: &Path, arguments: &[&str]) -> Vec<String> {
        let given = parse(arguments.iter().map(OsString::from)).unwrap();
        let choice = Settings::of(&given, &mut Vec::new()).unwrap().choice;
        let mut met = Vec::new();
        let mut take = |step: Step| {
            let (path, words) = match &step {
                Step::File(path, _) => (path, "OK"),
                Step::Left(path, words) => (path, *words),
                Step::TooDeep(path) => (path, "too deep"),
                Step::Missing(path, _) => (path, "missing"),
                Step::Unfit(path) | Step::ClosedFolder(path) => (path, "unfit"),
                Step::StandardInput | Step::Folder => return Ok(()),
            };
            met.push(format!("{}: {words}", path.strip_prefix(folder).unwrap().display()));
            Ok(())
        };
        named(folder, &choice, &mut take).unwrap();
        met
    }

    #[test]
    fn folders_are_looked_into_as_clamscan_does() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let path = |name: &str| root.join(name);
        fs::create_dir_all(path("sub/deep")).unwrap();
        for name in ["bad", "sub/one", "sub/deep/two"] {
            fs::write(path(name), "x").unwrap();
        }
        fs::write(path("empty"), "").unwrap();
        symlink("bad", path("link")).unwrap();
        symlink("nothing", path("dangling")).unwrap();
        symlink("..", path("sub/up")).unwrap();
        let flat = ["bad: OK", "dangling: Symbolic link", "empty: Empty file", "link: Symbolic link"];
        assert_eq!(met(&root, &[]), flat);
        let deep = ["sub/deep/two: OK", "sub/one: OK", "sub/up: Symbolic link"];
        assert_eq!(met(&root, &["-r"]), [&flat[..], &deep].concat());
        // A circle is not gone round.
        let always = ["-r", "--follow-dir-symlinks=2", "--follow-file-symlinks=2"];
        assert_eq!(met(&root, &always)[2..4], ["empty: Empty file", "link: OK"]);
        assert_eq!(met(&root, &always)[6], "sub/up: Symbolic link");
        assert_eq!(met(&root, &["-r", "--max-dir-recursion=1"])[4..], ["sub: too deep"]);
        assert_eq!(met(&root, &["-r", "--exclude-dir=/sub$"])[4..], ["sub: Excluded"]);
        let files = met(&root, &["-r", "--include=^.*o$", "--exclude=deep"]);
        assert_eq!(
            files,
            [
                "bad: Excluded",
                flat[1],
                "empty: Excluded",
                flat[3],
                "sub/deep/two: Excluded",
                "sub/one: Excluded",
                deep[2]
            ]
        );
    }

    #[test]
    fn a_list_has_one_path_in_each_line() {
        assert_eq!(
            listed(b"a\n b \r\n\n\xff"),
            [Path::new("a"), Path::new(" b "), OsStr::from_bytes(b"\xff").as_ref()]
        );
    }
}
