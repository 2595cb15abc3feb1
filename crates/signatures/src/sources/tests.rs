//! Containers and files together.

use std::fs;

use candor_detect::Database;
use tempfile::TempDir;

use super::*;
use crate::clamav::container::making::{Making, keys};

const LINE: &str = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n";

fn settings() -> Settings {
    Settings { keys: keys(), ..Settings::default() }
}

fn built(sources: &Sources) -> (Database, Vec<String>) {
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    (Database::from_vec(built.image).unwrap(), problems)
}

#[test]
fn a_container_gives_its_members_and_they_are_official() {
    let folder = TempDir::new().unwrap();
    let daily = Making::new(&[("daily.hdb", LINE), ("daily.xyz", "x\n"), ("daily.hdu", LINE)]);
    fs::write(folder.path().join("daily.cvd"), daily.bytes()).unwrap();
    fs::write(folder.path().join("mine.hdb"), LINE.replace("68", "69")).unwrap();
    let mut sources = Sources::new(settings());
    sources.add_path(folder.path()).unwrap();
    let (database, problems) = built(&sources);
    assert_eq!(database.sources().unwrap(), ["daily.hdb", "mine.hdb"]);
    assert_eq!(database.official_sources().unwrap(), ["daily.hdb"]);
    assert_eq!(
        problems,
        [
            "daily.xyz: unsupported: no signature language has this extension",
            "daily.hdu: not for us: signatures of unwanted programs, for which nobody asked"
        ]
    );
    // A loose file of the same name makes it uncertain where a finding is from.
    fs::write(folder.path().join("daily.hdb"), LINE.replace("68", "70")).unwrap();
    let mut sources = Sources::new(settings());
    sources.add_path(folder.path()).unwrap();
    assert_eq!(built(&sources).0.official_sources().unwrap(), [""; 0]);
}

#[test]
fn unsigned_containers_are_taken_only_if_wanted_and_are_not_official() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mine.cud");
    fs::write(&path, Making::new(&[("mine.hdb", LINE)]).unsigned().bytes()).unwrap();
    let refused = Sources::new(settings()).add_path(&path).unwrap_err();
    assert!(matches!(refused, Error::Refused { refusal: Refusal::Unsigned(_), .. }), "{refused}");
    let mut sources = Sources::new(settings());
    sources.add_path(folder.path()).unwrap();
    assert!(sources.accept_no_refusal().unwrap_err().to_string().contains("mine.cud: it is not signed"));
    let mut sources = Sources::new(Settings { unsigned: Unsigned::Taken, ..settings() });
    sources.add_path(&path).unwrap();
    let (database, _) = built(&sources);
    assert_eq!(database.counts().unwrap().object_hashes, 1);
    assert_eq!(database.official_sources().unwrap(), [""; 0]);
}

#[test]
fn only_the_newer_of_two_is_used_and_a_forged_one_is_not_newer() {
    let of = |version: u32, size: &str| Making {
        version,
        ..Making::new(&[("daily.hdb", LINE.replace("68", size).as_str())])
    };
    let used = |files: &[(&str, &Making)]| {
        let folder = TempDir::new().unwrap();
        for (name, making) in files {
            fs::write(folder.path().join(name), making.bytes()).unwrap();
        }
        let mut sources = Sources::new(settings());
        sources.add_path(folder.path()).unwrap();
        assert_eq!(sources.superseded().len() + sources.refused().len(), files.len() - 1);
        sources.containers[0].name()
    };
    assert_eq!(used(&[("daily.cvd", &of(1, "68")), ("daily.cld", &of(2, "69"))]), "daily.cld");
    assert_eq!(used(&[("daily.cvd", &of(3, "68")), ("daily.cld", &of(2, "69"))]), "daily.cvd");
    assert_eq!(used(&[("daily.cvd", &of(3, "68")), ("daily.cld", &of(9, "69").unsigned())]), "daily.cvd");
}

#[test]
fn what_a_container_ignores_is_ignored_everywhere() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.hdb"), LINE).unwrap();
    fs::write(folder.path().join("main.cvd"), Making::new(&[("main.hdb", LINE)]).bytes()).unwrap();
    let daily = Making::new(&[("daily.ndb", "Foo:0:*:deadbeef\n"), ("daily.ign2", "Eicar-Test\n")]);
    fs::write(folder.path().join("daily.cvd"), daily.bytes()).unwrap();
    let mut sources = Sources::new(settings());
    sources.add_path(folder.path()).unwrap();
    let (database, problems) = built(&sources);
    assert_eq!((database.counts().unwrap().total(), problems.len()), (1, 2));
    assert_eq!(database.official_sources().unwrap(), ["daily.ndb"]);
}

#[test]
fn unwanted_programs_are_asked_for_by_category() {
    let build = |unwanted: Unwanted| {
        let mut sources = Sources::new(Settings { unwanted, ..settings() });
        sources.add_text("a.ndu", "PUA.Tool.One-1:0:*:deadbeef\nPUA.Win.Game.Two-1:0:*:deadbeef\n");
        built(&sources).0.counts().unwrap().logical
    };
    assert_eq!(build(Unwanted::LeftOut), 0);
    assert_eq!(build(Unwanted::All), 2);
    assert_eq!(build(Unwanted::Only(vec!["Tool".to_owned()])), 1);
    assert_eq!(build(Unwanted::Except(vec!["Tool".to_owned(), "Game".to_owned()])), 0);
}
