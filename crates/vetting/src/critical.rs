//! Files without which a system does not start or cannot be repaired; the list is `critical.txt`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use candor_packages::merged;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

const LIST: &str = include_str!("critical.txt");

pub(crate) struct Critical(GlobSet);

impl Critical {
    pub(crate) fn new() -> Result<Self, String> {
        let mut globs = GlobSetBuilder::new();
        for line in LIST.lines().filter(|line| line.starts_with('/')) {
            let glob = GlobBuilder::new(line).literal_separator(true).build();
            globs.add(glob.map_err(|error| error.to_string())?);
        }
        Ok(Self(globs.build().map_err(|error| error.to_string())?))
    }

    /// Whether a file with this path, or with the one that it has since `/usr` was merged, is critical.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        let names = merged(bytes.strip_prefix(b"/").unwrap_or(bytes));
        names.iter().any(|name| self.0.is_match(Path::new(OsStr::from_bytes(&[b"/", &name[..]].concat()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_system_needs_is_in_the_list() {
        let critical = Critical::new().unwrap();
        for path in [
            "/boot/vmlinuz-6.18.0-amd64",
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            "/lib64/ld-linux-x86-64.so.2",
            "/usr/lib64/libc.so.6",
            "/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
            "/bin/bash",
            "/usr/bin/dash",
            "/sbin/init",
            "/lib/systemd/systemd",
            "/usr/lib/systemd/libsystemd-shared-252.so",
            "/usr/bin/dbus-daemon",
            "/bin/login",
            "/usr/sbin/sshd",
            "/usr/bin/ssh-agent",
            "/lib/x86_64-linux-gnu/security/pam_unix.so",
            "/usr/bin/dpkg",
            "/usr/bin/apt-get",
            "/usr/bin/rpm",
            "/usr/bin/python3.11",
            "/usr/lib/modules/6.18.0/kernel/fs/ext4/ext4.ko.xz",
        ] {
            assert!(critical.contains(Path::new(path)), "{path}");
        }
        for path in [
            "/usr/bin/gimp",
            "/usr/share/doc/bash/README",
            "/usr/lib/x86_64-linux-gnu/libgtk-3.so.0",
            "/home/boot/x",
        ] {
            assert!(!critical.contains(Path::new(path)), "{path}");
        }
    }
}
