//! `candor update --from clamav`: ClamAV's own containers, by the protocol of freshclam.

use std::io::{self, Write};
use std::path::Path;

use candor_object::Escaped;
use serde_json::{Value, json};

use crate::clamav_update::{Failure, Options, update};
use crate::exit_status::Outcome;
use crate::numbers::grouped;

/// Where ClamAV's containers are kept when nobody says otherwise; scans look there.
pub(super) const FOLDER: &str = "/var/lib/clamav";

/// Updates the containers in a folder, and tells how it went.
pub(super) fn run(folder: &Path, json: bool) -> anyhow::Result<Outcome> {
    let done = update(&Options::new(folder.to_owned()))?;
    let mut out = io::stdout().lock();
    if json {
        let databases: Vec<Value> = done
            .databases
            .iter()
            .map(|database| match &database.result {
                Ok(standing) => json!({
                    "name": database.name,
                    "file": standing.file,
                    "version": standing.about.as_ref().map(|about| about.version),
                    "signatures": standing.about.as_ref().map(|about| about.signatures),
                    "new": standing.is_new,
                    "signed_beside": standing.is_signed_beside,
                }),
                Err(failure) => json!({ "name": database.name, "error": failure.text() }),
            })
            .collect();
        out.write_all(&crate::output::json::pretty(
            &json!({ "databases": databases, "notes": done.notes }),
        )?)?;
    } else {
        for database in &done.databases {
            let name = Escaped(&database.name).to_string();
            match &database.result {
                Ok(standing) => {
                    let news = if standing.is_new { "is new" } else { "is the newest" };
                    let about = standing.about.as_ref().map(|about| {
                        format!(
                            " version {}, {} signatures,",
                            about.version,
                            grouped(about.signatures.into())
                        )
                    });
                    let proof = match (standing.is_signed_beside, &standing.about) {
                        (true, _) => "signed beside it (PKCS #7)",
                        (false, Some(_)) => {
                            "only the old signature in its header was there: MD5 and RSA of 1024 bits, a weaker proof"
                        }
                        (false, None) => "nobody signed it",
                    };
                    writeln!(out, "{name}:{} {news}; {proof}", about.unwrap_or_default())?;
                }
                Err(failure) => writeln!(out, "{name}: {}", Escaped(failure.text()))?,
            }
            for note in &database.notes {
                writeln!(out, "  {}", Escaped(note))?;
            }
        }
        done.notes.iter().try_for_each(|note| writeln!(out, "{}", Escaped(note)))?;
    }
    Ok(match done.failure() {
        None => Outcome::default(),
        Some(Failure::Refused(_)) => Outcome::found(),
        Some(Failure::NotFetched(..) | Failure::Local(_)) => Outcome::error(),
    })
}
