//! Whose certificates are believed.

use std::fs;
use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::{Error, Kind};

/// The authorities of the system, and those of a file.
///
/// # Errors
/// [`Kind::Local`] when the file cannot be read or has none in it. A system without any is no error: a mirror may be
/// one of this machine.
pub(super) fn read(file: Option<&Path>) -> Result<RootCerts, Error> {
    let mut all: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    if let Some(path) = file {
        all.extend(of_file(path)?);
    }
    Ok(RootCerts::from(all))
}

fn of_file(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let wrong = |why: &str| Error::new(Kind::Local, format!("{}: {why}", path.display()));
    let pem = fs::read(path).map_err(|error| wrong(&error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(&error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it"));
    }
    Ok(certificates)
}
