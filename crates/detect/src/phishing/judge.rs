//! What a link says about its page: the chain of decisions.

use std::time::Instant;

use candor_object::{Category, Finding, Link, ObjectId, Strength};
use sha2::{Digest, Sha256};

use super::address::Address;
use super::canonical::parts;
use super::expressions::find;
use super::section::{About, LinkTables, ending, list};
use super::{DETECTOR, List};
use crate::{Database, Error};

/// Most bytes of an address that a sentence shows.
const MAX_SHOWN: usize = 120;

/// The finding that a link makes, if it makes one.
///
/// Links to hosts that no list protects are judged as well, where they promise encryption or hide their host: these
/// findings are anomalies, which count if the policy wants them to.
///
/// # Errors
/// When the time is up or the database is damaged.
pub(crate) fn inspect(
    database: &Database,
    tables: &LinkTables<'_>,
    id: ObjectId,
    link: &Link<'_>,
    deadline: Instant,
) -> Result<Option<Finding>, Error> {
    if let Some((name, source)) = blocked(tables, link) {
        let text = format!("leads to {}, which is on a list", clipped(link.target));
        let source = database.source(source).to_owned();
        return Ok(Some(finding(id, name, source, text, Category::Malware)));
    }
    let Some(real) = Address::of_target(link.target) else { return Ok(None) };
    let shown = Address::of_text(link.shown);
    let Some(flaw) = flaw(&real, shown.as_ref(), link.is_text) else { return Ok(None) };
    let protector = match &shown {
        Some(shown) => protector(database, tables, &real, shown, deadline)?,
        None => None,
    };
    if protector.is_none() && flaw == Flaw::OtherHost {
        return Ok(None);
    }
    if is_allowed(database, tables, &real, shown.as_ref(), deadline)? {
        return Ok(None);
    }
    let category = if protector.is_some() { Category::Malware } else { Category::Anomaly };
    let (source, because) = protector.unwrap_or_default();
    let text = format!(
        "a link that shows {} leads to {}{because}",
        clipped(shown.map_or_else(|| link.shown.to_vec(), |shown| shown.text()).as_slice()),
        clipped(&real.text())
    );
    Ok(Some(finding(id, flaw.name(), source, text, category)))
}

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Cloaked,
    NotEncrypted,
    OtherHost,
}

impl Flaw {
    /// ClamAV's name.
    fn name(self) -> &'static str {
        match self {
            Self::Cloaked => "Heuristics.Phishing.Email.Cloaked.Null",
            Self::NotEncrypted => "Heuristics.Phishing.Email.SSL-Spoof",
            Self::OtherHost => "Heuristics.Phishing.Email.SpoofedDomain",
        }
    }
}

fn flaw(real: &Address, shown: Option<&Address>, is_text: bool) -> Option<Flaw> {
    if real.cloaked {
        return Some(Flaw::Cloaked);
    }
    let shown = shown?;
    if is_text && shown.scheme == Some("https") && real.scheme != Some("https") {
        return Some(Flaw::NotEncrypted);
    }
    (real.domain() != shown.domain()).then_some(Flaw::OtherHost)
}

/// The list that an address is on, and its file's number.
fn blocked(tables: &LinkTables<'_>, link: &Link<'_>) -> Option<(&'static str, u16)> {
    if !tables.has_digests() {
        return None;
    }
    let record = parts(link.target).iter().find_map(|part| tables.blocked(&Sha256::digest(part).into()))?;
    let name = match list(record.list)? {
        List::Malware => "Heuristics.Safebrowsing.Suspected-malware_safebrowsing.clamav.net",
        List::Imitation => "Heuristics.Safebrowsing.Suspected-phishing_safebrowsing.clamav.net",
        List::Blocked => "Heuristics.Phishing.URL.Blocked",
    };
    Some((name, record.source.get()))
}

/// The file of the list that protects the host which is shown, and a clause that names the entry.
fn protector(
    database: &Database,
    tables: &LinkTables<'_>,
    real: &Address,
    shown: &Address,
    deadline: Instant,
) -> Result<Option<(String, String)>, Error> {
    let entry = |kind: char, text: &str| format!(" (the list has {kind}:{text})");
    if let Some(record) = ending(database, tables.protected, &shown.host) {
        let source = database.source(record.source.get()).to_owned();
        return Ok(Some((source, entry('H', database.text(record.hosts)))));
    }
    let subjects = [subject(&[&real.text(), b":", &shown.text()]), subject(&[&shown.host])];
    let record = find(database, tables, About::Protected, &subjects, deadline)?;
    Ok(record.map(|record| {
        let source = database.source(record.source.get()).to_owned();
        (source, entry('R', database.text(record.original)))
    }))
}

/// Whether a list says that the link is in order.
fn is_allowed(
    database: &Database,
    tables: &LinkTables<'_>,
    real: &Address,
    shown: Option<&Address>,
    deadline: Instant,
) -> Result<bool, Error> {
    if find(database, tables, About::Target, &[subject(&[&real.text()])], deadline)?.is_some() {
        return Ok(true);
    }
    let Some(shown) = shown else { return Ok(false) };
    let hosts = [real.host.as_slice(), b":", &shown.host].concat();
    if ending(database, tables.allowed, &hosts).is_some() {
        return Ok(true);
    }
    let subjects = [subject(&[&real.text(), b":", &shown.text()]), subject(&[&hosts])];
    Ok(find(database, tables, About::Allowed, &subjects, deadline)?.is_some())
}

/// What expressions are searched for in: a slash stands at its end.
fn subject(parts: &[&[u8]]) -> Vec<u8> {
    let mut subject = parts.concat();
    subject.push(b'/');
    subject
}

fn clipped(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..MAX_SHOWN).unwrap_or(bytes)).trim().to_owned()
}

fn finding(
    object: ObjectId,
    name: &'static str,
    source: String,
    text: String,
    category: Category,
) -> Finding {
    let strength = if category == Category::Anomaly { Strength::Weak } else { Strength::Strong };
    Finding { object, detector: DETECTOR, name: name.to_owned(), source, category, strength, text, evidence: Vec::new() }
}
