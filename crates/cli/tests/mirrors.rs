//! Mirrors that attack whoever asks them, and `candor update` as its user sees it: what was in use stays in use, the
//! reason is told, and a mirror behind it helps.

mod program;
#[path = "../../fetch/tests/server/listening.rs"]
mod server;
mod world;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use candor_update::delta::compress;
use program::Seen;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use server::{Server, ok, say, status};
use sha2::{Digest, Sha256};
use world::World;

/// Most bytes that a process may write in: `candor` and `candor-fetch` inherit it. Debug builds and threads included.
const MEMORY: u64 = 256 << 20;
/// How long a server may be silent, in seconds.
const PATIENCE: &str = "2";
/// Every kind of file that a mirror has, by a part of its path.
const KINDS: [&str; 13] = [
    "/metadata/2.root.json",
    "/metadata/timestamp.json",
    ".snapshot.json",
    ".targets.json",
    "/checkpoint",
    "/tile/0/",
    "/tile/entries/",
    "/releases/latest",
    "/statement",
    "/proof.tlog-proof",
    "/director",
    "/targets/deltas/",
    "/targets/segments/",
];

/// What is done with a request for some file: the right bytes, and the connection.
type Attack = dyn Fn(&[u8], &mut TcpStream) + Send + Sync;

/// The paths that are attacked, and how; nothing while the mirror behaves.
type Order = Option<(String, Arc<Attack>)>;

/// A mirror that behaves until it is told otherwise, and a machine that asks it.
struct Scene {
    world: World,
    server: Server,
    attack: Arc<Mutex<Order>>,
    releases: u64,
}

impl Scene {
    /// With a first release in use, which came from this mirror.
    fn new() -> Self {
        let mut world = World::new("");
        let folder = world.publisher.mirror().to_owned();
        let attack: Arc<Mutex<Order>> = Arc::default();
        let told = Arc::clone(&attack);
        let server = Server::new(move |path, connection| answer(&folder, path, &told, connection));
        world.publish(&long("text 1"));
        world.ask(&[&server.url()]);
        let scene = Self { world, server, attack, releases: 1 };
        scene.run(&["update"]).expect(0);
        assert!(scene.finds(1));
        scene
    }

    fn run(&self, arguments: &[&str]) -> Seen {
        let mut command = self.world.command(arguments);
        command.env("CANDOR_UPDATE_PATIENCE", PATIENCE).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // The jailed loader and the workers have limits of their own, which may be higher.
        let limit = Rlimit { current: Some(MEMORY), maximum: None };
        prlimit(Some(Pid::from_child(&child)), Resource::Data, limit).unwrap();
        Seen::new(child.wait_with_output().unwrap())
    }

    fn finds(&self, release: u64) -> bool {
        self.world.finds(&long(&format!("text {release}")))
    }

    /// From here on requests for these paths are answered so.
    fn attack(&self, part: &str, attack: impl Fn(&[u8], &mut TcpStream) + Send + Sync + 'static) {
        *self.attack.lock().unwrap() = Some((part.to_owned(), Arc::new(attack)));
    }

    /// There is a new release. The mirror alone brings nothing of it, says why with one of these words, and harms
    /// nothing; with another behind it the release is taken, and what the first did is told all the same.
    fn stands(&mut self, case: &str, words: &[&str]) {
        self.releases += 1;
        let (old, new) = (self.releases - 1, self.releases);
        self.world.publish(&long(&format!("text {new}")));
        let url = self.server.url();
        self.world.ask(&[&url]);
        let seen = self.run(&["update"]);
        assert!(seen.status == 1 || seen.status == 2, "{case}: {seen:#?}");
        let told =
            |seen: &Seen| seen.stdout.contains(&url) && words.iter().any(|word| seen.stdout.contains(word));
        assert!(told(&seen) && !seen.stdout.contains('\u{1b}'), "{case}: {words:?}: {seen:#?}");
        assert!(seen.stdout.contains(&format!("release {old} stays in use")), "{case}: {seen:#?}");
        assert!(self.finds(old) && !self.finds(new), "{case}");
        let shown = self.run(&["update", "status"]).expect(seen.status);
        assert!(
            told(&shown) && shown.stdout.contains(&format!("in use    release {old} of")),
            "{case}: {shown:#?}"
        );
        let good = self.world.publisher.mirror().to_str().unwrap().to_owned();
        self.world.ask(&[&url, &good]);
        let seen = self.run(&["update"]).expect(0);
        assert!(told(&seen), "{case}: {words:?}: {seen:#?}");
        assert!(seen.stdout.contains(&format!("{good}: release {new} of")), "{case}: {seen:#?}");
        assert!(self.finds(new), "{case}");
        // It behaves again, so that its staging folder has what the next difference is made from.
        *self.attack.lock().unwrap() = None;
        self.world.ask(&[&url]);
        self.run(&["update"]).expect(0);
    }
}

/// How a kind of file is named to people.
fn name(kind: &str) -> &str {
    kind.trim_start_matches("/targets").trim_start_matches('/')
}

/// So long that a difference is worth it.
fn long(text: &str) -> String {
    let numbers: String = (0..60).map(|number| format!(" {}", number * 7919)).collect();
    format!("{text} is what the signature looks for, and{numbers}")
}

fn answer(folder: &std::path::Path, path: &str, attack: &Mutex<Order>, connection: &mut TcpStream) {
    let file = fs::read(folder.join(path.trim_start_matches('/')));
    let attack = attack.lock().unwrap().clone();
    match attack {
        Some((part, attack)) if path.contains(&part) => attack(&file.unwrap_or_default(), connection),
        // Whoever attacks whole segments has no differences.
        Some((part, _)) if part.contains("segments") && path.contains("deltas") => {
            status(connection, "404 Not Found");
        }
        _ => match file {
            Ok(body) => ok(connection, &body),
            Err(_) => status(connection, "404 Not Found"),
        },
    }
}

#[test]
fn endless_files_of_every_kind() {
    let mut scene = Scene::new();
    for kind in KINDS {
        scene.attack(kind, |right, connection| {
            say(connection, b"HTTP/1.1 200 OK\r\n\r\n");
            say(connection, right);
            while say(connection, &[b'x'; 65536]) {}
        });
        scene.stands(&format!("endless {kind}"), &["larger than"]);
    }
}

#[test]
fn garbage_of_every_kind() {
    let mut scene = Scene::new();
    // What no decision is made of may be garbage: the proof is for others, and this machine has no director.
    for kind in KINDS.into_iter().filter(|kind| !["/proof.tlog-proof", "/director"].contains(kind)) {
        scene.attack(kind, |_, connection| ok(connection, b"\x1b[2J\0 garbage \xff"));
        scene.stands(&format!("garbage {kind}"), &[name(kind)]);
    }
}

#[test]
fn slow_bytes() {
    let mut scene = Scene::new();
    for kind in ["/metadata/timestamp.json", "/checkpoint", "/targets/deltas/"] {
        scene.attack(kind, |right, connection| {
            say(connection, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", right.len()).as_bytes());
            for byte in right {
                if !say(connection, &[*byte]) {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        scene.stands(&format!("slow {kind}"), &["a second are the least", "timeout"]);
    }
    scene.attack("/checkpoint", |_, _| thread::sleep(Duration::from_secs(60)));
    scene.stands("silence", &["timeout"]);
}

#[test]
fn redirects_to_where_nothing_belongs() {
    let mut scene = Scene::new();
    let other = Server::new(|_, connection| ok(connection, b"of another host"));
    let cases = [
        ("/checkpoint".to_owned(), "more than 3 redirects"),
        (format!("http://localhost:{}/checkpoint", other.port()), "private network"),
        ("http://192.0.2.1/checkpoint".to_owned(), "plain http"),
        ("https://169.254.169.254/checkpoint".to_owned(), "private network"),
        ("file:///etc/passwd".to_owned(), "not followed"),
        ("ftp://127.0.0.1/checkpoint".to_owned(), "scheme"),
    ];
    for (to, word) in cases {
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        scene.attack("/checkpoint", move |_, connection| {
            say(connection, answer.as_bytes());
        });
        scene.stands(&to, &[word]);
    }
    assert!(other.heard().is_empty(), "{:?}", other.heard());
}

/// A server with a certificate that the machine believes, and that leads to one without.
#[test]
fn nothing_leads_from_https_to_http() {
    let scene = Scene::new();
    let folder = scene.world.ground.path("tls");
    fs::create_dir_all(folder.join("metadata")).unwrap();
    let openssl = |script: &str| {
        let mut command = Command::new("openssl");
        command.args(script.split(' ')).current_dir(&folder).stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let certificate = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mirror \
        -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout key -out certificate";
    if !openssl(certificate).status().is_ok_and(|status| status.success()) {
        return eprintln!("skipped: there is no openssl");
    }
    let answer =
        format!("HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", scene.server.url());
    fs::write(folder.join("metadata/1.root.json"), answer).unwrap();
    let mut server = openssl("s_server -accept 127.0.0.1:0 -HTTP -cert certificate -key key -no_ticket");
    let mut server = server.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port =
        lines.filter_map(|line| Some(line.strip_prefix("ACCEPT ")?.rsplit_once(':')?.1.to_owned())).next();
    let url = format!("https://127.0.0.1:{}", port.unwrap());
    let heard = scene.server.heard().len();
    scene.world.ask(&[&url]);
    let path = scene.world.ground.path("update.toml");
    let text = fs::read_to_string(&path).unwrap().replace("[gate]", "ca = 'tls/certificate'\n[gate]");
    fs::write(&path, text).unwrap();
    let seen = scene.run(&["update"]);
    server.kill().unwrap();
    server.wait().unwrap();
    let seen = seen.expect(2);
    assert!(seen.stdout.contains(&url) && seen.stdout.contains("from https to plain http"), "{seen:#?}");
    assert!(scene.finds(1) && scene.server.heard().len() == heard, "nothing was asked there");
}

#[test]
fn wrong_lengths_early_ends_and_other_answers() {
    let mut scene = Scene::new();
    let length =
        |length: usize| format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    for kind in [
        "/metadata/timestamp.json",
        "/checkpoint",
        "/tile/entries/",
        "/targets/deltas/",
        "/targets/segments/",
    ] {
        let body = move |right: &[u8], said: usize, sent: usize| {
            [length(said).as_bytes(), &right[..sent.min(right.len())]].concat()
        };
        scene.attack(kind, move |right, connection| {
            say(connection, &body(right, right.len(), right.len() / 2));
        });
        scene.stands(&format!("cut short {kind}"), &["not as long", "unexpected", "disconnected", "closed"]);
        // The header agrees with the body, and both have half of the file.
        scene.attack(kind, move |right, connection| {
            say(connection, &body(right, right.len() / 2, right.len() / 2));
        });
        scene.stands(&format!("half {kind}"), &[name(kind)]);
    }
    for answer in ["500 Internal Server Error", "206 Partial Content", "304 Not Modified", "404 Not Found"] {
        scene.attack("/checkpoint", move |_, connection| status(connection, answer));
        scene.stands(answer, &["status", "the mirror has no checkpoint", "answer"]);
    }
    scene.attack("/checkpoint", |right, connection| {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n";
        let body = program::gzip(right);
        say(connection, format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        say(connection, &body);
    });
    scene.stands("compressed", &["compressed"]);
    scene.attack("/checkpoint", |_, connection| {
        say(connection, b"HTTP/1.1 200 OK\r\n");
        while say(connection, format!("X-Header: {}\r\n", "x".repeat(8000)).as_bytes()) {}
    });
    scene.stands("endless headers", &["header"]);
}

/// The bytes of a segment as it travels are signed, so it takes the holders of the keys to send a bomb.
#[test]
fn bombs_that_were_signed_stay_small() {
    let mut scene = Scene::new();
    let largest_block = [3, 0, 16, b'A'];
    let frame = |descriptor: &[u8]| [&[0x28, 0xB5, 0x2F, 0xFD], descriptor, &largest_block].concat();
    let bombs: [(&str, Vec<u8>); 4] = [
        ("512 MiB of zeros", compress(&vec![0; 512 << 20], None, 1).unwrap()),
        ("a window of 2 GiB", frame(&[0x00, 21 << 3])),
        ("a window of more than zstd has", frame(&[0x00, 31 << 3])),
        ("a content of 2^62 bytes", frame(&[0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40])),
    ];
    let mut old = scene.releases;
    for (case, bomb) in bombs {
        scene.releases += 1;
        let new = scene.releases;
        let segments: PathBuf = scene.world.publisher.repository.target("segments");
        scene.world.publish_changed(&long(&format!("text {new}")), |targets, statement| {
            let line = statement.lines().find(|line| line.starts_with("segment day ")).unwrap();
            let name = format!("{}.zst", line.split(' ').nth(3).unwrap());
            fs::write(segments.join(&name), &bomb).unwrap();
            let files = targets["targets"].as_object_mut().unwrap();
            files.retain(|name, _| !name.starts_with("deltas/"));
            let file = &mut files[&format!("segments/{name}")];
            file["length"] = bomb.len().into();
            file["hashes"]["sha256"] = hex::encode(Sha256::digest(&bomb)).into();
        });
        let seen = scene.run(&["update"]).expect(1);
        assert!(seen.stdout.contains("refused (m") && seen.stdout.contains("segments/"), "{case}: {seen:#?}");
        assert!(seen.stdout.contains(&format!("release {old} stays in use")), "{case}: {seen:#?}");
        assert!(scene.finds(old) && !scene.finds(new), "{case}");
        assert!(!scene.world.ground.path("store/incoming").exists(), "{case}");
        // The next release is taken as ever.
        scene.releases += 1;
        old = scene.releases;
        scene.world.publish(&long(&format!("text {old}")));
        scene.run(&["update"]).expect(0);
        assert!(scene.finds(old), "{case}");
    }
}
