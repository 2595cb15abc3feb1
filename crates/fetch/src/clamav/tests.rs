//! Containers from mirrors on this machine that do what mirrors do wrong.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{Pace, Settings};

/// What a mirror answers to a path.
#[derive(Clone)]
enum Reaction {
    Bytes(Vec<u8>),
    Status(u16, &'static str),
    /// A status that comes once, and then these bytes.
    Once(u16, Vec<u8>),
    Endless,
    Silent,
}

/// A mirror on this machine.
struct Web {
    url: Url,
    files: Arc<Mutex<BTreeMap<String, Reaction>>>,
    asked: Arc<Mutex<Vec<String>>>,
    knows_ranges: bool,
}

impl Web {
    fn new(knows_ranges: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let files = Arc::new(Mutex::new(BTreeMap::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (serving, seen) = (Arc::clone(&files), Arc::clone(&asked));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (files, asked) = (Arc::clone(&serving), Arc::clone(&seen));
                thread::spawn(move || serve(stream, &files, &asked, knows_ranges));
            }
        });
        Self { url, files, asked, knows_ranges }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.react(name, Reaction::Bytes(bytes.to_vec()));
    }

    fn react(&self, name: &str, reaction: Reaction) {
        self.files.lock().unwrap().insert(format!("/{name}"), reaction);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(
    stream: TcpStream,
    files: &Mutex<BTreeMap<String, Reaction>>,
    asked: &Mutex<Vec<String>>,
    knows_ranges: bool,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let (mut request, mut range, mut line) = (String::new(), false, String::new());
    reader.read_line(&mut request).ok()?;
    while reader.read_line(&mut line).ok()? > 2 {
        range |= line.to_ascii_lowercase().starts_with("range:");
        assert!(!line.to_ascii_lowercase().contains("uuid"));
        line.clear();
    }
    let path = request.split(' ').nth(1)?.to_owned();
    asked.lock().unwrap().push(path.clone() + if range { " range" } else { "" });
    let reaction = {
        let mut files = files.lock().unwrap();
        let reaction = files.get(&path).cloned();
        if let Some(Reaction::Once(_, bytes)) = &reaction {
            files.insert(path, Reaction::Bytes(bytes.clone()));
        }
        reaction
    };
    let status = |status: u16, more: &str| {
        format!("HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
    };
    let answer = match reaction {
        None => status(404, ""),
        Some(Reaction::Status(code, more)) => status(code, more),
        Some(Reaction::Once(code, _)) => status(code, ""),
        Some(Reaction::Bytes(bytes)) => {
            let part = range && knows_ranges;
            let body = if part { &bytes[..bytes.len().min(512)] } else { &bytes[..] };
            let code = if part { 206 } else { 200 };
            let head =
                format!("HTTP/1.1 {code} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            [head.as_bytes(), body].concat()
        }
        Some(Reaction::Endless) => {
            stream.write_all(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n").ok()?;
            loop {
                stream.write_all(&[b'x'; 65536]).ok()?;
            }
        }
        Some(Reaction::Silent) => {
            thread::sleep(Duration::from_secs(5));
            return None;
        }
    };
    stream.write_all(&answer).ok()
}

fn container(version: u32, size: usize) -> Vec<u8> {
    let header = format!("ClamAV-VDB:22 Nov 2026 12-57 +0000:{version}:1:90:X:X:tester:1795352272");
    let mut bytes = format!("{header:<512}").into_bytes();
    bytes.resize(512 + size, b'x');
    bytes
}

struct Site {
    folder: TempDir,
    staging: Staging,
    plan: Plan,
}

impl Site {
    fn new(mirrors: &[&Web]) -> Self {
        let folder = TempDir::new().unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        let mirrors = mirrors.iter().map(|mirror| mirror.url.clone()).collect();
        let plan = Plan { mirrors, private: false, databases: Vec::new(), dns: None, attempts: 3 };
        Self { folder, staging, plan }
    }

    fn fetch(&mut self, wanted: &str) -> Answer {
        self.plan.databases = vec![wanted.parse().unwrap()];
        let mut pace = Pace::within(Duration::from_secs(20));
        pace.window = Duration::from_millis(500);
        let settings =
            Settings { user_agent: user_agent(), proxy: None, authorities: None, insecure_http: false, pace };
        let http = Http::new(&settings).unwrap();
        let resolvers = Resolvers::at(Vec::new(), Duration::from_millis(100));
        let state = fetch(&self.plan, &http, &resolvers, &self.staging, &Progress::quiet()).unwrap();
        let [answer] = &state.databases[..] else { panic!() };
        answer.clone()
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(name)).ok()
    }
}

fn kind(answer: &Answer) -> &str {
    answer.problem.as_ref().map_or("", |problem| problem.kind.as_str())
}

#[test]
fn the_first_time_a_container_comes_whole_with_the_signature_beside_it() {
    for knows_ranges in [true, false] {
        let web = Web::new(knows_ranges);
        assert_eq!(web.knows_ranges, knows_ranges);
        web.put("test.cvd", &container(3, 100_000));
        web.put("test-3.cvd.sign", b"#clamsign-1.0\n");
        let mut site = Site::new(&[&web]);
        let answer = site.fetch("test");
        assert_eq!((answer.newest, answer.whole.as_deref()), (Some(3), Some("test.cvd")));
        assert_eq!(answer.problem, None);
        assert_eq!(site.read("test.cvd").unwrap(), container(3, 100_000));
        assert_eq!(site.read("test-3.cvd.sign").unwrap(), b"#clamsign-1.0\n");
        assert_eq!(web.asked(), ["/test.cvd range", "/test.cvd", "/test-3.cvd.sign"]);
        // What is there already is not asked for again.
        let answer = site.fetch("test=3");
        assert_eq!((answer.whole, answer.problem), (None, None));
        assert_eq!(web.asked(), ["/test.cvd range"]);
    }
}

#[test]
fn later_only_differences_come_and_if_one_is_missing_all() {
    let web = Web::new(true);
    web.put("test.cvd", &container(5, 10));
    web.put("test-4.cdiff", b"four");
    web.put("test-5.cdiff", b"five");
    web.put("test-5.cdiff.sign", b"signed");
    let mut site = Site::new(&[&web]);
    let answer = site.fetch("test=3");
    assert_eq!(answer.differences, ["test-4.cdiff", "test-5.cdiff"]);
    assert_eq!((answer.whole, site.read("test-5.cdiff.sign")), (None, Some(b"signed".to_vec())));
    // One that is older than the oldest difference.
    let answer = site.fetch("test=1");
    assert_eq!((answer.differences.len(), answer.whole.as_deref()), (0, Some("test.cvd")));
    assert!(answer.notes[0].contains("test-2.cdiff"), "{:?}", answer.notes);
    // Whoever could not apply them asks for the whole.
    assert!(site.fetch("test=3!").whole.is_some());
    assert!(site.fetch("test=0").whole.is_some());
}

#[test]
fn a_server_that_refuses_or_limits_is_left_alone() {
    for (status, more, minutes) in [
        (403, "", 1440),
        (429, "", 240),
        (429, "Retry-After: 600\r\n", 10),
        (429, "Retry-After: 99999999\r\n", 10080),
    ] {
        let web = Web::new(true);
        web.react("test.cvd", Reaction::Status(status, more));
        let mut site = Site::new(&[&web]);
        let answer = site.fetch("test");
        assert_eq!(kind(&answer), "limited");
        assert!(answer.problem.unwrap().text.contains(&format!("for {minutes} minutes")), "{status} {more}");
        assert_eq!(web.asked().len(), 1, "it is asked once only");
        web.put("test.cvd", &container(3, 10));
        assert_eq!(kind(&site.fetch("test")), "paused");
        assert_eq!(web.asked(), Vec::<String>::new());
        // Another one is asked in its place.
        let other = Web::new(true);
        other.put("test.cvd", &container(3, 10));
        site.plan.mirrors.push(other.url.clone());
        assert_eq!(site.fetch("test").whole.as_deref(), Some("test.cvd"));
        // When the time is over it is asked again.
        let state = format!(
            "{{\"databases\":[],\"notes\":[],\"software\":null,\"paused\":{{\"127.0.0.1:{}\":1}}}}",
            web.url.port()
        );
        std::fs::write(site.folder.path().join(STATE), state).unwrap();
        site.fetch("test");
        assert!(!web.asked().is_empty());
    }
}

#[test]
fn nobody_can_switch_updates_off_for_ever() {
    let web = Web::new(true);
    web.put("test.cvd", &container(3, 10));
    let mut site = Site::new(&[&web]);
    for state in [
        format!(
            "{{\"databases\":[],\"notes\":[],\"software\":null,\"paused\":{{\"127.0.0.1:{}\":{}}}}}",
            web.url.port(),
            u64::MAX
        ),
        "nonsense".to_owned(),
        "[".repeat(100_000),
    ] {
        std::fs::write(site.folder.path().join(STATE), state).unwrap();
        assert!(site.fetch("test").whole.is_some());
    }
}

#[test]
fn what_mirrors_do_wrong_is_told_and_the_next_one_is_asked() {
    let good = Web::new(true);
    good.put("test.cvd", &container(3, 10));
    for (reaction, expected) in [
        (Reaction::Status(404, ""), "missing"),
        (Reaction::Status(503, ""), "refused"),
        (Reaction::Status(302, "Location: /other\r\n"), "missing"),
        (Reaction::Status(302, "Location: ftp://127.0.0.1/x\r\n"), "refused"),
        (Reaction::Bytes(b"<html>".to_vec()), "garbage"),
        (Reaction::Bytes(Vec::new()), "garbage"),
        (Reaction::Endless, "garbage"),
        (Reaction::Silent, "too-slow"),
    ] {
        let bad = Web::new(true);
        bad.react("test.cvd", reaction);
        let mut site = Site::new(&[&bad]);
        site.plan.attempts = 1;
        let answer = site.fetch("test");
        assert_eq!(kind(&answer), expected, "{answer:?}");
        assert_eq!(answer.whole, None);
        site.plan.mirrors.push(good.url.clone());
        assert!(site.fetch("test").whole.is_some());
    }
}

#[test]
fn a_redirect_within_the_mirror_is_followed_and_a_failure_is_tried_again() {
    let web = Web::new(true);
    web.react("test.cvd", Reaction::Status(302, "Location: /moved/test.cvd\r\n"));
    web.react("moved/test.cvd", Reaction::Once(500, container(3, 10)));
    let mut site = Site::new(&[&web]);
    assert_eq!(site.fetch("test").whole.as_deref(), Some("test.cvd"));
}

#[test]
fn a_mirror_that_is_behind_its_own_header_is_told_of() {
    let web = Web::new(true);
    web.put("test.cvd", &container(3, 10));
    let mut site = Site::new(&[&web]);
    // The DNS knows more than the mirror.
    let now = now();
    let record = Record::parse(&format!("1.5.1:1:5:{now}:1:90:1:1"), now).unwrap();
    assert_eq!(record.version("daily"), Some(5));
    web.put("daily.cvd", &container(3, 10));
    site.plan.databases = vec!["daily=3".parse().unwrap()];
    let mut state = State::default();
    let pace = Pace::within(Duration::from_secs(20));
    let settings =
        Settings { user_agent: user_agent(), proxy: None, authorities: None, insecure_http: false, pace };
    let (http, progress) = (Http::new(&settings).unwrap(), Progress::quiet());
    let mut asking = Asking {
        plan: &site.plan,
        http: &http,
        staging: &site.staging,
        progress: &progress,
        state: &mut state,
        now,
    };
    let answer = database::fetch(&mut asking, &site.plan.databases[0], record.version("daily"));
    assert_eq!(kind(&answer), "behind");
    // An older one that is newer than ours is taken.
    let answer = database::fetch(&mut asking, &"daily=2!".parse().unwrap(), record.version("daily"));
    assert_eq!((kind(&answer), answer.whole.is_some(), answer.notes.len()), ("", true, 1));
}

#[test]
fn the_mirror_of_an_organisation_is_asked_for_its_own_kind_first() {
    let web = Web::new(true);
    web.put("test.cld", &container(4, 10));
    web.put("test.cvd", &container(3, 10));
    web.put("test-4.cdiff", b"four");
    let mut site = Site::new(&[&web]);
    site.plan.private = true;
    let answer = site.fetch("test=3");
    assert_eq!((answer.newest, answer.whole.as_deref()), (Some(4), Some("test.cld")));
    web.files.lock().unwrap().remove("/test.cld");
    assert_eq!(site.fetch("test").whole.as_deref(), Some("test.cvd"));
}

#[test]
fn names_lead_nowhere_else() {
    for wrong in ["", "../x", "a/b", "a.b", "a=b", "a=1!!x", "a=-1", &"a".repeat(65)] {
        assert!(wrong.parse::<Database>().is_err(), "{wrong}");
    }
    let database: Database = "daily=5!".parse().unwrap();
    assert_eq!((database.have, database.whole), (Some(5), true));
}
