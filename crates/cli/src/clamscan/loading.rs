//! Loads signatures as clamscan does: a malformed line is the end of it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use candor_detect::{Compiler, Database, MAGIC};
use candor_signatures::container::{Keys, Kind};
use candor_signatures::{
    Complaint, Error, Problem, Settings, Sources, Unsigned, Unwanted, is_for_unwanted, language,
};

use super::options::Signatures;
use crate::databases::{Origin, Used};
use crate::numbers::counted;

/// Files of YARA rules, of which ClamAV leaves out only what is wrong.
const RULES: [&str; 2] = ["yar", "yara"];
/// Other files that ClamAV reads; some of them are a language here as well.
const OTHERS: [&str; 22] = [
    "cat", "cbc", "cdb", "cfg", "crb", "db", "fp", "ftm", "gdb", "hdb", "hsb", "idb", "ign", "ign2", "imp",
    "ioc", "ldb", "mdb", "msb", "ndb", "pdb", "pwdb",
];
/// And the rest.
const RARE: [&str; 5] = ["rmd", "sdb", "sfp", "wdb", "zmd"];

/// Why signatures cannot be loaded: the line with ERROR. Notes tell the rest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unloadable(pub(super) String);

/// Whether a file is a container of signatures, by its name.
pub(super) fn is_container(path: &Path) -> bool {
    path.file_name().is_some_and(|name| Kind::of(&name.to_string_lossy()).is_some())
}

/// Whether this file has YARA rules.
pub(super) fn is_rules(source: &str) -> bool {
    RULES.contains(&extension(Path::new(source)).as_str())
}

/// Whether this file is a catalog of Microsoft, of which ClamAV leaves out those that it does not trust.
pub(super) fn is_catalog(source: &str) -> bool {
    extension(Path::new(source)) == "cat"
}

/// Whether a file is about publishers of programs: a list or a catalog of one.
fn is_of_publishers(path: &Path) -> bool {
    matches!(extension(path).as_str(), "crb" | "cat")
}

/// What was loaded.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The databases.
    pub(super) used: Vec<Used>,
    /// Signature files that came out of containers which their publisher signed.
    pub(super) official: HashSet<String>,
}

/// Loads what is wanted. Notes are for standard error.
///
/// # Errors
/// When something cannot be read or has a malformed line.
pub(super) fn load(wanted: &Signatures, notes: &mut Vec<String>) -> Result<Loaded, Unloadable> {
    let unwanted = if wanted.unwanted { wanted.categories() } else { Unwanted::LeftOut };
    let sources = Sources::new(Settings {
        keys: Keys::clamav(),
        unsigned: Unsigned::Refused,
        unwanted,
        programs: wanted.programs,
        clamav_rules: true,
    });
    let mut loading =
        Loading { wanted, notes, sources, files: Vec::new(), used: Vec::new(), official: HashSet::new() };
    for path in &wanted.paths {
        loading.path(path)?;
    }
    loading.finish()
}

struct Loading<'a> {
    wanted: &'a Signatures,
    notes: &'a mut Vec<String>,
    sources: Sources,
    /// The files among the sources, and the folder that each was found in.
    files: Vec<(PathBuf, Option<PathBuf>)>,
    used: Vec<Used>,
    official: HashSet<String>,
}

impl Loading<'_> {
    fn error(&mut self, line: String) {
        self.notes.push(format!("LibClamAV Error: {line}"));
    }

    fn warning(&mut self, line: String) {
        self.notes.push(format!("LibClamAV Warning: {line}"));
    }

    fn path(&mut self, path: &Path) -> Result<(), Unloadable> {
        let metadata = fs::metadata(path).map_err(|error| {
            self.error(format!("cl_load(): {}: {}", words(&error), path.display()));
            Unloadable("Can't get file status".to_owned())
        })?;
        if metadata.is_dir() {
            return self.folder(path);
        }
        if !metadata.is_file() {
            // Opening a FIFO might never end.
            self.error(format!("cli_load(): Can't open file {}: it is no regular file", path.display()));
            return Err(Unloadable(CANNOT_OPEN.to_owned()));
        }
        self.openable(path)?;
        if !is_compiled(path) && !is_known(path) && !is_language(path) {
            self.warning(format!("cli_load: unknown extension - skipping {}", path.display()));
            return Ok(());
        }
        self.file(path, None)
    }

    fn folder(&mut self, folder: &Path) -> Result<(), Unloadable> {
        let names = fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut paths = names.map_err(|error| {
            self.error(format!(
                "cli_loaddbdir: Can't open directory {}: {}",
                folder.display(),
                words(&error)
            ));
            Unloadable(CANNOT_OPEN.to_owned())
        })?;
        paths.retain(|path| {
            let fits = if self.wanted.official_only { is_container(path) } else { is_known(path) };
            fits && path.is_file()
        });
        paths.sort();
        if paths.is_empty() {
            self.error(format!("cli_loaddbdir: No supported database files found in {}", folder.display()));
            return Err(Unloadable(CANNOT_OPEN.to_owned()));
        }
        paths.iter().try_for_each(|path| self.file(path, Some(folder)))
    }

    fn file(&mut self, path: &Path, folder: Option<&Path>) -> Result<(), Unloadable> {
        let shown = path.display();
        if is_for_unwanted(&path.to_string_lossy()) && !self.wanted.unwanted {
            return Ok(());
        }
        if !self.wanted.publishers && is_of_publishers(path) {
            return Ok(());
        }
        self.openable(path)?;
        if is_compiled(path) {
            return self.compiled(path);
        }
        if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
            if is_rules(&path.to_string_lossy()) {
                self.warning("cli_loadyara: empty database file".to_owned());
                return Ok(());
            }
            self.error("Empty database file".to_owned());
            return Err(self.malformed(path, folder));
        }
        match self.sources.add_path(path) {
            Ok(()) => self.files.push((path.to_owned(), folder.map(Path::to_owned))),
            Err(Error::Refused { refusal, .. }) => {
                self.error(format!("Can't load {shown}: {refusal}"));
                return Err(Unloadable("Broken or not a CVD file".to_owned()));
            }
            Err(Error::UnknownLanguage { .. }) => {
                self.warning(format!("{shown} is not used: files of this kind are not read yet"));
            }
            Err(error) => {
                self.error(format!("cli_load(): Can't load {error}"));
                return Err(Unloadable(CANNOT_OPEN.to_owned()));
            }
        }
        Ok(())
    }

    fn openable(&mut self, path: &Path) -> Result<(), Unloadable> {
        File::open(path).map(drop).map_err(|error| {
            self.error(format!("cli_load(): Can't open file {}: {}", path.display(), words(&error)));
            Unloadable(CANNOT_OPEN.to_owned())
        })
    }

    /// A database that `candor db build` made.
    fn compiled(&mut self, path: &Path) -> Result<(), Unloadable> {
        let shown = path.display().to_string();
        let used = Database::open(path).map_err(anyhow::Error::from).and_then(|database| {
            self.note_official(&database)?;
            Used::new(|database| Origin::File(path.to_owned(), database), database, shown.clone())
        });
        match used {
            Ok(used) => {
                self.used.push(used);
                Ok(())
            }
            Err(error) => {
                self.error(format!("Can't load {shown}: {error:#}"));
                Err(Unloadable("Malformed database".to_owned()))
            }
        }
    }

    fn finish(mut self) -> Result<Loaded, Unloadable> {
        if !self.files.is_empty() {
            self.compile()?;
        }
        if self.used.iter().all(|used| used.signatures == 0) {
            self.warning("no signature is loaded, so nothing can be found".to_owned());
        }
        if self.wanted.certificates {
            self.tell_certificates()?;
        }
        Ok(Loaded { used: self.used, official: self.official })
    }

    fn compile(&mut self) -> Result<(), Unloadable> {
        let mut malformed = None;
        let mut skipped = Vec::new();
        let mut unsigned = false;
        let built = self.sources.build(|problem| match problem.complaint {
            Complaint::Malformed(_) if !is_rules(&problem.file) && !is_catalog(&problem.file) => {
                malformed.get_or_insert(problem);
            }
            Complaint::Malformed(_) | Complaint::Unsupported(_) => count(&mut skipped, problem.file),
            Complaint::Unsigned => unsigned = true,
            // It is left out on purpose.
            Complaint::NotForUs(_) | Complaint::Ignored => {}
        });
        if let Some(problem) = malformed {
            return Err(self.refuse(&problem));
        }
        if unsigned {
            self.warning("Only loading signed bytecode, skipping load of unsigned bytecode!".to_owned());
            self.warning(
                "Turn on BytecodeUnsigned/--bytecode-unsigned to enable loading of unsigned bytecode"
                    .to_owned(),
            );
        }
        for (file, lines) in &skipped {
            let lines = counted(*lines, "signature is", "signatures are");
            self.warning(format!("{file}: {lines} not used; `candor db check` says why"));
        }
        let made = built.map_err(anyhow::Error::from).and_then(|built| {
            let database = Database::from_vec(built.image)?;
            self.note_official(&database)?;
            Used::new(Origin::Memory, database, "signature files".to_owned())
        });
        match made {
            Ok(used) => {
                self.used.push(used);
                Ok(())
            }
            Err(error) => {
                self.error(format!("cli_load(): {error:#}"));
                Err(Unloadable(CANNOT_OPEN.to_owned()))
            }
        }
    }

    /// Adds a database that has certificates told of.
    fn tell_certificates(&mut self) -> Result<(), Unloadable> {
        let mut compiler = Compiler::default();
        compiler.tell_certificates();
        let database = Database::from_vec(compiler.finish()).map_err(anyhow::Error::from);
        let used =
            database.and_then(|database| Used::new(Origin::Memory, database, "--dumpcerts".to_owned()));
        self.used.push(used.map_err(|error| Unloadable(format!("{error:#}")))?);
        Ok(())
    }

    fn note_official(&mut self, database: &Database) -> Result<(), candor_detect::Error> {
        self.official.extend(database.official_sources()?.into_iter().map(str::to_owned));
        Ok(())
    }

    fn refuse(&mut self, problem: &Problem) -> Unloadable {
        let Problem { file, folder, line, complaint } = problem;
        let reason = match complaint {
            Complaint::Malformed(reason) => reason.clone(),
            other => other.to_string(),
        };
        self.error(reason);
        let reader = match extension(Path::new(file)).as_str() {
            "hdb" | "hsb" | "hdu" | "hsu" | "mdb" | "msb" | "mdu" | "msu" | "fp" | "sfp" | "imp" => {
                "cli_loadhash: "
            }
            "ign" | "ign2" => "cli_loadign: ",
            _ => "",
        };
        self.error(format!("{reader}Problem parsing database at line {line}"));
        let named = |path: &Path| {
            path.parent() == folder.as_deref()
                && path.file_name().is_some_and(|name| name.to_string_lossy() == file.as_str())
        };
        let found = self.files.iter().find(|(path, _)| named(path)).cloned();
        let (path, folder) = found.unwrap_or_else(|| (file.into(), None));
        self.malformed(&path, folder.as_deref())
    }

    fn malformed(&mut self, path: &Path, folder: Option<&Path>) -> Unloadable {
        let shown = path.display();
        self.error(format!("Can't load {shown}: Malformed database"));
        if folder.is_some() {
            self.error(format!("cli_loaddbdir: error loading database {shown}"));
        }
        Unloadable("Malformed database".to_owned())
    }
}

const CANNOT_OPEN: &str = "Can't open file or directory";

/// What the system says, without its number.
pub(super) fn words(error: &io::Error) -> String {
    let text = match error.kind() {
        ErrorKind::NotFound => "No such file or directory".to_owned(),
        _ => error.to_string(),
    };
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn count(counts: &mut Vec<(String, u64)>, file: String) {
    match counts.iter_mut().find(|(counted, _)| *counted == file) {
        Some((_, count)) => *count += 1,
        None => counts.push((file, 1)),
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// Whether ClamAV takes a file for one of signatures, by its name.
fn is_known(path: &Path) -> bool {
    let extension = extension(path);
    let lists: [&[&str]; 3] = [&RULES, &OTHERS, &RARE];
    is_container(path)
        || is_for_unwanted(&path.to_string_lossy())
        || lists.iter().any(|list| list.contains(&extension.as_str()))
}

/// Whether a file that is named is one of signatures: languages of our own are read where they are asked for.
fn is_language(path: &Path) -> bool {
    path.file_name().is_some_and(|name| language(&name.to_string_lossy()).is_some())
}

/// Whether a file is a compiled database, whatever it is called: also one that is damaged or of another version, which
/// is then refused.
fn is_compiled(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok_and(|()| head == MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Signatures {
        Signatures {
            paths: Vec::new(),
            official_only: false,
            most_days: None,
            publishers: true,
            certificates: false,
            unwanted: false,
            programs: candor_signatures::Programs::Signed,
            excluded: Vec::new(),
            included: Vec::new(),
            phishing: true,
        }
    }

    fn load(files: &[(&str, &str)], unwanted: bool) -> (Result<u64, String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let wanted = Signatures { paths: vec![folder.path().to_owned()], unwanted, ..wanted() };
        let mut notes = Vec::new();
        let loaded = super::load(&wanted, &mut notes);
        let loaded = loaded.map(|loaded| loaded.used.iter().map(|used| used.signatures).sum());
        let place = format!("{}/", folder.path().display());
        (loaded.map_err(|error| error.0), notes.iter().map(|note| note.replace(&place, "")).collect())
    }

    const GOOD: &str = "A:0:*:6576696c\n";

    #[test]
    fn good_files_are_loaded() {
        assert_eq!(load(&[("a.ndb", GOOD), ("b.txt", "x"), ("c.ndu", GOOD)], false), (Ok(1), Vec::new()));
        assert_eq!(load(&[("a.ndb", GOOD), ("c.ndu", GOOD)], true), (Ok(2), Vec::new()));
    }

    #[test]
    fn a_malformed_line_is_the_end() {
        for (text, line) in
            [("A:0:*:6576696c\n\nB:0:*:6576\n", 2), ("A:0:*:6576696c \n", 1), ("A:0:*:6576696c;\n", 1)]
        {
            let (loaded, notes) = load(&[("a.ndb", text)], false);
            assert_eq!(loaded, Err("Malformed database".to_owned()), "{text:?}");
            assert_eq!(
                notes[1..],
                [
                    format!("LibClamAV Error: Problem parsing database at line {line}"),
                    "LibClamAV Error: Can't load a.ndb: Malformed database".to_owned(),
                    "LibClamAV Error: cli_loaddbdir: error loading database a.ndb".to_owned(),
                ]
            );
        }
        assert_eq!(
            load(&[("a.hdb", "x\n")], false).1[1],
            "LibClamAV Error: cli_loadhash: Problem parsing database at line 1"
        );
        assert_eq!(load(&[("a.ndb", "")], false).1[0], "LibClamAV Error: Empty database file");
    }

    #[test]
    fn what_is_not_for_us_is_not_malformed() {
        assert_eq!(
            load(&[("a.ndb", "A:99:*:6576696c\nB:0:*:6576696c:300\nC:0:*:6576696c\n")], false),
            (Ok(1), Vec::new())
        );
        let (loaded, notes) = load(&[("a.ndb", "# nothing\n")], false);
        assert_eq!((loaded, notes.len()), (Ok(0), 1));
    }

    #[test]
    fn compiled_databases_are_used_whole_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut sources = Sources::default();
        sources.add_text("a.ndb", GOOD);
        let mut bytes = sources.build(|_| {}).unwrap().image;
        let load = |bytes: &[u8]| {
            let path = folder.path().join("mine.cdb");
            fs::write(&path, bytes).unwrap();
            [path, folder.path().to_owned()].map(|path| {
                let wanted = Signatures { paths: vec![path], ..wanted() };
                super::load(&wanted, &mut Vec::new())
                    .map(|loaded| loaded.used.iter().map(|used| used.signatures).sum::<u64>())
                    .map_err(|error| error.0)
            })
        };
        assert_eq!(load(&bytes), [Ok(1), Ok(1)]);
        let malformed = || Err("Malformed database".to_owned());
        assert_eq!(load(&bytes[..200]), [malformed(), malformed()]);
        assert_eq!(load(&bytes[..5]), [malformed(), malformed()]);
        bytes[8] ^= 1;
        assert_eq!(load(&bytes), [malformed(), malformed()], "of another version");
    }

    #[test]
    fn of_files_with_one_name_the_malformed_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = [("a", GOOD), ("b", "x\n")]
            .map(|(name, text)| {
                fs::create_dir(folder.path().join(name)).unwrap();
                let path = folder.path().join(name).join("x.ndb");
                fs::write(&path, text).unwrap();
                path
            })
            .into();
        let mut notes = Vec::new();
        assert!(super::load(&Signatures { paths, ..wanted() }, &mut notes).is_err());
        assert!(notes.last().unwrap().contains("/b/x.ndb: Malformed"), "{notes:?}");
    }

    #[test]
    fn nothing_to_load_is_an_error() {
        assert_eq!(load(&[("a.txt", "x")], false).0, Err(CANNOT_OPEN.to_owned()));
    }

    #[test]
    fn origins_are_told_apart() {
        assert!(is_container(Path::new("MAIN.CVD")) && !is_container(Path::new("main.ldb")));
        assert!(is_rules("a.YARA") && is_for_unwanted("x.ndu") && is_container(Path::new("/a/daily.cld")));
    }
}
