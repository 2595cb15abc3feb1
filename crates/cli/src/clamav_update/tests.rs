//! A folder that is updated from a staging folder which a fetcher of our own fills.
//!
//! The fixtures are signed with keys that nothing else trusts; a test of the crate of signatures writes them.

use std::fs;
use std::path::{Path, PathBuf};

use candor_signatures::container::{Container, Keys, PublicKey};
use tempfile::TempDir;

use super::fetcher::{Answer, Fetched, Problem, Wanted};
use super::*;

const HEADER_MODULUS: &str = "\
15673149437849294878869767785041996907588248366289444437589479121061521750667880123848926716363485003234487480\
73716318181265562449914816193144387923737092711085932406805951518163774788167744873652811335512706025161138754\
26752636977515988570683681437376336309460643603178471851721951600041826536559227017819879";
const LISTING_MODULUS: &str = "\
25518008982002965680615772247836476224851770353202677897845693035381296060039919540193873061749559918963318523\
08337712168127668465194747108515800168755334927202296530407480683210170318093532983602395282431393547118504478\
68939986170404553446630438185683270559916853269405702577351560681958598729323307954890490144245761604170067007\
60850368596854136656191955230526932117828839576612943638938320444444347020709774281320810337382950251517705174\
10780831841741636578157963120675183230840524144237991432179114552232732483718958300533242957725626661184417066\
6277680839009238177484561962497811296769403385366281815988026006061";

fn keys() -> Keys {
    let key = |modulus| PublicKey::from_decimal(modulus, 65_537).unwrap();
    Keys::new(key(HEADER_MODULUS), key(LISTING_MODULUS)).with_differences(key(LISTING_MODULUS))
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/clamav_update/fixtures");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A folder of containers, and a mirror.
struct Site {
    folder: TempDir,
    mirror: TempDir,
    options: Options,
    asked: Vec<String>,
}

impl Site {
    fn new() -> Self {
        let (folder, mirror) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let options = Options {
            databases: vec!["test".to_owned()],
            keys: keys(),
            ..Options::new(folder.path().to_owned())
        };
        Self { folder, mirror, options, asked: Vec::new() }
    }

    fn offer(&self, name: &str, bytes: &[u8]) {
        fs::write(self.mirror.path().join(name), bytes).unwrap();
    }

    /// The mirror has these versions: the whole of the last, and the differences to it.
    fn offer_version(&self, version: u32) {
        self.offer("test.cvd", &fixture(&format!("test-{version}.cvd")));
        for version in 2..=version {
            let name = format!("test-{version}.cdiff");
            self.offer(&name, &fixture(&name));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn version(&self) -> Option<u32> {
        ["test.cld", "test.cvd"].iter().find_map(|name| {
            let container = Container::open(&self.path(name), &keys()).ok()?;
            assert_eq!(container.unsigned(), None);
            Some(container.header().version)
        })
    }

    /// Updates to what the mirror says is the newest version.
    fn update(&mut self, newest: u32) -> Updated {
        let (mirror, asked) = (self.mirror.path().to_owned(), &mut self.asked);
        let mut fetch = |wanted: &Wanted<'_>, staging: &Path| {
            let Wanted::Containers([wanted]) = wanted else { panic!() };
            asked.push(wanted.clone());
            Ok(fetched(&mirror, staging, wanted, newest))
        };
        let mut outcome = update_with(&self.options, &mut fetch).unwrap();
        assert_eq!(outcome.databases.len(), 1);
        outcome.databases.remove(0)
    }
}

/// What the fetcher does, without a network.
fn fetched(mirror: &Path, staging: &Path, wanted: &str, newest: u32) -> Fetched {
    fs::create_dir_all(staging).unwrap();
    let copy = |name: &str| fs::copy(mirror.join(name), staging.join(name)).is_ok();
    let have: Option<u32> =
        wanted.strip_prefix("test=").and_then(|version| version.trim_end_matches('!').parse().ok());
    let mut answer = Answer { name: "test".to_owned(), newest: Some(newest), ..Answer::default() };
    let differences: Option<Vec<String>> = have.filter(|_| !wanted.ends_with('!')).and_then(|have| {
        (have + 1..=newest)
            .map(|version| Some(format!("test-{version}.cdiff")).filter(|name| copy(name)))
            .collect()
    });
    match differences {
        Some(differences) => answer.differences = differences,
        None if copy("test.cvd") => answer.whole = Some("test.cvd".to_owned()),
        None => {
            answer.problem = Some(Problem { kind: "missing".to_owned(), text: "nothing there".to_owned() })
        }
    }
    Fetched { databases: vec![answer], ..Fetched::default() }
}

fn file(updated: &Updated) -> (&str, bool) {
    let standing = updated.result.as_ref().unwrap();
    (standing.file.as_str(), standing.is_new)
}

fn failure(updated: &Updated) -> &str {
    updated.result.as_ref().unwrap_err().text()
}

#[test]
fn first_the_whole_comes_and_then_differences() {
    let mut site = Site::new();
    site.offer_version(1);
    assert_eq!(file(&site.update(1)), ("test.cvd", true));
    assert_eq!(site.version(), Some(1));
    site.offer_version(3);
    let updated = site.update(3);
    assert_eq!((file(&updated), updated.before), (("test.cld", true), Some(1)));
    assert_eq!(site.version(), Some(3));
    assert!(!site.path("test.cvd").exists(), "there is one container of each name");
    // The members are those of the container that was published.
    let members = |path: &Path| Container::open(path, &keys()).unwrap().members().to_vec();
    site.offer_version(3);
    assert_eq!(members(&site.path("test.cld")), members(&site.mirror.path().join("test.cvd")));
    // The one before is kept.
    assert_eq!(fs::read(site.path(".candor/previous/test.cvd")).unwrap(), fixture("test-1.cvd"));
    assert_eq!(file(&site.update(3)), ("test.cld", false));
    assert_eq!(site.asked, ["test", "test=1", "test=3"]);
}

#[test]
fn differences_that_are_damaged_lead_to_the_whole() {
    let mut site = Site::new();
    site.offer_version(1);
    site.update(1);
    site.offer_version(3);
    let mut bytes = fixture("test-3.cdiff");
    bytes[40] ^= 1;
    site.offer("test-3.cdiff", &bytes);
    let updated = site.update(3);
    assert_eq!(file(&updated), ("test.cvd", true));
    assert!(updated.notes.iter().any(|note| note.contains("test-3.cdiff")), "{:?}", updated.notes);
    assert_eq!((site.version(), site.asked.last().unwrap().as_str()), (Some(3), "test=1!"));
    // So do those of another version under this name.
    site.offer_version(4);
    site.offer("test-4.cdiff", &fixture("test-2.cdiff"));
    assert_eq!(file(&site.update(4)), ("test.cvd", true));
}

#[test]
fn what_is_damaged_old_or_a_strangers_is_refused_and_nothing_is_lost() {
    let mut site = Site::new();
    site.offer_version(3);
    site.update(3);
    let before = fs::read(site.path("test.cvd")).unwrap();
    let mut damaged = fixture("test-4.cvd");
    let last = damaged.len() - 20;
    damaged[last] ^= 1;
    for (bytes, reason) in [
        (damaged, "MD5"),
        (fixture("test-4.cvd")[..700].to_vec(), "MD5"),
        (fixture("test-2.cvd"), "an older one is not installed"),
        (fixture("test-3.cvd"), "an older one is not installed"),
        (b"<html>no</html>".to_vec(), "shorter"),
    ] {
        fs::remove_file(site.mirror.path().join("test-4.cdiff")).ok();
        site.offer("test.cvd", &bytes);
        let updated = site.update(4);
        assert!(failure(&updated).contains(reason), "{reason}: {updated:?}");
        assert_eq!(fs::read(site.path("test.cvd")).unwrap(), before);
    }
    site.offer_version(4);
    fs::remove_file(site.mirror.path().join("test-4.cdiff")).unwrap();
    site.options.keys = Keys::clamav();
    assert!(failure(&site.update(4)).contains("not signed"));
    assert_eq!(fs::read(site.path("test.cvd")).unwrap(), before);
    site.options.keys = keys();
    assert_eq!(file(&site.update(4)), ("test.cvd", true));
}

#[test]
fn a_container_that_was_damaged_here_is_fetched_again() {
    let mut site = Site::new();
    site.offer_version(1);
    site.update(1);
    let mut bytes = fixture("test-1.cvd");
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(site.path("test.cvd"), bytes).unwrap();
    site.offer_version(2);
    assert_eq!((file(&site.update(2)), site.version()), (("test.cvd", true), Some(2)));
}

#[test]
fn what_a_killed_update_has_left_is_removed_and_two_at_once_are_refused() {
    let mut site = Site::new();
    site.offer_version(2);
    site.update(1);
    fs::create_dir_all(site.path(".candor/work/left")).unwrap();
    fs::write(site.path(".candor/work/left/test.cld"), "half").unwrap();
    // Killed between the rename and the removal of what was replaced.
    fs::write(site.path("test.cld"), fixture("test-3.cvd")).unwrap();
    site.offer_version(4);
    site.update(4);
    assert_eq!(fs::read_dir(site.path(".candor/work")).unwrap().count(), 0);
    assert_eq!((site.version(), site.path("test.cvd").exists()), (Some(4), false));
    let _folder = Folder::open(site.folder.path()).unwrap();
    let second = update_with(&site.options, &mut |_, _| unreachable!());
    assert!(second.unwrap_err().to_string().contains("another update"));
}

#[test]
fn the_fetcher_is_not_believed() {
    let mut site = Site::new();
    site.offer_version(1);
    site.update(1);
    let outside = site.mirror.path().join("outside.cvd");
    fs::write(&outside, fixture("test-4.cvd")).unwrap();
    for (whole, differences) in [
        (Some("../../outside.cvd"), &[][..]),
        (Some("other.cvd"), &[]),
        (Some("test.cud"), &[]),
        (None, &["../test-2.cdiff"][..]),
        (None, &["test-3.cdiff"]),
        (None, &["test-2.cdiff"]),
    ] {
        let answer = || Answer {
            name: "test".to_owned(),
            newest: Some(4),
            whole: whole.map(str::to_owned),
            differences: differences.iter().map(|name| (*name).to_owned()).collect(),
            ..Answer::default()
        };
        let staging = site.path(".candor/staging");
        // A link to a good container is none.
        fs::remove_file(staging.join("test.cvd")).ok();
        std::os::unix::fs::symlink(&outside, staging.join("test.cvd")).unwrap();
        let outcome = update_with(&site.options, &mut |_, _| {
            Ok(Fetched { databases: vec![answer()], ..Fetched::default() })
        });
        assert!(outcome.unwrap().failure().is_some(), "{whole:?} {differences:?}");
        assert_eq!(site.version(), Some(1));
    }
}

#[test]
fn files_of_others_are_taken_if_they_can_be_used() {
    let mut site = Site::new();
    site.options.databases.clear();
    let update = |site: &Site, bytes: &[u8]| {
        let mut fetch = |wanted: &Wanted<'_>, staging: &Path| {
            let Wanted::File { name, .. } = wanted else { panic!() };
            fs::create_dir_all(staging).unwrap();
            fs::write(staging.join(name), bytes).unwrap();
            Ok(Fetched::default())
        };
        update_with(&site.options, &mut fetch).unwrap().databases.remove(0)
    };
    site.options.custom = vec!["https://example.org/rules/mine.ndb?x=1".to_owned()];
    assert_eq!(file(&update(&site, b"Mine:0:*:aabbccdd\n")), ("mine.ndb", true));
    assert_eq!(file(&update(&site, b"Mine:0:*:aabbccdd\n")), ("mine.ndb", false));
    assert!(failure(&update(&site, b"<html>\n<body>\n")).contains("malformed"));
    assert_eq!(fs::read(site.path("mine.ndb")).unwrap(), b"Mine:0:*:aabbccdd\n");
    // What is signed is not replaced by what is not.
    fs::write(site.path("daily.cvd"), fixture("test-1.cvd")).unwrap();
    site.options.custom = vec!["https://example.org/daily.cvd".to_owned()];
    assert!(failure(&update(&site, b"x")).contains("is signed"));
    for url in [
        "https://example.org/",
        "https://example.org/x.exe",
        "https://example.org/.ndb",
        "https://x/a%2Fb.ndb",
    ] {
        site.options.custom = vec![url.to_owned()];
        assert!(update(&site, b"x").result.is_err(), "{url}");
    }
}
