//! A small rspamd that does nothing but ask the service.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{DEADLINE, Program};

pub struct Rspamd {
    child: Child,
    socket: PathBuf,
    folder: TempDir,
}

impl Rspamd {
    /// Starts it; its symbol is `CANDOR_TEST`.
    pub fn start(program: &Program) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        // The list of all domains takes long to compile.
        fs::write(path("domains"), "com\n").unwrap();
        let text = r#"
options { filters = ""; tempdir = "DIR"; pidfile = "DIR/pid"; cache_file = "DIR/cache"; hs_cache_dir = "DIR";
  control_socket = "DIR/control mode=0600"; url_tld = "DIR/domains";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; } }
logging { type = "console"; level = "info"; }
worker "normal" { bind_socket = "DIR/worker mode=0600"; count = 1; }
modules { path = "/usr/share/rspamd/plugins/antivirus.lua"; }
lua = "/usr/share/rspamd/rules/rspamd.lua";
antivirus { enabled = true; clamav { type = "clamav"; symbol = "CANDOR_TEST"; servers = "CLAMD";
  scan_mime_parts = true; scan_text_mime = true; } }
"#;
        let text = text.replace("DIR", folder.path().to_str().unwrap());
        let text = text.replace("CLAMD", program.unix("clamd").to_str().unwrap());
        fs::write(path("rspamd.conf"), text).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let mut command = Command::new("rspamd");
        command.args(["--no-fork", "--insecure", "--config"]).arg(path("rspamd.conf"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let rspamd = Self { child: command.spawn().unwrap(), socket: path("worker"), folder };
        let deadline = Instant::now() + DEADLINE;
        while rspamd.request("GET /ping HTTP/1.0\r\n\r\n".as_bytes()).is_err() {
            assert!(Instant::now() < deadline, "rspamd does not start:\n{}", rspamd.log());
            sleep(Duration::from_millis(50));
        }
        rspamd
    }

    /// What it says of a mail.
    pub fn scan(&self, mail: &[u8]) -> String {
        let head = format!("POST /checkv2 HTTP/1.0\r\nContent-Length: {}\r\n\r\n", mail.len());
        self.request(&[head.as_bytes(), mail].concat())
            .unwrap_or_else(|error| panic!("{error}:\n{}", self.log()))
    }

    /// What it has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn request(&self, bytes: &[u8]) -> std::io::Result<String> {
        let mut socket = UnixStream::connect(&self.socket)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.write_all(bytes)?;
        let mut said = Vec::new();
        socket.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

impl Drop for Rspamd {
    fn drop(&mut self) {
        // Its workers end with it if it may end by itself.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        );
        let _ = self.child.wait();
    }
}
