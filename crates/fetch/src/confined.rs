//! Gives up everything but the network and one folder, before the first request.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use candor_jail::{Fetching, NOBODY, confine_fetcher};
use rustix::fs::{Gid, Mode, OFlags, Uid, fchown, fstat, open};
use rustix::process::geteuid;

use crate::{Error, Folder, Kind, Staging, Url};

/// Whom root becomes, if there is such a user; else nobody.
const USER: &str = "candor-fetch";
/// What looking up a name reads: settings, the parts of the C library that do it, and sockets of services that are
/// asked on some systems. What a system does not have is left out.
const NAMES: [&str; 18] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/run/nscd",
    "/run/systemd/resolve",
    "/run/avahi-daemon",
    "/dev/null",
];
/// DNS over TCP, and https, to which a mirror may redirect.
const ALWAYS: [u16; 2] = [53, 443];

/// What a run will reach.
#[derive(Clone, Copy, Debug)]
pub enum Source<'s> {
    /// Servers: their ports are left.
    Network {
        /// Whom it asks.
        urls: &'s [Url],
        /// The port of a proxy.
        proxy: Option<u16>,
    },
    /// A folder; no network is left at all.
    Folder(&'s Folder),
}

/// Confines this process, for ever: it can write to `staging` only, and start nothing.
///
/// It must have one thread, and [`Http`](crate::Http) must have been made already. As root it becomes the user
/// `candor-fetch` or nobody, to whom a folder is given that is empty.
///
/// Returns what this system lacks, a sentence each.
///
/// # Errors
/// [`Kind::Local`] when it cannot be confined, or when the folder belongs to somebody else.
pub fn confine(staging: &Staging, source: Source<'_>) -> Result<Vec<String>, Error> {
    let local = |error: &dyn std::fmt::Display| Error::new(Kind::Local, format!("not confined: {error}"));
    let user = user(&fs::read_to_string("/etc/passwd").unwrap_or_default()).unwrap_or(NOBODY);
    if geteuid().is_root() {
        hand_over(staging, user)?;
    }
    let files: Vec<OwnedFd> = match source {
        Source::Network { .. } => NAMES.iter().filter_map(|name| place(name)).collect(),
        Source::Folder(_) => Vec::new(),
    };
    let mut readable: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let mut ports = BTreeSet::new();
    match &source {
        Source::Network { urls, proxy } => {
            ports.extend(ALWAYS);
            ports.extend(urls.iter().map(Url::port).chain(*proxy));
        }
        Source::Folder(folder) => readable.push(folder.as_fd()),
    }
    let ports: Vec<u16> = ports.into_iter().collect();
    let fetching = Fetching { user, folder: staging.as_fd(), readable: &readable, ports: &ports };
    confine_fetcher(&fetching).map(|missing| missing.into_texts()).map_err(|error| local(&error))
}

fn place(name: &str) -> Option<OwnedFd> {
    open(name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// The numbers of our user and its group in `/etc/passwd`; root is none.
fn user(passwd: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(USER))?;
    let mut numbers = line.split(':').skip(2).map_while(|number| number.parse::<u32>().ok());
    let (user, group) = (numbers.next()?, numbers.next()?);
    (user != 0 && group != 0).then_some((user, group))
}

/// Gives an empty folder to the user, and no other: it could be any folder of the system.
fn hand_over(staging: &Staging, (user, group): (u32, u32)) -> Result<(), Error> {
    let wrong = |error: rustix::io::Errno| Error::new(Kind::Local, format!("the staging folder: {error}"));
    let owner = fstat(staging).map_err(wrong)?.st_uid;
    if owner == user {
        return Ok(());
    }
    if !staging.list("").is_empty() {
        let text = format!(
            "the folder belongs to user {owner}, and as root the fetcher becomes user {user}; name an empty folder or \
             give this one to that user"
        );
        return Err(Error::new(Kind::Local, text));
    }
    fchown(staging, Some(Uid::from_raw(user)), Some(Gid::from_raw(group))).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_and_is_never_root() {
        let passwd =
            "root:x:0:0::/:/bin/sh\ncandor-fetcher:x:7:7::/:\ncandor-fetch:x:512:513::/:/bin/false\n";
        assert_eq!(user(passwd), Some((512, 513)));
        for none in [
            "",
            "candor-fetch:x:0:0::/:\n",
            "candor-fetch:x:a:b::/:\n",
            "candor-fetch:x:5\n",
            "candor-fetch:x:5:0:",
        ] {
            assert_eq!(user(none), None, "{none}");
        }
    }
}
