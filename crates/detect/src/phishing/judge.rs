//! What a link says about its page: the chain of decisions.

use std::sync::Arc;
use std::time::Instant;

use candor_object::{Category, Finding, Link, ObjectId, Strength};
use sha2::{Digest, Sha256};
use zerocopy::little_endian as le;

use super::address::Address;
use super::canonical::parts;
use super::expressions::find;
use super::section::{About, LinkTables, ending, list};
use super::{DETECTOR, List};
use crate::{Database, Error};

/// Most bytes of an address that a sentence shows.
const MAX_SHOWN: usize = 120;

/// The finding that a link makes by the lists of all databases together, if it makes one.
///
/// Links to hosts that no list protects are judged as well, where they promise encryption or hide their host: these
/// findings are anomalies, which count if the policy wants them to.
///
/// # Errors
/// When the time is up or a database is damaged.
pub(crate) fn inspect(
    databases: &[Arc<Database>],
    id: ObjectId,
    link: &Link<'_>,
    deadline: Instant,
) -> Result<Option<Finding>, Error> {
    let lists = databases
        .iter()
        .filter(|database| database.knows_links())
        .map(|database| Ok(Lists { database, tables: database.link_tables()? }))
        .collect::<Result<Vec<Lists<'_>>, Error>>()?;
    if let Some((name, source)) = blocked(&lists, link) {
        let text = format!("leads to {}, which is on a list", clipped(link.target));
        return Ok(Some(finding(id, name, source, text, Category::Malware)));
    }
    let Some(real) = Address::of_target(link.target) else { return Ok(None) };
    let shown = Address::of_text(link.shown);
    let Some(flaw) = flaw(&real, shown.as_ref(), link.is_text) else { return Ok(None) };
    let mut protector = None;
    for lists in &lists {
        if protector.is_none() {
            protector = lists.protector(&real, shown.as_ref(), deadline)?;
        }
    }
    if protector.is_none() && flaw == Flaw::OtherHost {
        return Ok(None);
    }
    for lists in &lists {
        if lists.allow(&real, shown.as_ref(), deadline)? {
            return Ok(None);
        }
    }
    let category = if protector.is_some() { Category::Malware } else { Category::Anomaly };
    let (source, because) = protector.unwrap_or_default();
    let text = format!(
        "a link that shows {} leads to {}{because}",
        clipped(&shown.map_or_else(|| link.shown.to_vec(), |shown| shown.text())),
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

/// The list that an address is on, and its file.
fn blocked(lists: &[Lists<'_>], link: &Link<'_>) -> Option<(&'static str, String)> {
    if !lists.iter().any(|lists| lists.tables.has_digests()) {
        return None;
    }
    let (found, record) = parts(link.target).iter().find_map(|part| {
        let digest = Sha256::digest(part).into();
        let entries = || lists.iter().filter_map(|lists| Some((lists, lists.tables.digest(&digest)?)));
        // One list that says otherwise is enough.
        let excepted = entries().any(|(_, record)| list(record.list).is_none());
        entries().next().filter(|_| !excepted)
    })?;
    let name = match list(record.list)? {
        List::Malware => "Heuristics.Safebrowsing.Suspected-malware_safebrowsing.clamav.net",
        List::Imitation => "Heuristics.Safebrowsing.Suspected-phishing_safebrowsing.clamav.net",
        List::Blocked => "Heuristics.Phishing.URL.Blocked",
    };
    Some((name, found.database.source(record.source.get()).to_owned()))
}

/// The lists of one database.
struct Lists<'d> {
    database: &'d Database,
    tables: LinkTables<'d>,
}

impl Lists<'_> {
    /// The file of the list that protects the host which is shown, and a clause that names the entry.
    fn protector(
        &self,
        real: &Address,
        shown: Option<&Address>,
        deadline: Instant,
    ) -> Result<Option<(String, String)>, Error> {
        let Self { database, tables } = self;
        let Some(shown) = shown else { return Ok(None) };
        let source = |number: le::U16| database.source(number.get()).to_owned();
        let entry = |kind: char, text: &str| format!(" (the list has {kind}:{text})");
        if let Some(record) = ending(database, tables.protected, &shown.host) {
            return Ok(Some((source(record.source), entry('H', database.text(record.hosts)))));
        }
        let subjects = [subject(&[&real.text(), b":", &shown.text()]), subject(&[&shown.host])];
        let record = find(database, tables, About::Protected, &subjects, deadline)?;
        Ok(record.map(|record| (source(record.source), entry('R', database.text(record.original)))))
    }

    /// Whether they say that the link is in order.
    fn allow(&self, real: &Address, shown: Option<&Address>, deadline: Instant) -> Result<bool, Error> {
        let Self { database, tables } = self;
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
    Finding {
        object,
        detector: DETECTOR,
        name: name.to_owned(),
        source,
        category,
        strength,
        text,
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Expression, LinkSignature};
    use super::*;
    use crate::Compiler;

    fn database(signatures: &[LinkSignature]) -> Arc<Database> {
        let mut compiler = Compiler::default();
        signatures.iter().for_each(|signature| compiler.link(signature, "a.list"));
        Arc::new(Database::from_vec(compiler.finish()).unwrap())
    }

    fn found(databases: &[Arc<Database>], target: &str, shown: &str) -> Option<Finding> {
        let link = Link { target: target.as_bytes(), shown: shown.as_bytes(), is_text: true };
        let deadline = Instant::now() + Duration::from_secs(60);
        inspect(databases, ObjectId::ROOT, &link, deadline).unwrap()
    }

    #[test]
    fn one_database_may_allow_what_another_protects() {
        let protects = database(&[LinkSignature::Protected("bank.example".to_owned())]);
        let (target, shown) = ("http://partner.example/x", "www.bank.example");
        let finding = found(&[Arc::clone(&protects)], target, shown).unwrap();
        assert_eq!((finding.category, finding.source.as_str()), (Category::Malware, "a.list"));
        let hosts = LinkSignature::Allowed("partner.example:www.bank.example".to_owned());
        let expression = |text: &str| Expression { translated: text.to_owned(), original: text.to_owned() };
        let pair = LinkSignature::AllowedExpression(expression("partner.*bank[.]example"));
        let address = LinkSignature::AllowedTarget(expression("^http://partner[.]example"));
        for allowed in [hosts, pair, address] {
            assert!(found(&[Arc::clone(&protects), database(&[allowed])], target, shown).is_none());
        }
        let other = database(&[LinkSignature::Allowed("x.partner.example:www.bank.example".to_owned())]);
        assert!(found(&[protects, other], target, shown).is_some());
    }

    #[test]
    fn an_exception_of_one_database_is_one_for_all() {
        let digest = Sha256::digest("evil.example/").into();
        let blocks = database(&[LinkSignature::Blocked(List::Blocked, digest)]);
        assert!(found(&[Arc::clone(&blocks)], "http://a.evil.example/b", "click").is_some());
        let excepts = database(&[LinkSignature::NotBlocked(digest)]);
        assert!(found(&[blocks, excepts], "http://a.evil.example/b", "click").is_none());
    }

    #[test]
    fn what_no_list_protects_is_an_anomaly_at_most() {
        let other = [database(&[LinkSignature::Protected("bank.example".to_owned())])];
        assert!(found(&other, "http://a.example", "b.example").is_none());
        let finding = found(&other, "http://a.example", "https://b.example").unwrap();
        assert_eq!((finding.category, finding.strength), (Category::Anomaly, Strength::Weak));
        assert!(found(&[], "http://a.example", "https://b.example").is_some());
    }
}
