//! What a fetcher that was taken over can still do.
//!
//! This program confines itself: each test starts it anew, with a word that says what to try.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use candor_fetch::{Folder, Source, Staging, Url, confine};

/// The signal of the filter.
const SIGSYS: i32 = 31;
/// An abstract socket of this test.
const ABSTRACT: &str = "candor-fetch-test-of-confinement";

/// What is tried, and how it has to end: by the filter, by an error, or well.
const ATTEMPTS: [(&str, Ending); 18] = [
    ("write into the folder", Ending::Well),
    ("make a folder in the folder", Ending::Well),
    ("start a thread", Ending::Well),
    ("look up a name", Ending::Well),
    ("connect to the mirror", Ending::Well),
    ("start a program", Ending::Filter),
    ("listen", Ending::Error),
    ("bind", Ending::Error),
    ("connect to another port", Ending::Error),
    ("connect to an abstract socket", Ending::Error),
    ("read a file", Ending::Error),
    ("read a file of the process", Ending::Error),
    ("write beside the folder", Ending::Error),
    ("leave the folder by a link", Ending::Error),
    ("make a link", Ending::Error),
    ("change rights", Ending::Error),
    ("list the root folder", Ending::Error),
    ("connect from a folder's fetcher", Ending::Error),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Well,
    Error,
    Filter,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, word, ground, mirror, other] = arguments.as_slice()
        && mode == "confined"
    {
        return live(word, Path::new(ground), mirror.parse().unwrap(), other.parse().unwrap());
    }
    let (mirror, other) = (listener(), listener());
    // Somebody listens there, so that an error is one of the confinement.
    let address = std::os::unix::net::SocketAddr::from_abstract_name(ABSTRACT).unwrap();
    let _reachable = UnixListener::bind_addr(&address).unwrap();
    for (word, expected) in ATTEMPTS {
        let ground = tempfile::tempdir().unwrap();
        fs::write(ground.path().join("beside"), "beside").unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["confined", word]).arg(ground.path());
        command.args([&mirror, &other].map(|listener| listener.local_addr().unwrap().port().to_string()));
        let status = command.stdin(Stdio::null()).status().unwrap();
        assert_eq!(ending(status), Some(expected), "{word}: {status}");
        assert_eq!(fs::read(ground.path().join("beside")).unwrap(), b"beside");
        let _ = writeln!(io::stdout(), "test {word} ... ok");
    }
    ExitCode::SUCCESS
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn ending(status: ExitStatus) -> Option<Ending> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Some(Ending::Well),
        (Some(1), _) => Some(Ending::Error),
        (_, Some(SIGSYS)) => Some(Ending::Filter),
        _ => None,
    }
}

/// The life of the confined process: 0 when the attempt got through, 1 when it was refused, 2 when it was not made.
fn live(word: &str, ground: &Path, mirror: u16, other: u16) -> ExitCode {
    let folder = ground.join("staging");
    let url = [Url::parse(&format!("http://127.0.0.1:{mirror}")).unwrap()];
    let staging = Staging::open(&folder).unwrap();
    let stick = Folder::open(ground).unwrap();
    let source = if word == "connect from a folder's fetcher" {
        Source::Folder(&stick)
    } else {
        Source::Network { urls: &url, proxy: None }
    };
    if let Err(error) = confine(&staging, source) {
        let _ = writeln!(io::stderr(), "{error}");
        return ExitCode::from(2);
    }
    match attempt(word, &staging, &folder, mirror, other) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(_)) => ExitCode::FAILURE,
        None => ExitCode::from(2),
    }
}

fn attempt(word: &str, staging: &Staging, folder: &Path, mirror: u16, other: u16) -> Option<io::Result<()>> {
    let result = match word {
        "write into the folder" => put(staging, "file"),
        "make a folder in the folder" => put(staging, "one/two/file"),
        "start a thread" => std::thread::Builder::new().spawn(|| {}).map(drop),
        "look up a name" => std::net::ToSocketAddrs::to_socket_addrs("localhost:1").map(drop),
        "connect to the mirror" | "connect from a folder's fetcher" => connect(mirror),
        "start a program" => Command::new("/bin/true").status().map(drop),
        "listen" => TcpListener::bind("127.0.0.1:0").map(drop),
        "bind" => UdpSocket::bind("127.0.0.1:0").map(drop),
        "connect to another port" => connect(other),
        "connect to an abstract socket" => {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(ABSTRACT);
            address.and_then(|address| UnixStream::connect_addr(&address)).map(drop)
        }
        "read a file" => File::open("/etc/passwd").map(drop),
        "read a file of the process" => File::open("/proc/self/maps").map(drop),
        "write beside the folder" => File::create(folder.with_file_name("beside")).map(drop),
        "leave the folder by a link" => put(staging, "../beside"),
        "make a link" => std::os::unix::fs::symlink("/etc", folder.join("link")),
        "change rights" => fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)),
        "list the root folder" => fs::read_dir("/").map(drop),
        _ => return None,
    };
    Some(result)
}

fn connect(port: u16) -> io::Result<()> {
    TcpStream::connect(("127.0.0.1", port)).map(drop)
}

fn put(staging: &Staging, path: &str) -> io::Result<()> {
    staging.write(path, 0, |_| Ok(Some(()))).map(drop).map_err(io::Error::other)
}
