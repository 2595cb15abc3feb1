//! Inventories from inside the jail: every reader does its work with nothing but memory. What a reader must not do, a
//! forbidden system call, would end the worker, and the report would say so.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use candor_jail::{GRACE, Job, MOST_AT_ONCE, NOBODY, Opened, Pool, Program, Settings, Source};
use candor_layers::{hidden, steps};
use candor_object::{Attribute, FactKind, Limits, Reason, Report};

struct Question {
    name: String,
    bytes: Vec<u8>,
    tell: Sender<(String, Report)>,
}

impl Job for Question {
    fn open(&mut self) -> Option<Opened> {
        let file = candor_jail::sealed(self.bytes.as_slice()).unwrap();
        let opened = Opened::new(Arc::new(file), self.bytes.len() as u64);
        Some(Opened { inventory: Some(self.name.clone()), ..opened })
    }

    fn done(self: Box<Self>, report: Report) {
        self.tell.send((self.name, report)).unwrap();
    }
}

/// The reports of these files, and how many workers failed.
fn reports(files: Vec<(String, Vec<u8>)>) -> (Vec<(String, Report)>, u64) {
    let program = Program {
        path: PathBuf::from(env!("CARGO_BIN_EXE_candor-worker")),
        databases: Vec::new(),
        user: Some(NOBODY),
        passwords: candor_jail::Passwords::default(),
    };
    let pool = Pool::start(Settings {
        source: Source::Program(program),
        limits: Limits::default(),
        workers: NonZeroUsize::MIN,
        at_once: MOST_AT_ONCE,
        queue: 1000,
        grace: GRACE,
    })
    .unwrap();
    let (tell, told) = channel();
    let count = files.len();
    for (name, bytes) in files {
        pool.submit(Box::new(Question { name, bytes, tell: tell.clone() }));
    }
    let reports = told.iter().take(count).collect();
    (reports, pool.counters().failed())
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../inventory/tests/golden2")
}

#[test]
fn facts_come_out_of_the_jail() {
    let status = b"Package: kesl\nStatus: install ok installed\nVersion: 12.0\n\n".to_vec();
    let sample = |name: &str| (name.to_owned(), fs::read(samples().join(name)).unwrap());
    let files = vec![
        ("var/lib/dpkg/status".to_owned(), status),
        sample("windows/SOFTWARE"),
        sample("windows/signed.exe"),
    ];
    let (reports, failed) = reports(files);
    assert_eq!(failed, 0);
    let has = |name: &str, kind: FactKind, attribute: Attribute, value: &str| {
        let (_, report) = reports.iter().find(|(of, _)| of == name).unwrap();
        let found = report.facts.iter().any(|fact| fact.kind == kind && fact.get(attribute) == Some(value));
        assert!(found, "{name}: {:?}, {:?}", report.facts, report.gaps);
    };
    has("var/lib/dpkg/status", FactKind::Package, Attribute::Name, "kesl");
    has("windows/SOFTWARE", FactKind::Program, Attribute::Publisher, "Example Lab");
    has("windows/SOFTWARE", FactKind::Certificate, Attribute::Name, "Candor Test Root");
    has("windows/signed.exe", FactKind::Signer, Attribute::Name, "AO Example Lab");
    has("windows/signed.exe", FactKind::Signer, Attribute::Verified, "present");
    has("windows/signed.exe", FactKind::VersionInfo, Attribute::Original, "avp.exe");
}

/// A signature over something else is told from one that nobody could ask about.
#[test]
fn a_program_that_was_changed_is_not_what_was_signed() {
    let mut bytes = fs::read(samples().join("windows/signed.exe")).unwrap();
    bytes[0x1f0] ^= 1;
    let (reports, _) = reports(vec![("signed.exe".to_owned(), bytes)]);
    let signer = reports[0].1.facts.iter().find(|fact| fact.kind == FactKind::Signer).unwrap();
    assert_eq!(signer.get(Attribute::Verified), Some("no"));
}

/// All samples of all readers, through the jail.
#[test]
fn no_reader_ends_a_worker() {
    let mut files = Vec::new();
    let mut open = vec![samples()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|end| end != "facts") {
                let name = path.strip_prefix(samples()).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 30);
    let (reports, failed) = reports(files);
    assert_eq!(failed, 0);
    for (name, report) in reports {
        let crashed = report.gaps.iter().any(|gap| gap.reason == Reason::Crashed);
        assert!(!crashed, "{name}: {:?}", report.gaps);
    }
}

/// An entry of a tar archive.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..124].copy_from_slice(b"0000000\x000000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(|(name, content)| entry(name, content)).collect();
    bytes.extend([0; 1024]);
    bytes
}

/// What `docker save` writes, of an image that had a package once.
#[test]
fn layers_of_an_image_lie_over_each_other() {
    let status = |names: &[&str]| -> String {
        names.iter().map(|name| format!("Package: {name}\nStatus: install ok installed\n\n")).collect()
    };
    let (old, new) = (status(&["kesl", "bash"]), status(&["bash"]));
    let lower = archive(&[("var/lib/dpkg/status", old.as_bytes()), ("srv/app/Dockerfile", b"FROM a:1\n")]);
    let upper = archive(&[("./var/lib/dpkg/status", new.as_bytes()), ("srv/.wh.app", b"")]);
    let manifest = br#"[{"Config":"c.json","RepoTags":["x:1"],"Layers":["a/layer.tar","b/layer.tar"]}]"#;
    let image = archive(&[("a/layer.tar", &lower), ("b/layer.tar", &upper), ("manifest.json", manifest)]);
    let (reports, failed) = reports(vec![("image.tar".to_owned(), image)]);
    assert_eq!(failed, 0);
    let report = &reports[0].1;
    let facts: Vec<_> =
        report.facts.iter().map(|fact| (steps(report, "image.tar", fact.object), fact)).collect();
    let hidden = hidden(&facts);
    let stays = |kind: FactKind| -> Vec<&str> {
        let all = facts.iter().enumerate().filter(|(place, _)| !hidden.contains(place));
        all.filter(|(_, (_, fact))| fact.kind == kind)
            .filter_map(|(_, (_, fact))| fact.get(Attribute::Name))
            .collect()
    };
    assert_eq!(facts.iter().filter(|(_, fact)| fact.kind == FactKind::Package).count(), 3);
    assert_eq!(stays(FactKind::Package), ["bash"]);
    assert_eq!(stays(FactKind::Image), ["x:1"]);
}
