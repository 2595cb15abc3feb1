//! The files that a database is built from.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use candor_detect::{Compiler, Counts};

use crate::output::Output;
use crate::problem::Problem;
use crate::yara::Shared;
use crate::{Error, LANGUAGES, Language, language};

/// A database, compiled.
#[derive(Debug)]
pub struct Built {
    /// Its bytes.
    pub image: Vec<u8>,
    /// The number of its signatures.
    pub counts: Counts,
}

/// The files and texts that a database is built from.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<PathBuf>,
    texts: Vec<(String, String)>,
    passed_over: Vec<PathBuf>,
    clamav_rules: bool,
}

impl Sources {
    /// Adds a signature file, or all of a folder in the order of their names. Files of a folder whose
    /// extension belongs to no language are [`passed over`](Self::passed_over).
    ///
    /// # Errors
    /// When the path cannot be read, a file's extension is unknown, or a folder holds no signatures.
    pub fn add_path(&mut self, path: &Path) -> Result<(), Error> {
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_dir() {
            if !metadata.is_file() {
                // Reading a FIFO or a device might never end.
                let reason = "it is neither a regular file nor a folder";
                return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, reason)));
            }
            if language_of(path).is_none() {
                return Err(Error::UnknownLanguage { path: path.to_owned() });
            }
            self.files.push(path.to_owned());
            return Ok(());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?.path();
            if entry.is_file() {
                found.push(entry);
            }
        }
        found.sort();
        let (known, unknown): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|file| language_of(file).is_some());
        if known.is_empty() {
            return Err(Error::NothingThere { path: path.to_owned() });
        }
        self.files.extend(known);
        self.passed_over.extend(unknown);
        Ok(())
    }

    /// Adds a text as if it were a file of this name.
    pub fn add_text(&mut self, name: &str, text: &str) {
        self.texts.push((name.to_owned(), text.to_owned()));
    }

    /// Whether YARA rules are read as ClamAV reads them: for folders of ClamAV's signatures. Its language is
    /// smaller, and `global` means nothing in it. They are not unless this says so.
    pub fn clamav_rules(&mut self, clamav: bool) -> &mut Self {
        self.clamav_rules = clamav;
        self
    }

    /// Files of folders that belong to no language.
    pub fn passed_over(&self) -> &[PathBuf] {
        &self.passed_over
    }

    /// Compiles everything; `report` hears of each signature that is not used.
    ///
    /// # Errors
    /// When a file cannot be read. What is wrong in a file is no error but a [`Problem`].
    pub fn build(&self, mut report: impl FnMut(Problem)) -> Result<Built, Error> {
        let mut compiler = Compiler::default();
        let mut ignored = HashSet::new();
        let mut members = HashMap::new();
        let mut yara = Shared::default();
        // By language, so that the ignore lists, which are first, are known before the first signature.
        for language in LANGUAGES {
            for (name, text) in self.texts.iter().filter(|(name, _)| is(name, *language)) {
                let mut output = Output {
                    source: name,
                    folder: None,
                    clamav: self.clamav_rules,
                    compiler: &mut compiler,
                    ignored: &mut ignored,
                    members: &mut members,
                    yara: &mut yara,
                    report: &mut report,
                };
                // Reading from memory cannot fail.
                let _ = language.read(&mut text.as_bytes(), &mut output);
            }
            for path in &self.files {
                let name = file_name(path);
                if !is(&name, *language) {
                    continue;
                }
                let unreadable = |error| Error::Unreadable { path: path.clone(), error };
                let file = File::open(path).map_err(unreadable)?;
                let mut output = Output {
                    source: &name,
                    folder: path.parent(),
                    clamav: self.clamav_rules,
                    compiler: &mut compiler,
                    ignored: &mut ignored,
                    members: &mut members,
                    yara: &mut yara,
                    report: &mut report,
                };
                let mut reader = BufReader::with_capacity(256 << 10, file);
                language.read(&mut reader, &mut output).map_err(unreadable)?;
            }
        }
        yara.finish(&mut compiler);
        let counts = compiler.counts();
        Ok(Built { image: compiler.finish(), counts })
    }
}

fn is(name: &str, wanted: &dyn Language) -> bool {
    language(name).is_some_and(|language| language.name() == wanted.name())
}

fn language_of(path: &Path) -> Option<&'static dyn Language> {
    language(&file_name(path))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The bytes of a text for languages that are not made of lines.
///
/// # Errors
/// Those of reading; [`io::ErrorKind::InvalidData`] if it is longer than `most`.
pub(crate) fn whole(text: &mut dyn io::BufRead, most: u64) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    text.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {most} bytes")));
    }
    Ok(bytes)
}
