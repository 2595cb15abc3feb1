//! `--md5`, `--sha1`, `--sha256` and `--hex-dump`.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::command_line::Algorithm;
use super::printer::{self, Printer};
use super::{Failure, Outcome};

/// Digests of files as lines of a signature file, or of standard input alone.
pub(super) fn digests(algorithm: Algorithm, files: &[PathBuf], printer: &mut Printer) -> Outcome {
    if files.is_empty() {
        let (digest, _) = digest(algorithm, &mut io::stdin().lock())?;
        return Ok(printer.line(&digest)?);
    }
    for path in files {
        let failed = |error: &io::Error| {
            printer::error(&format!("hashsig: {}", system_message(error)));
            Failure::Told(format!("ERROR: hashsig: Can't access file {}", path.display()))
        };
        let metadata = std::fs::metadata(path).map_err(|error| failed(&error))?;
        // As ClamAV does: nothing is said of what is no regular file.
        if !metadata.is_file() {
            continue;
        }
        let mut file = File::open(path).map_err(|error| failed(&error))?;
        let (digest, size) = digest(algorithm, &mut file)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        printer.line(&format!("{digest}:{size}:{name}"))?;
    }
    Ok(())
}

/// Everything from standard input in hexadecimal, without a line end.
pub(super) fn hex_dump(printer: &mut Printer) -> Outcome {
    each_part(&mut io::stdin().lock(), &mut |part| printer.bytes(hex::encode(part).as_bytes()))?;
    Ok(())
}

/// The digest in hexadecimal, and how many bytes it is of.
fn digest(algorithm: Algorithm, from: &mut dyn Read) -> io::Result<(String, u64)> {
    match algorithm {
        Algorithm::Md5 => digested::<Md5>(from),
        Algorithm::Sha1 => digested::<Sha1>(from),
        Algorithm::Sha256 => digested::<Sha256>(from),
    }
}

fn digested<D: Digest>(from: &mut dyn Read) -> io::Result<(String, u64)> {
    let mut hasher = D::new();
    let size = each_part(from, &mut |part| {
        hasher.update(part);
        Ok(())
    })?;
    Ok((hex::encode(hasher.finalize()), size))
}

/// Reads to the end; how many bytes there were.
fn each_part(from: &mut dyn Read, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        if count == 0 {
            return Ok(size);
        }
        take(&buffer[..count])?;
        size += count as u64;
    }
}

/// What the system says of an error, without its number, as C programs print it.
pub(super) fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
