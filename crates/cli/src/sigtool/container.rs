//! `--info`, `--unpack` and `--unpack-current`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use candor_signatures::container::{Container, Header, Keys, Kind, Refusal};

use super::printer::{self, Printer};
use super::{Failure, Outcome};
use crate::replacement::Replacement;

/// Length of a header in bytes.
const HEADER: u64 = 512;

/// Shows what the header says and whether the container is what its maker signed.
pub(super) fn info(path: &Path, printer: &mut Printer) -> Outcome {
    let name = path.display();
    let header = header(path).map_err(|reason| {
        printer::error(&reason);
        Failure::Told(format!("ERROR: cvdinfo: Can't read/parse CVD header of {name}"))
    })?;
    let kind = kind(path);
    printer.line(&format!("File: {name}"))?;
    printer.line(&format!("Build time: {}", header.created.replacen('-', ":", 1)))?;
    printer.line(&format!("Version: {}", header.version))?;
    printer.line(&format!("Signatures: {}", header.signatures))?;
    printer.line(&format!("Functionality level: {}", header.level))?;
    printer.line(&format!("Builder: {}", header.builder))?;
    if kind == Kind::Cvd {
        printer.line(&format!("MD5: {}", header.md5))?;
        printer.line(&format!("Digital signature: {}", header.signature))?;
    }
    let refused = |reason: &str| {
        printer::error(reason);
        Failure::Told("ERROR: cvdinfo: Verification: Can't verify database integrity".to_owned())
    };
    let container =
        Container::open_as(path, kind, &Keys::clamav()).map_err(|error| refused(&error.to_string()))?;
    match (kind, container.unsigned()) {
        (Kind::Cud, _) => Ok(printer.line("Verification: Unsigned container")?),
        (_, None) => Ok(printer.line("Verification OK.")?),
        (_, Some(reason)) => Err(refused(reason)),
    }
}

/// Writes all that is in a container into the current folder.
pub(super) fn unpack(path: &Path) -> Outcome {
    let refused = |reason: &str| {
        printer::error(reason);
        Failure::Told(format!("ERROR: unpack: {} is not a valid CVD", path.display()))
    };
    let kind = kind(path);
    let container =
        Container::open_as(path, kind, &Keys::clamav()).map_err(|error| refused(&error.to_string()))?;
    if let Some(reason) = container.unsigned().filter(|_| kind != Kind::Cud) {
        return Err(refused(reason));
    }
    let written = container.read_all(|name, body| {
        let (mut file, replacement) = Replacement::start(Path::new(name))?;
        io::copy(body, &mut file)?;
        replacement.finish()
    });
    match written {
        Ok(()) => Ok(()),
        Err(Refusal::Unreadable(error)) => Err(error.into()),
        Err(refusal) => Err(refused(&refusal.to_string())),
    }
}

/// The same for a container of this name in the folder of databases.
pub(super) fn unpack_current(name: &str, folder: &Path) -> Outcome {
    let candidates = ["cld", "cvd"].map(|extension| folder.join(format!("{name}.{extension}")));
    let found: Option<&PathBuf> = candidates.iter().find(|path| path.is_file());
    match found {
        Some(path) => unpack(path),
        None => {
            let folder = folder.display();
            Err(Failure::Told(format!("ERROR: unpack: Couldn't find {name} CLD/CVD database in {folder}")))
        }
    }
}

/// The kind that a file is taken for: the one that its name says, or that which is signed most.
pub(super) fn kind(path: &Path) -> Kind {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Kind::of(&name).unwrap_or(Kind::Cvd)
}

fn header(path: &Path) -> Result<Header, String> {
    let cannot = |what: &str| format!("{what}: {}", path.display());
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Err(cannot("it cannot be opened or is no regular file"));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEADER).read_to_end(&mut bytes));
    read.map_err(|error| cannot(&error.to_string()))?;
    Header::parse(&bytes)
}
