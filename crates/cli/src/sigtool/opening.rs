//! `--html-normalise`, `--ascii-normalise`, `--vba`, `--mdb` and `--imp`: what needs a parser of content.
//!
//! A worker that lives for one file takes it apart in its jail and hands over what comes out. It has no databases, and
//! this program believes nothing of what it says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use candor_detect::hash::import_list;
use candor_jail::{GRACE, NOBODY, Passwords, Program, Settings, Source, worker_program};
use candor_object::{Import, Layout, Limits};
use candor_protocol::{LayoutRecord, Opened};
use md5::{Digest, Md5};

use super::digest::system_message;
use super::printer::{self, Printer};
use super::{Failure, Outcome};
use crate::replacement::Replacement;

/// What is asked of an executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Sections,
    Imports,
}

/// Writes the normalized forms of a page into the current folder.
pub(super) fn html_normalise(path: &Path) -> Outcome {
    let opened = opened("htmlnorm", path, "html")?;
    // The files of the markup and the text are there for every page, that of scripts only where there are some.
    for name in ["nocomment.html", "notags.html"] {
        write_form(&opened, name, name)?;
    }
    if opened.parts.iter().any(|part| part.name == "javascript") {
        write_form(&opened, "javascript", "javascript")?;
    }
    Ok(())
}

/// Writes the normalized form of a text into the current folder.
pub(super) fn ascii_normalise(path: &Path) -> Outcome {
    write_form(&opened("asciinorm", path, "text")?, "", "normalised_text")
}

/// Prints the macros of a document.
pub(super) fn macros(path: &Path, printer: &mut Printer) -> Outcome {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            let why = system_message(&error);
            printer::error(&format!("WARNING: Can't open file {}: {why}", path.display()));
            return Ok(());
        }
    };
    let opened = open(&file, "")?;
    for part in opened.parts.iter().filter(|part| part.form == "vba-normalized") {
        printer.bytes(&part.bytes)?;
    }
    Ok(())
}

/// Tells the digests of the sections or of the imports of programs, on standard error as ClamAV does.
pub(super) fn layouts(of: Of, files: &[PathBuf]) -> Outcome {
    if files.is_empty() {
        let message = "ERROR: hashsig: Can't generate requested hash for input stream";
        return Err(Failure::Told(message.to_owned()));
    }
    for path in files {
        let failed = |error: io::Error| {
            printer::error(&format!("hashsig: {}", system_message(&error)));
            Failure::Told(format!("ERROR: hashsig: Can't access file {}", path.display()))
        };
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            continue;
        }
        let mut file = File::open(path).map_err(failed)?;
        let opened = open(&file, "")?;
        match opened.layout.filter(|_| opened.file_type == "pe") {
            None => printer::error("ERROR: hashpe: Not a valid PE file!"),
            Some(layout) if of == Of::Sections => sections(&mut file, &layout)?,
            Some(layout) => imports(layout),
        }
    }
    Ok(())
}

fn sections(file: &mut File, layout: &LayoutRecord) -> io::Result<()> {
    for (number, (offset, size)) in layout.sections.iter().enumerate() {
        file.seek(SeekFrom::Start(*offset))?;
        let mut hasher = Md5::new();
        let read = io::copy(&mut file.take(*size), &mut Hasher(&mut hasher))?;
        let told = match read {
            0 => "section contains no data".to_owned(),
            _ => format!("{size}:{}", hex::encode(hasher.finalize())),
        };
        printer::error(&format!("LibClamAV debug: Section{{{number}}}: {told}"));
    }
    Ok(())
}

fn imports(layout: LayoutRecord) {
    let imports = layout.imports.into_iter().map(|(library, symbol)| Import { library, symbol }).collect();
    let list = import_list(&Layout { imports, ..Layout::default() });
    let told = if list.is_empty() {
        "failed to generate hash for import table (22)".to_owned()
    } else {
        format!("{}:{}", hex::encode(Md5::digest(&list)), list.len())
    };
    printer::error(&format!("LibClamAV debug: Imphash: {told}"));
}

struct Hasher<'h>(&'h mut Md5);

impl Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the form of this name, which may come in several pieces, as a file of the current folder.
fn write_form(opened: &Opened, form: &str, name: &str) -> Outcome {
    let (mut file, replacement) = Replacement::start(Path::new(name))?;
    for part in opened.parts.iter().filter(|part| !part.form.is_empty() && part.name == form) {
        file.write_all(&part.bytes)?;
    }
    Ok(replacement.finish()?)
}

fn opened(who: &str, path: &Path, as_type: &str) -> Result<Opened, Failure> {
    let failed = |_| Failure::Told(format!("ERROR: {who}: Can't open file {}", path.display()));
    open(&File::open(path).map_err(failed)?, as_type)
}

/// Has a file taken apart. What could not be taken out is said on standard error.
fn open(file: &File, as_type: &str) -> Result<Opened, Failure> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Failure::Told("ERROR: this is no regular file".to_owned()));
    }
    let told = |error: &dyn std::fmt::Display| Failure::Told(format!("ERROR: {error}"));
    let program = worker_program().map_err(|error| told(&error))?;
    let settings = Settings {
        source: Source::Program(Program {
            path: program,
            databases: Vec::new(),
            user: Some(NOBODY),
            passwords: Passwords::default(),
        }),
        limits: Limits::default(),
        workers: NonZeroUsize::MIN,
        at_once: 1,
        queue: 1,
        grace: GRACE,
    };
    let opened = candor_jail::open(&settings, file, metadata.len(), as_type).map_err(|error| told(&error))?;
    for gap in &opened.gaps {
        printer::error(&format!("WARNING: not examined: {gap}"));
    }
    Ok(opened)
}
