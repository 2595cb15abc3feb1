//! The package database of Red Hat, SUSE and their children, asked through the program `rpm` (rpm(8), rpm-queryformat(7)).
//!
//! It runs without an environment, is given an absolute path behind `--`, and gets no more time and says no more than
//! is bounded here. A database without the program is one that cannot be told of, and never one that is not there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::names::merged;
use crate::{Digest, Owner, Vouched};

/// Where every distribution with rpm has it.
pub(crate) const PROGRAM: &str = "/usr/bin/rpm";
/// Folders of the database, below the root.
const DATABASES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
/// Files of which a database has one.
const FILES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];
/// One line for each file of a package: package, digest, flags, mode, name.
const FORMAT: &str =
    "[%{=NAME}-%{=VERSION}-%{=RELEASE}.%{=ARCH}\t%{FILEDIGESTS}\t%{FILEFLAGS}\t%{FILEMODES}\t%{FILENAMES}\n]";
/// What rpm says of a file that no package has, in the language of programs.
const NOBODY: &[u8] = b"is not owned by any package";
/// Files that a package lists and does not bring (RPMFILE_GHOST).
const GHOST: u64 = 1 << 6;
/// The kind of a file in its mode, and that of regular files.
const KIND: u64 = 0o170_000;
const REGULAR: u64 = 0o100_000;
/// Most bytes that it says; 5,000 packages with 600,000 files are some 100 MB.
const MOST: u64 = 512 << 20;
/// How long it may take for one file, and for all.
const ONE: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(300);

/// Whose file this is.
pub(crate) fn owner(program: &Path, root: &Path, path: &Path, file: &File) -> Owner {
    let Some(database) = database(root) else { return Owner::NoDatabase };
    let query =
        [OsStr::new("-qf"), OsStr::new("--qf"), OsStr::new(FORMAT), OsStr::new("--"), path.as_os_str()];
    match ask(program, &database, &query, ONE).and_then(|said| judge(&said, path, file)) {
        Ok(owner) => owner,
        Err(error) => {
            Owner::Unknown(format!("the package database {} cannot be asked: {error}", database.display()))
        }
    }
}

/// All files with a digest.
pub(crate) fn vouched(program: &Path, root: &Path) -> io::Result<Vec<Vouched>> {
    let Some(database) = database(root) else { return Ok(Vec::new()) };
    let query = [OsStr::new("-qa"), OsStr::new("--qf"), OsStr::new(FORMAT)];
    let said = ask(program, &database, &query, ALL)?;
    if !said.success {
        return Err(io::Error::other(format!("{} failed: {}", program.display(), said.beginning())));
    }
    Ok(files(&said.text).filter_map(|file| Some(file.vouched(file.digest.clone()?))).collect())
}

fn judge(said: &Said, path: &Path, file: &File) -> io::Result<Owner> {
    let path = path.as_os_str().as_bytes();
    let names = merged(path.strip_prefix(b"/").unwrap_or(path));
    let mut owner = None;
    for listed in
        files(&said.text).filter(|file| file.name.strip_prefix(b"/").is_some_and(|name| names.contains(name)))
    {
        match &listed.digest {
            Some(digest) if digest.is_of(file)? => return Ok(Owner::Unmodified(listed.package())),
            Some(_) => owner = Some(Owner::Modified(listed.package())),
            None if owner.is_none() => {
                let reason = format!("the package {} has no digest of it", listed.package());
                owner = Some(Owner::Unknown(reason));
            }
            None => {}
        }
    }
    match owner {
        Some(owner) => Ok(owner),
        None if !said.success && said.text.windows(NOBODY.len()).any(|part| part == NOBODY) => {
            Ok(Owner::Nobody)
        }
        None => Err(io::Error::other(format!("rpm says: {}", said.beginning()))),
    }
}

/// A line of [`FORMAT`].
struct Listed<'t> {
    package: &'t [u8],
    digest: Option<Digest>,
    name: &'t [u8],
}

impl Listed<'_> {
    fn package(&self) -> String {
        String::from_utf8_lossy(self.package).into_owned()
    }

    fn vouched(&self, digest: Digest) -> Vouched {
        Vouched { path: PathBuf::from(OsStr::from_bytes(self.name)), package: self.package(), digest }
    }
}

/// The regular files that are told of.
fn files(text: &[u8]) -> impl Iterator<Item = Listed<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.splitn(5, |byte| *byte == b'\t');
        let (package, digest, flags, mode, name) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
        let regular = number(mode)? & KIND == REGULAR && number(flags)? & GHOST == 0;
        let plain = name.starts_with(b"/") && !name.split(|byte| *byte == b'/').any(|part| part == b"..");
        (regular && plain).then(|| Listed { package, digest: Digest::from_hex(digest), name })
    })
}

/// What rpm said.
struct Said {
    text: Vec<u8>,
    success: bool,
}

impl Said {
    fn beginning(&self) -> String {
        let line = self.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned()
    }
}

fn ask(program: &Path, database: &Path, query: &[&OsStr], patience: Duration) -> io::Result<Said> {
    let mut folder = OsString::from("--dbpath=");
    folder.push(database);
    let child = Command::new(program)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .arg(folder)
        .args(query)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))?;
    let mut child = Asked(child);
    let text = child.read(Instant::now() + patience)?;
    Ok(Said { text, success: child.0.wait()?.success() })
}

/// The program; dropping it ends it.
struct Asked(Child);

impl Asked {
    fn read(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let Some(mut output) = self.0.stdout.take() else { return Ok(text) };
        let mut buffer = vec![0; 64 << 10];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut ready = [PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)];
            match poll(&mut ready, Some(&left)) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes too long")),
                Ok(_) => {}
            }
            match output.read(&mut buffer)? {
                0 => return Ok(text),
                count => text.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            }
            if text.len() as u64 > MOST {
                return Err(io::Error::other("it says too much"));
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Both fail only for what is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the database, if there is one.
fn database(root: &Path) -> Option<PathBuf> {
    let folders = DATABASES.iter().map(|folder| root.join(folder));
    folders.into_iter().find(|folder| FILES.iter().any(|file| folder.join(file).is_file()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    struct Ground(tempfile::TempDir);

    impl Ground {
        /// A system with a database, and a program `rpm` that says this.
        fn new(says: &str, status: u8) -> Self {
            let ground = Self(tempfile::tempdir().unwrap());
            let folder = ground.0.path().join("usr/lib/sysimage/rpm");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("rpmdb.sqlite"), "").unwrap();
            fs::write(ground.0.path().join("says"), says).unwrap();
            fs::write(ground.0.path().join("abc"), "abc").unwrap();
            let script = format!(
                "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{0}/asked'\ncat '{0}/says'\nexit {status}\n",
                ground.0.path().display()
            );
            fs::write(ground.program(), script).unwrap();
            fs::set_permissions(ground.program(), PermissionsExt::from_mode(0o755)).unwrap();
            ground
        }

        fn program(&self) -> PathBuf {
            self.0.path().join("rpm")
        }

        fn owner(&self, path: &str) -> Owner {
            let file = File::open(self.0.path().join("abc")).unwrap();
            loop {
                // Another test may have started a program while ours was open for writing.
                match owner(&self.program(), self.0.path(), Path::new(path), &file) {
                    Owner::Unknown(reason) if reason.contains("busy") => {}
                    other => return other,
                }
            }
        }
    }

    fn line(digest: &str, flags: u64, mode: u64, name: &str) -> String {
        format!("tools-1-2.x86_64\t{digest}\t{flags}\t{mode}\t{name}\n")
    }

    #[test]
    fn files_are_compared_with_their_digests() {
        let says =
            line(ABC, 0, 0o100_755, "/usr/bin/abc") + &line(&"0".repeat(64), 0, 0o100_755, "/usr/bin/other");
        let ground = Ground::new(&says, 0);
        assert_eq!(ground.owner("/usr/bin/abc"), Owner::Unmodified("tools-1-2.x86_64".into()));
        assert_eq!(ground.owner("/bin/abc"), Owner::Unmodified("tools-1-2.x86_64".into()));
        assert_eq!(ground.owner("/usr/bin/other"), Owner::Modified("tools-1-2.x86_64".into()));
        let asked = fs::read_to_string(ground.0.path().join("asked")).unwrap();
        assert!(asked.ends_with("--\n/usr/bin/other\n") && asked.starts_with("--dbpath=/"), "{asked}");
    }

    #[test]
    fn what_is_not_clear_is_unknown() {
        assert_eq!(Ground::new("file /x is not owned by any package\n", 1).owner("/x"), Owner::Nobody);
        for (says, status) in [
            ("", 0),
            ("", 1),
            ("error: cannot open Packages database\n", 1),
            ("is not owned by any package\n", 0),
            (&line("", 0, 0o100_755, "/x"), 0),
            (&line(ABC, GHOST, 0o100_755, "/x"), 0),
            (&line(ABC, 0, 0o040_755, "/x"), 0),
            (&line(ABC, 0, 0o100_755, "/y"), 0),
        ] {
            let owner = Ground::new(says, status).owner("/x");
            assert!(matches!(owner, Owner::Unknown(_)), "{says}: {owner:?}");
        }
        let ground = Ground::new("", 0);
        fs::remove_file(ground.program()).unwrap();
        assert!(matches!(ground.owner("/x"), Owner::Unknown(_)));
        fs::remove_dir_all(ground.0.path().join("usr")).unwrap();
        assert_eq!(ground.owner("/x"), Owner::NoDatabase);
    }

    #[test]
    fn all_files_are_told() {
        let says = line(ABC, 0, 0o100_644, "/usr/share/a\tb")
            + &line("", 0, 0o040_755, "/usr/share")
            + &line(ABC, 1, 0o100_644, "/etc/a")
            + "nonsense\n\t\t\t\t\n"
            + &line(ABC, 0, 0o100_644, "/usr/../etc/passwd");
        let ground = Ground::new(&says, 0);
        let paths: Vec<PathBuf> = loop {
            match vouched(&ground.program(), ground.0.path()) {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                other => break other.unwrap().into_iter().map(|vouched| vouched.path).collect(),
            }
        };
        assert_eq!(paths, ["/usr/share/a\tb", "/etc/a"].map(PathBuf::from));
        assert!(vouched(&Ground::new("error: x\n", 1).program(), ground.0.path()).is_err());
    }
}
