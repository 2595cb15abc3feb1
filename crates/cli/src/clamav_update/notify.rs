//! Tells clamd, or a service that speaks as clamd does, that there are new signatures.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

/// Where clamd's configuration is on most systems.
pub(crate) const CONFIGURATION: &str = "/etc/clamav/clamd.conf";
/// Longest configuration in bytes.
const LONGEST: u64 = 1 << 20;
/// How long clamd may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends RELOAD to the socket that a clamd.conf names.
///
/// # Errors
/// When there is none, or what is behind it does not answer as clamd does.
pub(crate) fn reload(configuration: &Path) -> anyhow::Result<()> {
    let mut text = String::new();
    fs::File::open(configuration)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .with_context(|| format!("Can't find or parse configuration file {}", configuration.display()))?;
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.trim().split_once(char::is_whitespace)?;
            (key == name).then(|| value.trim().trim_matches('"').to_owned())
        })
    };
    if let Some(socket) = value("LocalSocket") {
        let stream = UnixStream::connect(&socket).with_context(|| socket.clone())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        return ask(stream);
    }
    let Some(port) = value("TCPSocket") else { bail!("{} names no socket", configuration.display()) };
    let port: u16 = port.parse().context("TCPSocket")?;
    let host = value("TCPAddr").unwrap_or_else(|| "127.0.0.1".to_owned());
    let address = (host.as_str(), port).to_socket_addrs()?.next().context("TCPAddr")?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(stream)
}

fn ask(mut stream: impl Read + Write) -> anyhow::Result<()> {
    stream.write_all(b"nRELOAD\n")?;
    let mut answer = Vec::new();
    stream.take(64).read_to_end(&mut answer)?;
    if !answer.starts_with(b"RELOADING") {
        bail!("clamd answers {:?}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
