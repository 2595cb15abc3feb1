//! A Postfix of the test's own, in a folder, on a port that is free.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::program::DEADLINE;
use crate::smtp::sink;

/// Postfix; it ends when it is dropped.
pub struct Postfix {
    child: Child,
    folder: TempDir,
    /// Where clients send mail.
    pub address: SocketAddr,
    /// What was delivered.
    pub delivered: Receiver<String>,
}

/// Services without a chroot, and none that other machines could reach.
const MASTER: &str = "
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

const MAIN: &str = "
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
myhostname = mail.test
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
disable_dns_lookups = yes
message_size_limit = 200000000
smtpd_milters = {milter}
milter_default_action = tempfail
";

impl Postfix {
    /// Starts it with a milter; nothing, with a word about it, where that is impossible.
    pub fn start(milter: &str) -> Option<Self> {
        let user = Command::new("id").args(["-u", "postfix"]).output().ok()?;
        if !Path::new("/usr/sbin/postfix").is_file() || !user.status.success() {
            eprintln!("skipped: postfix is not installed");
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: postfix needs root");
            return None;
        }
        let user: u32 = String::from_utf8(user.stdout).unwrap().trim().parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(path.join("queue")).unwrap();
        fs::create_dir(path.join("data")).unwrap();
        chown(path.join("data"), Some(user), None).unwrap();
        let (port_of_sink, delivered) = sink();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let fill = |text: &str| {
            text.replace("{folder}", path.to_str().unwrap())
                .replace("{port}", &port.to_string())
                .replace("{sink}", &port_of_sink.to_string())
                .replace("{milter}", milter)
        };
        fs::write(path.join("main.cf"), fill(MAIN)).unwrap();
        fs::write(path.join("master.cf"), fill(MASTER)).unwrap();
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(path).arg("start-fg").process_group(0);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let postfix = Self { child, folder, address: SocketAddr::from(([127, 0, 0, 1], port)), delivered };
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(postfix.address).is_err() {
            assert!(Instant::now() < deadline, "Postfix does not start:\n{}", postfix.log());
            thread::sleep(Duration::from_millis(20));
        }
        Some(postfix)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("mail.log")).unwrap_or_default()
    }

    /// Runs one of its programs with its configuration.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program).arg("-c").arg(self.folder.path()).args(arguments).output().unwrap()
    }

    /// The next message that is delivered.
    pub fn next(&self) -> String {
        let message = self.delivered.recv_timeout(DEADLINE);
        message.unwrap_or_else(|_| panic!("nothing is delivered:\n{}", self.log()))
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.run("/usr/sbin/postfix", &["stop"]);
        // The script that started it waits for it; both are gone now, or never came to life.
        let group = Pid::from_child(&self.child);
        let _ = kill_process(group, Signal::TERM);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}
