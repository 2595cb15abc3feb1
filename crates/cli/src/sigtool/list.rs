//! `--list-sigs` and `--find-sigs`: the names or the lines of signatures in files, containers and folders.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use candor_signatures::container::{Container, Keys, Kind};
use candor_signatures::ere;

use super::container::kind;
use super::printer::Printer;
use super::{Failure, Outcome};

/// What a container begins with.
const CONTAINER: &[u8] = b"ClamAV-VDB:";
/// Longest line in bytes that is looked at; the rest of a longer one is the next line.
const MAX_LINE: u64 = 256 << 10;

/// Where the name of a signature is in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Before this character.
    Before(u8),
    /// The third field.
    Third,
    /// Before a semicolon in the second line.
    SecondLine,
}

/// Files whose signatures are listed, by extension.
const FILES: &[(&[&str], Name)] = &[
    (&["db"], Name::Before(b'=')),
    (&["crb", "cdb", "ndb", "ndu", "rmd", "sdb", "zmd"], Name::Before(b':')),
    (&["ldb", "ldu"], Name::Before(b';')),
    (&["hdb", "hdu", "hsb", "hsu", "imp", "mdb", "mdu", "msb", "msu"], Name::Third),
    (&["cbc"], Name::SecondLine),
];

/// Lists the names in a file, a container, or all of a folder.
pub(super) fn list(path: &Path, printer: &mut Printer) -> Outcome {
    let Ok(metadata) = fs::metadata(path) else {
        return Err(Failure::Shown(format!("--list-sigs: Can't get status of {}", path.display())));
    };
    let mut names = |source: &str, text: &mut dyn BufRead| names(source, text, printer);
    if metadata.is_dir() { folder(path, &mut names) } else { file(path, "listdb", &mut names) }
}

/// Prints the lines of a folder that match an extended regular expression.
pub(super) fn find(expression: &str, path: &Path, printer: &mut Printer) -> Outcome {
    let expression = ere::compile(expression.as_bytes())
        .map_err(|_| Failure::Shown("--find-sigs: Can't compile regex".to_owned()))?;
    folder(path, &mut |source, text| {
        if place(source).is_none() {
            return Ok(());
        }
        each_line(text, &mut |line| {
            if expression.is_match(line) {
                printer.line(&format!("[{source}] {}", String::from_utf8_lossy(line)))?;
            }
            Ok(())
        })
    })
}

/// Reads signature files, each with its name.
type ReadFile<'a> = dyn FnMut(&str, &mut dyn BufRead) -> Outcome + 'a;

/// Reads all files of a folder, in the order in which the system has them.
fn folder(path: &Path, read: &mut ReadFile<'_>) -> Outcome {
    let cannot = |_| Failure::Shown(format!("ERROR: listdir: Can't open directory {}", path.display()));
    for entry in fs::read_dir(path).map_err(cannot)? {
        let entry = entry?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_read = place(&name).is_some() || matches!(Kind::of(&name), Some(Kind::Cvd | Kind::Cld));
        if is_read && entry.is_file() {
            file(&entry, "listdir", read)?;
        }
    }
    Ok(())
}

/// Reads a file or all members of a container.
fn file(path: &Path, who: &str, read: &mut ReadFile<'_>) -> Outcome {
    if !path.is_file() {
        return Err(Failure::Shown(format!("ERROR: {who}: Can't open file {}", path.display())));
    }
    let mut text = BufReader::with_capacity(64 << 10, File::open(path)?);
    if !text.fill_buf()?.starts_with(CONTAINER) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return read(&name, &mut text);
    }
    let broken = || Failure::Shown(format!("ERROR: {who}: Can't unpack CVD file {}", path.display()));
    let container = Container::open_as(path, kind(path), &Keys::clamav()).map_err(|_| broken())?;
    let mut failure = None;
    let result = container.read(
        |member| place(&member.name).is_some(),
        |member, text| match read(&member.name, text) {
            Ok(()) => Ok(()),
            Err(Failure::Io(error)) => Err(error),
            Err(other) => {
                failure = Some(other);
                Err(io::ErrorKind::Other.into())
            }
        },
    );
    match (failure, result) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(()),
        (None, Err(_)) => Err(broken()),
    }
}

fn place(name: &str) -> Option<Name> {
    let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
    FILES.iter().find(|(extensions, _)| extensions.contains(&extension.as_str())).map(|(_, name)| *name)
}

fn names(source: &str, text: &mut dyn BufRead, printer: &mut Printer) -> Outcome {
    let Some(place) = place(source) else { return Ok(()) };
    let mut number = 0_u64;
    each_line(text, &mut |line| {
        number += 1;
        if line.first() == Some(&b'#') || (place == Name::SecondLine && number != 2) {
            return Ok(());
        }
        let invalid = || Failure::Shown(format!("ERROR: listdb: Invalid filename {source}"));
        let line = String::from_utf8_lossy(line);
        // Bytecode that starts with other things than a logical signature has only a name there.
        if place == Name::SecondLine && !line.contains(';') {
            return Ok(());
        }
        printer.line(name(&line, place).ok_or_else(invalid)?)?;
        Ok(())
    })
}

/// The name in a line.
fn name(line: &str, place: Name) -> Option<&str> {
    let name = match place {
        Name::Before(separator) => line.split(char::from(separator)).next()?,
        Name::SecondLine => line.split(';').next()?,
        Name::Third => line.split(':').nth(2)?,
    };
    let name = name.strip_suffix(" (Clam)").unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

fn each_line(text: &mut dyn BufRead, take: &mut dyn FnMut(&[u8]) -> Outcome) -> Outcome {
    let mut line = Vec::new();
    loop {
        line.clear();
        if text.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let end = line.trim_ascii_end().len();
        line.truncate(end);
        take(&line)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_where_their_language_has_them() {
        for (file, line, expected) in [
            ("a.ndb", "Foo.Baz (Clam):1:EP+0:4d5a", Some("Foo.Baz")),
            ("a.db", "Leg.One (Clam)=deadbeef", Some("Leg.One")),
            ("a.hdb", "44d88612:68:Eicar-Test", Some("Eicar-Test")),
            ("a.MDB", "68:44d88612:Sec.One:73", Some("Sec.One")),
            ("a.ldb", "L.One;Target:0;0;6868", Some("L.One")),
            ("a.hdb", "a:b", None),
            ("a.ndb", "", None),
        ] {
            assert_eq!(name(line, place(file).unwrap()), expected, "{file} {line}");
        }
        for file in ["a.fp", "a.sfp", "a.ign2", "a.yar", "a.cfg", "a.txt", "ndb"] {
            assert_eq!(place(file), None, "{file}");
        }
    }
}
