//! The database of rpm, in its three forms: SQLite, hash pages of Berkeley DB, and ndb. Each holds a
//! [header](https://rpm-software-management.github.io/rpm/manual/hregions.html) for every package.

mod bdb;
mod header;
mod ndb;

use candor_object::{Attribute, FactKind};

use super::INSTALLED;
use crate::purl::purl_for;
use crate::sqlite::{Database, is_database};
use crate::{Error, Facts, Reader, Subject};

use header::Header;

pub(crate) struct Rpm;

/// Where they are.
const PLACES: [&str; 6] = [
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
];
/// Longest header that is read, in bytes.
const LONGEST: u32 = 32 << 20;

impl Reader for Rpm {
    fn name(&self) -> &'static str {
        "rpm database"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        (is_database(subject.head)
            && (subject.is_named("rpmdb.sqlite") || subject.says("(hnum INTEGER PRIMARY KEY")))
            || ndb::begins(subject.head)
            || (subject.is_named("Packages") && bdb::begins(subject.head))
            // In its place it is read whatever it holds, so that a broken one is told.
            || PLACES.iter().any(|place| subject.path().ends_with(place))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let (mut damage, mut headers) = (None, 0_u64);
        let each = |blob: &[u8]| {
            headers += 1;
            subject.time_left()?;
            match Header::new(blob) {
                Some(header) => tell(&header, facts)?,
                None => {
                    damage.get_or_insert_with(|| format!("a header of {} bytes is none", blob.len()));
                }
            }
            Ok(())
        };
        if is_database(subject.head) {
            sqlite(subject, each)?;
        } else if ndb::begins(subject.head) {
            ndb::headers(subject, each)?;
        } else if bdb::begins(subject.head) {
            bdb::headers(subject, each)?;
        } else {
            return Err(Error::Damaged("it is no database of rpm".to_owned()));
        }
        let none = || (headers == 0).then(|| "it lists no package".to_owned());
        damage.or_else(none).map_or(Ok(()), |what| Err(Error::Damaged(what)))
    }
}

fn sqlite(subject: &Subject<'_>, mut each: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let database = Database::open(subject.content())?;
    let Some(table) = database.table("Packages")? else {
        return Err(Error::Damaged("there is no table of packages".to_owned()));
    };
    let column = table.column("blob").unwrap_or(1);
    database.rows(&table, |row| match row.values.get(column) {
        Some(blob) => each(blob.bytes()),
        None => Err(Error::Damaged(format!("package {} has no header", row.number))),
    })
}

fn tell(header: &Header<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
    let name = header.text(header::NAME);
    if name.is_empty() {
        return Ok(());
    }
    let architecture = header.text(header::ARCHITECTURE);
    let release = format!("{}-{}", header.text(header::VERSION), header.text(header::RELEASE));
    let epoch = header.number(header::EPOCH).filter(|epoch| *epoch > 0);
    let version = epoch.map_or_else(|| release.clone(), |epoch| format!("{epoch}:{release}"));
    let mut purl = purl_for("rpm", &name, &release, &architecture);
    if let Some(epoch) = epoch {
        purl.push_str(&format!("{}epoch={epoch}", if purl.contains('?') { '&' } else { '?' }));
    }
    let time = header.number(header::INSTALLED).map(|seconds| seconds.to_string()).unwrap_or_default();
    let vendor = header.text(header::VENDOR);
    let packager = header.text(header::PACKAGER);
    let (vendor, publisher) = if vendor.is_empty() { (packager, String::new()) } else { (vendor, packager) };
    facts.add(
        FactKind::Package,
        &[
            (Attribute::Manager, "rpm"),
            (Attribute::Name, &name),
            (Attribute::Version, &version),
            (Attribute::State, INSTALLED),
            (Attribute::Purl, &purl),
            (Attribute::Architecture, &architecture),
            (Attribute::Vendor, &vendor),
            (Attribute::Publisher, &publisher),
            (Attribute::Url, &header.text(header::URL)),
            (Attribute::Licence, &header.text(header::LICENCE)),
            (Attribute::Description, &header.text(header::SUMMARY)),
            (Attribute::Time, &time),
        ],
    )
}

#[cfg(test)]
mod tests {
    use candor_object::Fact;

    use crate::reader::tests::{facts_of, told};

    use super::*;

    fn check(facts: &[Fact]) {
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].get(Attribute::Name), Some("kesl"));
        assert_eq!(facts[0].get(Attribute::Version), Some("1:12.0-6672"));
        assert_eq!(facts[0].get(Attribute::Purl), Some("pkg:rpm/kesl@12.0-6672?arch=x86_64&epoch=1"));
        assert_eq!(facts[0].get(Attribute::Vendor), Some("AO Kaspersky Lab"));
        assert_eq!(facts[0].get(Attribute::Time), Some("1721000000"));
    }

    #[test]
    fn headers_in_ndb() {
        check(&facts_of(
            &Rpm,
            "usr/lib/sysimage/rpm/Packages.db",
            &ndb::tests::database(&header::tests::sample()),
        ));
    }

    #[test]
    fn headers_in_hash_pages() {
        let sample = header::tests::sample();
        for big_endian in [false, true] {
            check(&facts_of(&Rpm, "var/lib/rpm/Packages", &bdb::tests::database(&sample, big_endian)));
        }
    }

    #[test]
    fn headers_in_sqlite() {
        let sample = include_bytes!("../../../tests/golden/packages/usr/lib/sysimage/rpm/rpmdb.sqlite");
        assert_eq!(facts_of(&Rpm, "rpmdb.sqlite", sample).len(), 3);
    }

    #[test]
    fn a_broken_header_loses_only_itself() {
        let (facts, result) = told(&Rpm, "Packages.db", &ndb::tests::database(b"\xff\xff\xff\xff broken"));
        assert!(facts.is_empty());
        assert!(matches!(result, Err(Error::Damaged(_))));
    }
}
