//! Becomes an ordinary user without groups and capabilities, for ever.

use std::fs;

use nix::unistd::{Gid, Uid, getresgid, getresuid, setgroups, setresgid, setresuid};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Signal, dumpable_behavior, set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    no_new_privs, remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs,
};

use super::{Missing, NotConfined};

/// The user and the group `nobody`: whom to become where there is no user of our own.
pub const NOBODY: (u32, u32) = (65534, 65534);

/// Whom to become.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// An ordinary user stays who it is.
    Same,
    /// Root becomes this user and group.
    Other(u32, u32),
    /// Root stays, since nobody was named.
    Unnamed,
    /// Root of a namespace of users stays, since the user who was named is not known there.
    Unknown(u32),
}

/// Finds out whom to become, as long as there is a `/proc` to ask.
pub(super) fn next(user: Option<(u32, u32)>) -> Result<Next, NotConfined> {
    // Within a namespace of users of its own root is somebody else, and nobody can be become.
    match user {
        _ if !Uid::effective().is_root() && !Uid::current().is_root() => Ok(Next::Same),
        Some((0, _) | (_, 0)) => Err(NotConfined::Root),
        Some((user, group)) if is_mapped("uid", user) && is_mapped("gid", group) => {
            Ok(Next::Other(user, group))
        }
        Some((user, _)) => Ok(Next::Unknown(user)),
        None => Ok(Next::Unnamed),
    }
}

/// Gives up root, groups, capabilities and every way to get them back. The process dies with its parent, and
/// leaves no image of its memory when it crashes.
pub(super) fn give_up(next: Next, missing: &mut Missing) -> Result<(), NotConfined> {
    // This one needs a capability, so it comes first.
    empty_bounding_set(missing)?;
    let may = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETPCAP));
    if may {
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
        set_capabilities_secure_bits(bits)
            .map_err(|error| NotConfined::System("locking capabilities", error))?;
    }
    match next {
        Next::Same => {}
        Next::Other(user, group) => become_user(Uid::from_raw(user), Gid::from_raw(group))?,
        Next::Unnamed => missing.add(
            "it stays root, since no other user was named; it has no capabilities, and no file of root can be \
             opened: the filter kills who tries, and Landlock refuses",
        ),
        Next::Unknown(user) => missing.add(format!(
            "it stays the root of a namespace of users in which there is no user {user}; outside of that namespace \
             it is an ordinary user, and it has no capabilities"
        )),
    }
    clear_capabilities()?;
    set_no_new_privs(true).map_err(|error| NotConfined::System("having no new privileges", error))?;
    if !no_new_privs().unwrap_or(false) {
        return Err(NotConfined::Kept("the right to new privileges"));
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| NotConfined::System("forbidding dumps", error))?;
    if !matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable)) {
        return Err(NotConfined::Kept("the image of the memory"));
    }
    // A change of the user clears this one, so it comes after it.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| NotConfined::System("dying with the parent", error))
}

/// Whether this namespace of users has a user or a group; most have a few, and one has all.
fn is_mapped(kind: &str, number: u32) -> bool {
    let Ok(map) = fs::read_to_string(format!("/proc/self/{kind}_map")) else {
        return true;
    };
    map.lines().any(|line| {
        let mut words = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
        let (first, _, count) = (words.next(), words.next(), words.next());
        first.zip(count).is_some_and(|(first, count)| (first..first + count).contains(&u64::from(number)))
    })
}

fn become_user(user: Uid, group: Gid) -> Result<(), NotConfined> {
    let system = |what| move |error| NotConfined::System(what, Errno::from_raw_os_error(error as i32));
    setgroups(&[]).map_err(system("leaving all groups"))?;
    setresgid(group, group, group).map_err(system("changing the group"))?;
    setresuid(user, user, user).map_err(system("changing the user"))?;
    let users = getresuid().map_err(system("asking for the user"))?;
    let groups = getresgid().map_err(system("asking for the group"))?;
    let changed = [users.real, users.effective, users.saved] == [user; 3]
        && [groups.real, groups.effective, groups.saved] == [group; 3];
    if !changed || setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        return Err(NotConfined::Kept("the user root"));
    }
    Ok(())
}

fn empty_bounding_set(missing: &mut Missing) -> Result<(), NotConfined> {
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The kernel knows no more.
            Err(Errno::INVAL) => return Ok(()),
            Err(Errno::PERM) => {
                missing.add(
                    "an ordinary user cannot empty the bounding set of capabilities; it has none, no program can \
                     be started that would have some, and new privileges are forbidden",
                );
                return Ok(());
            }
            Err(error) => {
                return Err(NotConfined::System("emptying the bounding set of capabilities", error));
            }
        }
    }
    Ok(())
}

fn clear_capabilities() -> Result<(), NotConfined> {
    clear_ambient_capability_set()
        .map_err(|error| NotConfined::System("clearing ambient capabilities", error))?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(|error| NotConfined::System("clearing capabilities", error))?;
    let left = capabilities(None).map_err(|error| NotConfined::System("asking for capabilities", error))?;
    if left.effective.is_empty() && left.permitted.is_empty() && left.inheritable.is_empty() {
        Ok(())
    } else {
        Err(NotConfined::Kept("a capability"))
    }
}
