//! Sockets that systemd opened for us and passes by name: `FileDescriptorName=` is the front-end that they are for.
//!
//! See sd_listen_fds(3).

use std::env;

use anyhow::{Context, bail};
use listenfd::ListenFd;
use rustix::fd::AsFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::opening::Socket;

/// The sockets that were passed, each with its name. Nothing if there are none, or they are for another process.
///
/// # Errors
/// When one has no name, or is none that clients can connect to.
pub(crate) fn passed() -> anyhow::Result<Vec<(String, Socket)>> {
    let mut descriptors = ListenFd::from_env();
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut sockets = Vec::new();
    for number in 0..descriptors.len() {
        let name = names.get(number).copied().filter(|name| !name.is_empty());
        let Some(name) = name else {
            bail!(
                "systemd passed a socket without a name; say which front-end it is for: FileDescriptorName=clamd"
            );
        };
        let socket = socket(&mut descriptors, number);
        sockets.push((
            name.to_owned(),
            socket.with_context(|| format!("the socket {name} that systemd passed"))?,
        ));
    }
    Ok(sockets)
}

fn socket(descriptors: &mut ListenFd, number: usize) -> anyhow::Result<Socket> {
    if let Ok(Some(listener)) = descriptors.take_unix_listener(number) {
        listening(&listener)?;
        return Ok(Socket::Unix(listener, None));
    }
    match descriptors.take_tcp_listener(number)? {
        Some(listener) => {
            listening(&listener)?;
            Ok(Socket::Tcp(listener))
        }
        None => bail!("it was passed twice"),
    }
}

fn listening(socket: &impl AsFd) -> anyhow::Result<()> {
    if !socket_acceptconn(socket)? {
        bail!("it is a connection; write Accept=no");
    }
    Ok(())
}
