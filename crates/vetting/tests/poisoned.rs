//! Databases that were made to harm, tried on a system that was made for it.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use candor_jail::{NOBODY, sealed};
use candor_object::Limits;
use candor_packages::Packages;
use candor_policy::Policy;
use candor_signatures::Sources;
use candor_vetting::{Counts, Hit, Sample, Settings, TIME, Verdict, Witness, vet};
use md5::{Digest, Md5};
use tempfile::TempDir;

/// Inert content, known to the tests only.
const LIBC: &[u8] = b"candor-test: this stands for the C library";

fn worker() -> PathBuf {
    static BUILT: Once = Once::new();
    let folder = std::env::current_exe().unwrap();
    let folder = folder.ancestors().nth(2).unwrap().to_owned();
    BUILT.call_once(|| {
        // As in the tests of the command line: a test of the whole workspace has built all programs.
        if std::env::var_os("CANDOR_PROGRAMS_BUILT").is_some() {
            return;
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--offline", "--package", "candor-worker"]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the worker could not be built");
    });
    folder.join("candor-worker")
}

/// A system with a package that has critical files and others.
struct Ground(TempDir);

impl Ground {
    fn new() -> Self {
        let ground = Self(tempfile::tempdir().unwrap());
        let mut sums = String::new();
        let others = (0..20).map(|number| (format!("usr/share/doc/{number}"), format!("text {number}")));
        let critical = [
            ("usr/lib/x86_64-linux-gnu/libc.so.6".to_owned(), String::from_utf8_lossy(LIBC).into_owned()),
            ("usr/bin/bash".to_owned(), "candor-test: a shell".to_owned()),
        ];
        for (name, content) in critical.into_iter().chain(others) {
            ground.write(&name, content.as_bytes());
            let short = name.strip_prefix("usr/lib/").map(|rest| format!("lib/{rest}"));
            let name = short.unwrap_or(name);
            sums += &format!("{:x}  {name}\n", Hex(Md5::digest(content.as_bytes()).as_slice()));
        }
        std::os::unix::fs::symlink("usr/lib", ground.0.path().join("lib")).unwrap();
        sums += &format!("{:x}  usr/bin/gone\n", Hex(Md5::digest("").as_slice()));
        ground.write("var/lib/dpkg/info/libc6:amd64.md5sums", sums.as_bytes());
        ground.write("var/lib/dpkg/status", b"Package: libc6\n");
        ground
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn settings(&self, databases: Vec<File>) -> Settings {
        Settings {
            worker: worker(),
            user: Some(NOBODY),
            databases,
            current: Vec::new(),
            limits: Limits::default(),
            policy: Policy::default(),
            workers: NonZeroUsize::MIN,
            eicar: true,
            witnesses: Vec::new(),
            packages: Some(Packages::at(self.0.path())),
            root: self.0.path().to_owned(),
            known_good: Vec::new(),
            sample: Sample::default(),
            time: TIME,
        }
    }
}

struct Hex<'b>(&'b [u8]);

impl std::fmt::LowerHex for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn rules() -> File {
    sealed(candor_rules::database().as_slice()).unwrap()
}

fn database(name: &str, text: &str) -> File {
    let mut sources = Sources::default();
    sources.add_text(name, text);
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
    assert_eq!(problems, [""; 0]);
    sealed(built.image.as_slice()).unwrap()
}

/// Flags everything that has the words of our files in it.
fn poisoned() -> File {
    database("day.ndb", "Win.Trojan.Poisoned-1:0:*:63616e646f722d746573743a\n")
}

fn passed(verdict: Verdict) -> Counts {
    match verdict {
        Verdict::Passed(counts) => counts,
        other => panic!("{other:?}"),
    }
}

fn hit(ground: &Ground, path: &str) -> Hit {
    Hit {
        path: ground.0.path().join(path),
        package: "libc6:amd64".to_owned(),
        signature: "Win.Trojan.Poisoned-1".to_owned(),
    }
}

#[test]
fn a_good_database_passes_and_all_is_counted() {
    let ground = Ground::new();
    ground.write("usr/share/doc/3", b"modified");
    let mut shown = Vec::new();
    let counts = passed(vet(&ground.settings(vec![rules()]), &mut |progress| shown.push(progress.done)));
    assert_eq!((counts.self_test, counts.critical, counts.sampled), (1, 2, 19));
    assert_eq!((counts.vouched, counts.modified, counts.missing, counts.left), (23, 1, 1, 0));
    assert_eq!(shown, (1..=23).collect::<Vec<_>>());
}

#[test]
fn a_database_that_flags_the_c_library_is_held() {
    let ground = Ground::new();
    let verdict = vet(&ground.settings(vec![rules(), poisoned()]), &mut |_| {});
    let Verdict::Held { hits, all, .. } = verdict else { panic!("{verdict:?}") };
    let expected = [hit(&ground, "usr/bin/bash"), hit(&ground, "lib/x86_64-linux-gnu/libc.so.6")];
    assert_eq!(all, 2);
    assert!(expected.iter().all(|hit| hits.contains(hit)), "{hits:?}");
    // By its digest alone as well, and without any sample.
    let digest = format!("{:x}", Hex(Md5::digest(LIBC).as_slice()));
    let by_digest = database("day.hdb", &format!("{digest}:{}:Win.Trojan.Poisoned-1\n", LIBC.len()));
    let mut settings = ground.settings(vec![rules(), by_digest]);
    settings.sample.files = 0;
    assert!(matches!(vet(&settings, &mut |_| {}), Verdict::Held { all: 1, .. }));
}

#[test]
fn who_changes_a_file_holds_nothing() {
    let ground = Ground::new();
    ground.write("usr/bin/bash", b"candor-test: somebody else's");
    ground.write("usr/lib/x86_64-linux-gnu/libc.so.6", b"candor-test: too");
    assert_eq!(passed(vet(&ground.settings(vec![rules(), poisoned()]), &mut |_| {})).modified, 2);
}

#[test]
fn what_is_found_already_is_no_news() {
    let ground = Ground::new();
    let mut settings = ground.settings(vec![rules(), poisoned()]);
    settings.current = vec![poisoned()];
    assert_eq!(passed(vet(&settings, &mut |_| {})).known_before, 2);
    settings.current = vec![rules()];
    assert!(matches!(vet(&settings, &mut |_| {}), Verdict::Held { all: 2, .. }));
}

#[test]
fn what_must_be_found_is() {
    let ground = Ground::new();
    let blind = || database("a.hdb", "00000000000000000000000000000000:5:Test.Nothing-1\n");
    let failed = |settings: &Settings| match vet(settings, &mut |_| {}) {
        Verdict::Failed(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert!(failed(&ground.settings(vec![blind()])).contains("EICAR"));
    let mut settings = ground.settings(vec![blind()]);
    settings.eicar = false;
    assert_eq!(passed(vet(&settings, &mut |_| {})).self_test, 0);
    settings.witnesses = vec![Witness { name: "first".to_owned(), content: LIBC.to_vec() }];
    assert!(failed(&settings).contains("first is not found"));
    // A database that is none, and one whose worker cannot be started.
    let reason = failed(&ground.settings(vec![rules(), sealed(&b"CANDORDB and nonsense"[..]).unwrap()]));
    assert!(reason.contains("refused"), "{reason}");
    let mut settings = ground.settings(vec![rules()]);
    settings.worker = "/nowhere/candor-worker".into();
    assert!(failed(&settings).contains("/nowhere"));
}

#[test]
fn the_users_own_files_count_as_well() {
    let ground = Ground::new();
    ground.write("mine/tool", b"candor-test: my own tool");
    let mut settings = ground.settings(vec![rules(), poisoned()]);
    settings.packages = None;
    settings.known_good = vec![ground.0.path().join("mine")];
    assert!(matches!(vet(&settings, &mut |_| {}), Verdict::Held { all: 1, .. }));
    settings.databases = vec![rules()];
    assert_eq!(passed(vet(&settings, &mut |_| {})).known_good, 1);
    settings.known_good = vec![Path::new("/nowhere").to_owned()];
    assert!(matches!(vet(&settings, &mut |_| {}), Verdict::Failed(_)));
}

#[test]
fn without_time_it_is_not_passed_and_the_sample_is_bounded() {
    let ground = Ground::new();
    let mut settings = ground.settings(vec![rules()]);
    settings.time = std::time::Duration::ZERO;
    assert!(matches!(vet(&settings, &mut |_| {}), Verdict::Failed(reason) if reason.contains("in time")));
    let mut settings = ground.settings(vec![rules()]);
    settings.sample = Sample { files: 7, bytes: u64::MAX, place: 1 };
    assert!(passed(vet(&settings, &mut |_| {})).sampled >= 6);
    settings.sample = Sample { files: 7, bytes: 0, place: 1 };
    assert_eq!(passed(vet(&settings, &mut |_| {})).left, 7);
}
