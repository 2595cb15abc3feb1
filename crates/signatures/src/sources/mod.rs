//! The files that a database is built from.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use candor_detect::pattern::Pattern;
use candor_detect::trust::SignerSignature;
use candor_detect::{Compiler, Counts};

use crate::container::{Container, Kind, Refusal};
use crate::ignored::Ignored;
use crate::output::Output;
use crate::problem::{Complaint, Problem};
use crate::segment::Segment;
use crate::settings::{Settings, Unsigned, Unwanted};
use crate::yara::Shared;
use crate::{Error, Language, Turn, is_for_unwanted, language};

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
    settings: Settings,
    files: Vec<PathBuf>,
    texts: Vec<(String, String)>,
    containers: Vec<Container>,
    segment: Option<Segment>,
    passed_over: Vec<PathBuf>,
    superseded: Vec<PathBuf>,
    refused: Vec<Error>,
}

impl Sources {
    /// Nothing yet, with these settings for what will come.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The signature files of a segment, with the settings with which every segment is compiled, so that its publisher
    /// and all who use it get the same bytes. Whoever calls this knows that the segment is as it was published: its files
    /// are official, and signatures of unwanted programs are taken where the publisher put them in.
    pub fn of_segment(segment: Segment) -> Self {
        let settings = Settings { unwanted: Unwanted::All, ..Settings::default() };
        Self { segment: Some(segment), ..Self::new(settings) }
    }

    /// Adds a signature file or a container, or all of a folder in the order of their names. Files of a folder whose
    /// extension belongs to no language are [`passed over`](Self::passed_over), its containers that are not signed or
    /// damaged are [`refused`](Self::refused), and of two with the same name only the newer is used. Containers are
    /// checked at once.
    ///
    /// # Errors
    /// When the path cannot be read, a file's extension is unknown, the container is refused, or a folder holds no
    /// signatures.
    pub fn add_path(&mut self, path: &Path) -> Result<(), Error> {
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return self.add_folder(path);
        }
        if !metadata.is_file() {
            // Reading a FIFO or a device might never end.
            let reason = "it is neither a regular file nor a folder";
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        if is_container(path) {
            let container = self.open(path)?;
            self.add_container(container);
        } else if language_of(path).is_some() {
            self.files.push(path.to_owned());
        } else {
            return Err(Error::UnknownLanguage { path: path.to_owned() });
        }
        Ok(())
    }

    fn add_folder(&mut self, path: &Path) -> Result<(), Error> {
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?.path();
            if entry.is_file() {
                found.push(entry);
            }
        }
        found.sort();
        let (containers, files): (Vec<_>, Vec<_>) = found.into_iter().partition(|file| is_container(file));
        let (known, unknown): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| language_of(file).is_some());
        if known.is_empty() && containers.is_empty() {
            return Err(Error::NothingThere { path: path.to_owned() });
        }
        for path in containers {
            match self.open(&path) {
                Ok(container) => self.add_container(container),
                Err(error) => self.refused.push(error),
            }
        }
        self.files.extend(known);
        self.passed_over.extend(unknown);
        Ok(())
    }

    fn open(&self, path: &Path) -> Result<Container, Error> {
        let container = Container::open(path, &self.settings.keys);
        let allowed = container.and_then(|container| match container.unsigned() {
            Some(reason) if self.settings.unsigned == Unsigned::Refused => {
                Err(Refusal::Unsigned(reason.to_owned()))
            }
            _ => Ok(container),
        });
        allowed.map_err(|refusal| match refusal {
            Refusal::Unreadable(error) => Error::Unreadable { path: path.to_owned(), error },
            refusal => Error::Refused { path: path.to_owned(), refusal },
        })
    }

    /// Adds a container, unless a newer one of its name is there, and takes away an older one.
    fn add_container(&mut self, container: Container) {
        // What a user made is no earlier or later version of what is published under the same name.
        let of = |container: &Container| (container.path().with_extension(""), container.kind() == Kind::Cud);
        if let Some(same) = self.containers.iter_mut().find(|known| of(known) == of(&container)) {
            let mut older = container;
            if older.header().version > same.header().version {
                std::mem::swap(&mut older, same);
            }
            self.superseded.push(older.path().to_owned());
            return;
        }
        self.containers.push(container);
        // As ClamAV reads them.
        self.containers.sort_by_key(|container| !container.name().to_ascii_lowercase().starts_with("daily."));
    }

    /// Adds a text as if it were a file of this name.
    pub fn add_text(&mut self, name: &str, text: &str) {
        self.texts.push((name.to_owned(), text.to_owned()));
    }

    /// Whether loose YARA rules are read as ClamAV reads them.
    pub fn clamav_rules(&mut self, clamav: bool) -> &mut Self {
        self.settings.clamav_rules = clamav;
        self
    }

    /// Files of folders that belong to no language.
    pub fn passed_over(&self) -> &[PathBuf] {
        &self.passed_over
    }

    /// Containers that are not used, since there is a newer one of the same name.
    pub fn superseded(&self) -> &[PathBuf] {
        &self.superseded
    }

    /// Why containers of folders are not used.
    pub fn refused(&self) -> &[Error] {
        &self.refused
    }

    /// The first reason why a container of a folder is not used, as an error.
    ///
    /// # Errors
    /// That reason.
    pub fn accept_no_refusal(&mut self) -> Result<(), Error> {
        if self.refused.is_empty() { Ok(()) } else { Err(self.refused.swap_remove(0)) }
    }

    /// Compiles everything into memory: see [`compile`](Self::compile).
    ///
    /// # Errors
    /// As there.
    pub fn build(&self, report: impl FnMut(Problem)) -> Result<Built, Error> {
        let compiler = self.compile(report)?;
        let counts = compiler.counts();
        Ok(Built { image: compiler.finish(), counts })
    }

    /// Compiles everything; `report` hears of each signature that is not used.
    ///
    /// # Errors
    /// When a file cannot be read, or a container was changed since it was added. What is wrong in a file is no error
    /// but a [`Problem`].
    pub fn compile(&self, mut report: impl FnMut(Problem)) -> Result<Compiler, Error> {
        self.compile_named(&mut report, &|_, _| {})
    }

    /// Names every signature, with the file that it is in; also those that an ignore list has. It costs as much as
    /// compiling them.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn name(&self, named: impl FnMut(&str, &str)) -> Result<(), Error> {
        let named = RefCell::new(named);
        self.compile_named(&mut |_| {}, &|file, name| (named.borrow_mut())(file, name)).map(drop)
    }

    fn compile_named(
        &self,
        report: &mut dyn FnMut(Problem),
        named: &dyn Fn(&str, &str),
    ) -> Result<Compiler, Error> {
        let mut build = Build {
            settings: &self.settings,
            yara: Shared::default(),
            compiler: Compiler::default(),
            ignored: Ignored::default(),
            members: HashMap::new(),
            signers: Vec::new(),
            report,
            named,
        };
        for turn in Turn::ALL {
            for (name, text) in &self.texts {
                // Reading from memory cannot fail.
                let _ = build.read(turn, From::loose(name, None), &mut text.as_bytes());
            }
            for container in &self.containers {
                build.container(turn, container)?;
            }
            for path in &self.files {
                build.file(turn, path)?;
            }
            if let Some(segment) = &self.segment {
                build.segment(turn, segment)?;
            }
        }
        build.yara.finish(&mut build.compiler);
        Ok(build.compiler)
    }
}

/// Where signatures come from.
struct From<'a> {
    /// The file's name.
    name: &'a str,
    /// The folder that it lies in.
    folder: Option<&'a Path>,
    /// Whether a publisher who is trusted has signed it.
    official: bool,
    /// Whether it is ClamAV's in any case.
    clamav: bool,
}

impl<'a> From<'a> {
    fn loose(name: &'a str, folder: Option<&'a Path>) -> Self {
        Self { name, folder, official: false, clamav: false }
    }
}

/// A database that is being built.
struct Build<'a> {
    settings: &'a Settings,
    yara: Shared,
    compiler: Compiler,
    ignored: Ignored,
    members: HashMap<u8, Vec<Pattern>>,
    signers: Vec<SignerSignature>,
    report: &'a mut dyn FnMut(Problem),
    named: &'a dyn Fn(&str, &str),
}

impl Build<'_> {
    /// Reads a file if it is its turn.
    fn read(&mut self, turn: Turn, from: From<'_>, text: &mut dyn io::BufRead) -> io::Result<()> {
        let From { name, folder, official, clamav } = from;
        let language = language(name).filter(|language| language.turn() == turn);
        let Some(language) = language else { return Ok(()) };
        let unwanted = is_for_unwanted(name).then_some(&self.settings.unwanted);
        self.compiler.official(official);
        let mut output = Output {
            source: name,
            folder,
            clamav: clamav || self.settings.clamav_rules,
            official,
            programs: self.settings.programs,
            unwanted,
            line_number: 0,
            switches_hold: official
                || self.settings.clamav_rules
                || self.settings.unsigned == Unsigned::Taken,
            line: Vec::new(),
            compiler: &mut self.compiler,
            ignored: &mut self.ignored,
            members: &mut self.members,
            signers: &mut self.signers,
            yara: &mut self.yara,
            report: self.report,
            named: self.named,
        };
        if unwanted == Some(&Unwanted::LeftOut) {
            let reason = "signatures of unwanted programs, for which nobody asked";
            output.problem(0, Complaint::NotForUs(reason.to_owned()));
            return Ok(());
        }
        language.read(text, &mut output)
    }

    fn file(&mut self, turn: Turn, path: &Path) -> Result<(), Error> {
        if language_of(path).is_none_or(|language| language.turn() != turn) {
            return Ok(());
        }
        let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        let mut reader = BufReader::with_capacity(256 << 10, file);
        let name = file_name(path);
        self.read(turn, From::loose(&name, path.parent()), &mut reader).map_err(unreadable)
    }

    fn segment(&mut self, turn: Turn, segment: &Segment) -> Result<(), Error> {
        for member in segment.members().iter().filter(|member| !member.is_witness()) {
            let name = &member.name;
            match language(name) {
                Some(language) if language.turn() == turn => {
                    let from = From { name, folder: None, official: true, clamav: false };
                    self.read(turn, from, &mut segment.reader(member))
                        .map_err(|error| Error::Unreadable { path: PathBuf::from(name), error })?;
                }
                None if turn == Turn::First => {
                    let complaint = Complaint::unsupported("no signature language has this extension");
                    (self.report)(Problem { file: name.clone(), folder: None, line: 0, complaint });
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn container(&mut self, turn: Turn, container: &Container) -> Result<(), Error> {
        if turn == Turn::First {
            for member in container.members().iter().filter(|member| language(&member.name).is_none()) {
                let complaint = Complaint::unsupported("no signature language has this extension");
                (self.report)(Problem { file: member.name.clone(), folder: None, line: 0, complaint });
            }
        }
        let is_read = |name: &str| language(name).is_some_and(|language| language.turn() == turn);
        if !container.members().iter().any(|member| is_read(&member.name)) {
            return Ok(());
        }
        let official = container.unsigned().is_none();
        container
            .read(
                |member| is_read(&member.name),
                |member, body| {
                    let from = From { name: &member.name, folder: None, official, clamav: true };
                    self.read(turn, from, body)
                },
            )
            .map_err(|refusal| Error::Refused { path: container.path().to_owned(), refusal })
    }
}

fn is_container(path: &Path) -> bool {
    Kind::of(&file_name(path)).is_some()
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

#[cfg(test)]
mod tests;
