//! clamd itself, if it is installed, with a database that knows the test file only.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::conversation::Place;
use crate::files::{NAME, eicar};
use crate::program::DEADLINE;

pub struct Reference {
    child: Child,
    place: Place,
    _folder: TempDir,
}

impl Reference {
    /// Starts it with more lines in its configuration, or says that it is not there.
    pub fn start(settings: &str) -> Option<Self> {
        if Command::new("clamd").arg("--version").output().is_err() {
            eprintln!("skipped: clamav-daemon is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("clamd.sock");
        let database = folder.path().join("db");
        fs::create_dir(&database).unwrap();
        let hexadecimal: String = eicar().iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(database.join("test.ndb"), format!("{NAME}:0:0:{hexadecimal}\n")).unwrap();
        let user = if rustix::process::geteuid().is_root() { "User root\n" } else { "" };
        let configuration = folder.path().join("clamd.conf");
        let text = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nForeground yes\nMaxThreads 4\n{user}{settings}\n",
            socket.display(),
            database.display()
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("clamd");
        command.arg("--config-file").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + DEADLINE;
        while UnixStream::connect(&socket).is_err() {
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "clamd does not start");
            sleep(Duration::from_millis(20));
        }
        Some(Self { child, place: Place::Unix(socket), _folder: folder })
    }

    /// Where it listens.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
