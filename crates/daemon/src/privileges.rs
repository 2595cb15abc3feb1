//! Gives up what the service does not need: root, new privileges by running programs, being looked into.
//!
//! All of it happens before there are threads, since Linux has users per thread.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context, bail};
use rustix::process::{DumpableBehavior, Gid, Uid, getgid, getuid, set_dumpable_behavior};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// A user of this machine, with all groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    user: u32,
    group: u32,
    groups: Vec<u32>,
}

impl User {
    /// Looks a user up in `/etc/passwd` and `/etc/group`.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        // Without a list of groups a user has only the one that is named in the list of users.
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        Self::find(name, &users, &groups).with_context(|| {
            let make = format!("useradd --system --no-create-home --shell /usr/sbin/nologin {name}");
            format!("there is no user {name}, which `service.user` names; make it with `{make}`")
        })
    }

    fn find(name: &str, users: &str, groups: &str) -> Option<Self> {
        // passwd(5): name:password:user:group:comment:folder:shell
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        let user = numbers.next()?.ok()?;
        let group = numbers.next()?.ok()?;
        // group(5): name:password:group:member,member
        let member_of = groups.lines().filter_map(|line| {
            let mut fields = line.split(':').skip(2);
            let number = fields.next()?.parse().ok()?;
            fields.next()?.split(',').any(|member| member == name).then_some(number)
        });
        let groups = member_of.chain([group]).collect();
        Some(Self { name: name.to_owned(), user, group, groups })
    }

    /// Makes a file theirs.
    ///
    /// # Errors
    /// When we may not.
    pub(crate) fn own(&self, path: &Path) -> anyhow::Result<()> {
        chown(path, Some(self.user), Some(self.group))
            .with_context(|| format!("{} for {}", path.display(), self.name))
    }
}

/// Whom to become: nobody, if no name is given or that user is who we are.
///
/// # Errors
/// When there is no such user, or we are not root and somebody else.
pub(crate) fn wanted(name: Option<&str>) -> anyhow::Result<Option<User>> {
    let Some(name) = name else { return Ok(None) };
    let user = User::named(name)?;
    if getuid().as_raw() == user.user {
        return Ok(None);
    }
    if !getuid().is_root() {
        bail!("only root can become {name} (`service.user`); start candord as root or as {name}");
    }
    Ok(Some(user))
}

/// Becomes the user, for good, and closes the ways back. Must be called before there are threads.
///
/// # Errors
/// When the operating system refuses.
pub(crate) fn give_up(user: Option<&User>) -> anyhow::Result<()> {
    if let Some(user) = user {
        become_user(user).with_context(|| format!("cannot become {}", user.name))?;
    }
    set_no_new_privs(true).context("no_new_privs")?;
    // Other processes of the same user, such as a worker that broke out, cannot look into us, and no core dump
    // has what clients sent.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("not dumpable")?;
    Ok(())
}

fn become_user(user: &User) -> anyhow::Result<()> {
    let status = fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    if !status.lines().any(|line| line.strip_prefix("Threads:").is_some_and(|number| number.trim() == "1")) {
        bail!("there are threads already");
    }
    let groups: Vec<Gid> = user.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let (user, group) = (Uid::from_raw(user.user), Gid::from_raw(user.group));
    set_thread_groups(&groups)?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    if getuid() != user || getgid() != group {
        bail!("the operating system did not do it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\ncandor:x:990:991::/:/sbin/nologin\nbroken:x:many\n";
    const GROUPS: &str = "root:x:0:\ncandor:x:991:\nmail:x:8:postfix,candor\nother:x:9:candorr\nbroken\n";

    #[test]
    fn users_have_all_their_groups() {
        let user = User::find("candor", USERS, GROUPS).unwrap();
        assert_eq!((user.user, user.group), (990, 991));
        assert_eq!(user.groups, [8, 991]);
        assert_eq!(User::find("root", USERS, "").unwrap().groups, [0]);
    }

    #[test]
    fn no_user_is_guessed() {
        for name in ["", "cando", "candor:x", "broken", "x"] {
            assert_eq!(User::find(name, USERS, GROUPS), None, "{name}");
        }
        assert!(User::named("no-such-user-here").unwrap_err().to_string().contains("useradd"));
        assert_eq!(wanted(None).unwrap(), None);
    }
}
