//! Files to scan, and the daemon that scans them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::conversation::Place;
use crate::program::Program;

/// The name of the test file, and what clamd is taught to call it.
pub const NAME: &str = "Candor.Test.Malware.Eicar-1";

/// The EICAR test file.
pub fn eicar() -> Vec<u8> {
    let halves = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"];
    halves.concat().into_bytes()
}

/// A folder with `plain`, `empty`, `eicar`, and folders `none`, `one/found` and `odd` with a link and a FIFO.
pub struct Files(TempDir);

impl Files {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("plain"), "hello").unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("eicar"), eicar()).unwrap();
        for name in ["none", "one", "odd"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("none/plain"), "hello").unwrap();
        fs::write(path("one/found"), eicar()).unwrap();
        fs::write(path("one/plain"), "hello").unwrap();
        std::os::unix::fs::symlink(path("eicar"), path("odd/link")).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path("odd/fifo"), fifo, 0o600.into(), 0).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}

/// A service with more settings in its table.
pub fn start(settings: &str) -> Program {
    Program::start(&format!(
        "[clamd]\nlisten = [\"unix:{{folder}}/clamd.sock\", \"tcp:127.0.0.1:0\"]\n{settings}"
    ))
}

/// Its Unix socket.
pub fn unix(program: &Program) -> Place {
    Place::Unix(program.unix("clamd"))
}

/// Its port.
pub fn tcp(program: &Program) -> Place {
    Place::Tcp(program.tcp("clamd"))
}
