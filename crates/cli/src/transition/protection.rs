//! Whether Candor protects this host: candord answers, and detects what it is given.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer, in bytes.
const LONGEST: u64 = 4096;
/// The two halves of the test file of EICAR, so that this program is not taken for it.
const HALVES: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// Proves it, or says why it cannot be proven. The socket is that of clamd's protocol.
pub(super) fn prove(socket: &Path) -> anyhow::Result<String> {
    let shown = socket.display();
    let pong = ask(socket, b"zPING\0").with_context(|| format!("candord does not answer at {shown}"))?;
    ensure!(pong == "PONG", "{shown} does not answer PING with PONG");
    // Another product may speak the same protocol.
    let version = ask(socket, b"zVERSION\0")?;
    ensure!(version.contains("candor"), "what answers at {shown} is not candord");
    let test = HALVES.concat();
    let length = u32::try_from(test.len())?.to_be_bytes();
    let request = [b"zINSTREAM\0", &length[..], test.as_bytes(), &[0; 4]].concat();
    let found = ask(socket, &request)?;
    if !found.ends_with("FOUND") {
        bail!("candord at {shown} does not detect the test file of EICAR: it answers {found:?}");
    }
    Ok(version)
}

fn ask(socket: &Path, request: &[u8]) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).trim_end_matches(['\0', '\n']).to_owned())
}
