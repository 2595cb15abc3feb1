//! Owners, capabilities and access control lists come back for root; nobody gains rights without being root.

mod ground;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use candor_quarantine::{Afterwards, Vault};
use ground::{Ground, Likeness, take};
use rustix::fs::{XattrFlags, fsetxattr, getxattr};

const FOLDER: &str = "CANDOR_TEST_FOLDER";
/// A user who owns nothing.
const NOBODY: u32 = 65_534;
/// `security.capability`: revision 2, effective, CAP_NET_BIND_SERVICE.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: this needs root");
    }
    root
}

/// `system.posix_acl_access`: the owner, one more user, the group, the mask, others.
fn access_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] =
        [(1, 7, u32::MAX), (2, 4, 1234), (4, 5, u32::MAX), (16, 5, u32::MAX), (32, 1, u32::MAX)];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = [0; 1000];
    let length = getxattr(path, name, &mut value[..]).ok()?;
    Some(value[..length].to_vec())
}

#[test]
fn root_restores_everything() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let path = ground.file("file", b"content");
    let file = File::open(&path).unwrap();
    chown(&path, Some(1001), Some(1002)).unwrap();
    let given = fsetxattr(&file, "system.posix_acl_access", &access_list(), XattrFlags::empty())
        .and_then(|()| fsetxattr(&file, "security.capability", &CAPABILITY, XattrFlags::empty()));
    if let Err(error) = given {
        eprintln!("skipped: the file system has no such attributes: {error}");
        return;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o6751)).unwrap();
    let names = ["system.posix_acl_access", "security.capability"];
    let before = (Likeness::of(&path), names.map(|name| attribute(&path, name)));
    assert!(before.1.iter().all(Option::is_some));
    let vault = ground.vault();
    let id = take(&vault, &path).unwrap().entry.id;
    let restored = vault.restore(id, None, Afterwards::Remove).unwrap();
    assert!(restored.missing.is_empty(), "{restored:?}");
    assert_eq!((Likeness::of(&path), names.map(|name| attribute(&path, name))), before);
}

/// The child, which runs as nobody. As an ordinary test it has nothing to do.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let vault = Vault::create(&folder.join("vault")).unwrap().with_packages_of(&folder.join("none"));
    let path = folder.join("files/file");
    let id = take(&vault, &path).unwrap().entry.id;
    let restored = vault.restore(id, None, Afterwards::Keep).unwrap();
    let missing = restored.missing.join("\n");
    assert!(missing.contains("owner 0") && missing.contains("mode 4755"), "{missing}");
    // What could not be given does not make it another file.
    assert!(vault.restore(id, None, Afterwards::Remove).unwrap().was_there);
    // Whoever may write to a folder without listing it can use the vault as well.
    fs::set_permissions(folder.join("files"), Permissions::from_mode(0o300)).unwrap();
    let id = take(&vault, &path).unwrap().entry.id;
    vault.restore(id, None, Afterwards::Remove).unwrap();
}

#[test]
fn who_is_not_root_gets_no_rights_of_root() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let path = ground.file("file", b"content");
    for folder in ["", "files"] {
        chown(ground.path(folder), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
    // The program itself may lie where nobody cannot go.
    let program = ground.path("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program)
        .args(["--exact", "child", "--test-threads", "1", "--nocapture"])
        .env(FOLDER, ground.path(""))
        .current_dir(ground.path(""))
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o7777), (NOBODY, 0o755));
}
