//! Leaves the system's network, files, names and shared memory for empty ones.
//!
//! There is no namespace of processes: a process that runs cannot enter one, only its children can.

use nix::sched::{CloneFlags, unshare};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{chdir, chroot, pivot_root};
use rustix::thread::{CapabilitySet, capabilities};

use super::Missing;

/// Folders of which one exists everywhere; what is mounted there is seen by this process alone.
const PLACES: [&str; 4] = ["/proc", "/tmp", "/dev", "/usr"];

const SPACES: [(CloneFlags, &str, &str); 5] = [
    (CloneFlags::CLONE_NEWNET, "network", "sockets cannot be made, since the filter kills who asks for one"),
    (CloneFlags::CLONE_NEWIPC, "shared memory", "the filter kills who asks for shared memory or queues"),
    (CloneFlags::CLONE_NEWUTS, "host names", "the filter kills who asks for the host's name"),
    (
        CloneFlags::CLONE_NEWNS,
        "mounts",
        "files cannot be opened: the filter kills who tries, and Landlock refuses",
    ),
    (CloneFlags::CLONE_NEWCGROUP, "control groups", "their files cannot be opened"),
];

/// Enters empty namespaces, as far as the system lets an ordinary user do that.
pub(super) fn leave(missing: &mut Missing) {
    let may = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN));
    if !may && let Err(error) = unshare(CloneFlags::CLONE_NEWUSER) {
        missing.add(format!(
            "no namespaces: the system lets this user make none ({}). The network and the files of the system \
             are there, but a socket or a file cannot be opened: the filter kills who tries, and Landlock \
             refuses files",
            error.desc()
        ));
        return;
    }
    for (flag, name, instead) in SPACES {
        if let Err(error) = unshare(flag) {
            missing.add(format!("no namespace of its own for {name} ({}); {instead}", error.desc()));
        } else if flag == CloneFlags::CLONE_NEWNS
            && let Err(error) = empty_root()
        {
            missing.add(format!(
                "the root folder is not empty ({error}); {instead}, and only the filter hides whether a \
                 file exists"
            ));
        }
    }
}

/// Makes an empty folder, which nobody can write to, the root of all paths. Landlock refuses to open files but
/// not to ask whether there are any; here there are none.
fn empty_root() -> Result<(), Errno> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    let mut result = Err(Errno::NOENT);
    for place in PLACES {
        result = mount("none", place, "tmpfs", flags, c"size=4k,nr_inodes=2,mode=555").map(|()| place);
        if result.is_ok() {
            break;
        }
    }
    chdir(result?)?;
    // Both are this folder: the old root then lies over the new one, and is taken off.
    match pivot_root(".", ".") {
        Ok(()) => unmount(".", UnmountFlags::DETACH)?,
        // A process that was started under another root cannot move it.
        Err(_) => chroot(".")?,
    }
    chdir("/")
}
