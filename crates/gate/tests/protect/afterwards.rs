//! What becomes of a file that was found, and of files that were allowed before anybody knew.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use candor_quarantine::{Afterwards, Vault};
use candor_signatures::Sources;
use sha2::{Digest, Sha256};

use crate::ground::{Ground, eicar, is_refused, run, until};

/// A database that knows the content of a file, or nothing that is here.
fn database(place: &Path, known: Option<&Path>) {
    let mut sources = Sources::default();
    sources.add_text("test.ndb", "Test.Other-1:0:*:6f746865722d7369676e61747572652d776f726473\n");
    if let Some(path) = known {
        let content = fs::read(path).unwrap();
        let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        sources.add_text("test.hsb", &format!("{digest}:{}:Test.Known-1\n", content.len()));
    }
    let new = place.with_extension("new");
    fs::write(&new, sources.build(|problem| panic!("{problem}")).unwrap().image).unwrap();
    fs::rename(new, place).unwrap();
}

#[test]
fn what_was_found_goes_into_quarantine_and_comes_back() {
    let Some(ground) = Ground::unwatched() else { return };
    let folder = ground.beside("vault");
    let Some(ground) = ground.watch(&format!("[protect]\nquarantine = true\nvault = {folder:?}\n")) else {
        return;
    };
    let bad = ground.write("bad", &eicar());
    until("it is taken", || !bad.exists());
    until("it is told", || ground.log().contains("\"quarantined\""));
    let vault = Vault::open(&folder).unwrap();
    let listing = vault.list().unwrap();
    let entry = &listing.entries.first().unwrap().entry;
    assert_eq!(entry.path, bad);
    let elsewhere = ground.beside("restored");
    vault.restore(entry.id, Some(&elsewhere), Afterwards::Keep).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), eicar());
}

#[test]
fn programs_are_looked_at_before_anybody_opens_them() {
    let Some(ground) = Ground::unwatched() else { return };
    for (name, mode) in [("program", 0o755), ("text", 0o644)] {
        let path = ground.write(name, &eicar());
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let configuration = format!("[ahead]\nfolders = [{:?}]\n", ground.path(""));
    let Some(ground) = ground.watch(&configuration) else { return };
    until("it is told", || ground.log().contains("\"ahead\""));
    assert!(ground.log().contains("watched/program") && !ground.log().contains("watched/text"));
}

/// Under the limits of its service it can take what belongs to others, and is asked before them.
#[test]
fn the_capabilities_of_the_service_are_enough() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/candor-gate.service");
    let unit = fs::read_to_string(unit).unwrap();
    let names = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
    let names: Vec<String> = names.split(' ').map(|name| name.replace("CAP_", "+").to_lowercase()).collect();
    let Some(ground) = Ground::unwatched() else { return };
    let (program, folder) = (ground.beside("limited"), ground.beside("vault"));
    let script = format!(
        "#!/bin/sh\nexec setpriv --inh-caps=-all --bounding-set=-all,{} {} \"$@\"\n",
        names.join(","),
        env!("CARGO_BIN_EXE_candor-gate")
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let configuration = format!("[protect]\nquarantine = true\nkill = true\nvault = {folder:?}\n");
    let Some(ground) = ground.watch_by(&program, &configuration) else { return };
    let status = fs::read_to_string(format!("/proc/{}/status", ground.supervisor())).unwrap();
    assert!(!status.contains("CapBnd:\t000001ff"), "{status}");
    let home = ground.path("home");
    fs::create_dir(&home).unwrap();
    let bad = ground.write("home/bad", &eicar());
    for (path, mode) in [(&bad, 0o600), (&home, 0o700)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    let _ = run("setpriv", &["--reuid=65534", "--clear-groups", "cat", bad.to_str().unwrap()]);
    until("it is taken", || !bad.exists());
    let gate = ground.status().processes.1;
    let priority = run("ps", &["-o", "ni=", "-p", &gate.to_string()]).stdout;
    assert_eq!(String::from_utf8_lossy(&priority).trim(), "-15");
}

/// A program that was allowed and runs.
fn runs(ground: &Ground) -> (std::path::PathBuf, Child) {
    let program = ground.path("program");
    fs::copy("/bin/sleep", &program).unwrap();
    let child = Command::new(&program).arg("1000").stdout(Stdio::null()).spawn().unwrap();
    (program, child)
}

#[test]
fn what_was_allowed_is_looked_at_again_with_new_databases() {
    let Some(ground) = Ground::unwatched() else { return };
    let place = ground.beside("test.cdb");
    database(&place, None);
    let Some(ground) = ground.watch(&format!("[database]\nfiles = [{place:?}]\n")) else { return };
    let (program, mut child) = runs(&ground);
    assert!(!is_refused(&program));
    until("it is known", || ground.count("remembered") > 0);
    database(&place, Some(Path::new("/bin/sleep")));
    assert!(ground.protect(&["reload"]).status.success());
    until("it is found", || ground.log().contains("Test.Known-1"));
    until("what runs is told", || ground.log().contains("\"running\""));
    assert!(ground.log().contains("\"again\""), "{}", ground.log());
    assert!(is_refused(&program));
    assert!(child.try_wait().unwrap().is_none(), "nobody wanted it to be ended");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_runs_is_ended_where_that_is_wanted() {
    let Some(ground) = Ground::unwatched() else { return };
    let place = ground.beside("test.cdb");
    database(&place, None);
    let configuration = format!("[database]\nfiles = [{place:?}]\n[protect]\nkill = true\n");
    let Some(ground) = ground.watch(&configuration) else { return };
    let (_, mut child) = runs(&ground);
    until("it is known", || ground.count("remembered") > 0);
    database(&place, Some(Path::new("/bin/sleep")));
    assert!(ground.protect(&["reload"]).status.success());
    until("it is ended", || child.try_wait().unwrap().is_some());
    until("it is told", || ground.log().contains("\"ended\":true"));
}
