//! `candor transition` from settings to evidence, and a removal with programs that do nothing.

mod program;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use program::{Ground, Seen};

const CHECKED: &str = r#"{"host":"web1","at":"2024-06-25T08:00:00Z","items":[
  {"product":"kaspersky-endpoint-security-linux","name":"KESL","version":"12.0","state":"installed","grade":"A","places":["/var/lib/dpkg/status"],
   "rulings":[{"rule":"us-icts-2021-002","ruling":"REPLACE","activity":"use","clause":"89 FR 52434",
     "next":[{"instant":"2024-09-29T04:00Z","activity":"update","what":"no updates"}]}]}]}"#;

fn ground() -> Ground {
    let ground = Ground::new();
    fs::write(ground.path("check.json"), CHECKED).unwrap();
    ground
}

#[test]
fn settings_become_files_and_replace_none() {
    let ground = Ground::new();
    fs::write(ground.path("kesl.ini"), "[General]\nUseKSN=Yes\n[Night.ScanScope.item_0000]\nPath=/srv\n[Night.ExcludedFromScanScope.item_0000]\nPath=/usr\n").unwrap();
    let import = ["transition", "import", "--from", "kesl", "kesl.ini", "--out", "new"];
    let seen = ground.run(&import);
    assert_eq!(seen.status, 1, "{}", seen.stdout);
    assert!(
        seen.stdout.contains("kesl.ini:5: Night: ExcludedFromScanScope: left out: /usr is examined"),
        "{}",
        seen.stdout
    );
    assert!(
        ground.path("new/candor-scan-night.service").is_file() && ground.path("new/report.txt").is_file()
    );
    let again = ground.run(&import);
    assert_eq!(again.status, 2);
    assert!(again.stderr.contains("it is there already"), "{}", again.stderr);
}

#[test]
fn a_plan_its_progress_and_its_evidence() {
    let ground = ground();
    let made = ground.run(&[
        "transition",
        "plan",
        "--from-check",
        "check.json",
        "--out",
        "plan.toml",
        "--start",
        "2024-06-21",
        "--owner",
        "Ada",
    ]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let text = fs::read_to_string(ground.path("plan.toml")).unwrap();
    assert!(text.contains("2024-09-29T04:00Z") && text.contains("owner = \"Ada\""));
    fs::write(ground.path("plan.toml"), format!("# mine\n{text}")).unwrap();
    let again = ground.run(&["transition", "plan", "--from-check", "check.json", "--out", "plan.toml"]);
    assert_eq!(again.status, 0, "{}", again.stderr);
    assert_eq!(fs::read_to_string(ground.path("plan.toml")).unwrap().lines().next(), Some("# mine"));
    let status = ground.run(&["transition", "status", "plan.toml", "--inventory", "check.json"]);
    assert_eq!(status.status, 1, "these days are over: {}", status.stdout);
    assert!(status.stdout.contains("late:"), "{}", status.stdout);

    assert_eq!(ground.run(&["transition", "key", "k"]).status, 0);
    assert_eq!(fs::metadata(ground.path("k")).unwrap().permissions().mode() & 0o777, 0o600);
    let report =
        ["transition", "report", "plan.toml", "--inventory", "check.json", "--key", "k", "--out", "pack"];
    let seen = ground.run(&report);
    assert_eq!(seen.status, 0, "{}", seen.stderr);
    assert_eq!(ground.run(&report).status, 2, "a pack replaces none");
    let verify = |more: &[&str]| ground.run(&[&["transition", "verify", "pack"], more].concat());
    let seen = verify(&["--key", "k.pub"]);
    assert_eq!(seen.status, 0, "{}{}", seen.stdout, seen.stderr);
    assert!(seen.stdout.contains("the plan and the status are the same"), "{}", seen.stdout);
    assert_eq!(verify(&[]).status, 3, "nobody vouched for the key");
    assert_eq!(ground.run(&["transition", "verify", "pack/pack.json", "--key", "k.pub"]).status, 3);
    assert_eq!(ground.run(&["transition", "key", "other"]).status, 0);
    assert_eq!(verify(&["--key", "other.pub"]).status, 1);
    fs::write(ground.path("pack/inputs/more"), "").unwrap();
    assert_eq!(verify(&["--key", "k.pub"]).status, 1);
    fs::remove_file(ground.path("pack/inputs/more")).unwrap();
    for name in ["report.html", "report.pdf", "inputs/check.json", "pack.json"] {
        let path = ground.path("pack").join(name);
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert_eq!(verify(&["--key", "k.pub"]).status, 1, "{name}");
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(verify(&["--key", "k.pub"]).status, 0);
}

/// A root in which dpkg says that the product is installed, and programs that only write down that they were run.
fn host(ground: &Ground) {
    let write = |name: &str, text: &str| {
        let path = ground.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write(
        "root/var/lib/dpkg/status",
        "Package: kesl\nStatus: install ok installed\nMaintainer: Kaspersky\nArchitecture: amd64\nVersion: 12.0\nDescription: x\n\n\
         Package: klnagent64\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 15.0\nDescription: x\n\n",
    );
    write("root/var/opt/kaspersky/kesl/common/kesl.ini", "");
    let ran = ground.path("ran").display().to_string();
    let status = ground.path("root/var/lib/dpkg/status").display().to_string();
    write(
        "commands/usr/bin/dpkg",
        &format!(
            "#!/bin/sh\necho dpkg \"$@\" >> {ran}\nprintf 'Package: bash\\nStatus: install ok installed\\n' > {status}\n"
        ),
    );
    write(
        "commands/opt/kaspersky/kesl/bin/kesl-control",
        &format!("#!/bin/sh\necho control \"$1\" >> {ran}\necho A=1 > \"$3\"\n"),
    );
}

/// Something that speaks clamd's protocol, says that it is `version`, and finds what it is given if it `detects`.
fn service(path: &Path, version: &'static str, detects: bool) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let answer = match &request[..length] {
                b"zPING\0" => "PONG".to_owned(),
                b"zVERSION\0" => version.to_owned(),
                _ if detects => "stream: Eicar-Test-Signature FOUND".to_owned(),
                _ => "stream: OK".to_owned(),
            };
            let _ = stream.write_all(format!("{answer}\0").as_bytes());
        }
    });
}

fn remove(ground: &Ground, more: &[&str], typed: &str) -> Seen {
    let fixed = [
        "transition",
        "remove",
        "--root",
        "root",
        "--command-root",
        "commands",
        "--socket",
        "s",
        "--notes",
        "notes",
    ];
    let mut command = ground.command(&[&fixed, more].concat());
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It need not read what nobody asked for.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    Seen::new(child.wait_with_output().unwrap())
}

fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

const YES: &str = "--yes-i-want-this-host-changed";

#[test]
fn by_default_nothing_is_run() {
    let ground = ground();
    host(&ground);
    let seen = remove(&ground, &[], "");
    assert_eq!(seen.status, 2);
    assert!(seen.stderr.contains("nothing is run by default"), "{}", seen.stderr);
    let seen = remove(&ground, &["--dry-run"], "");
    assert_eq!(seen.status, 1, "{}{}", seen.stdout, seen.stderr);
    for part in [
        "found: kesl 12.0 (dpkg)",
        "run: dpkg -P kesl\n",
        "kaspersky/kesl",
        "dpkg --purge klnagent64",
        "nothing would be removed now",
    ] {
        assert!(seen.stdout.contains(part), "{part}: {}", seen.stdout);
    }
    assert!(!seen.stdout.contains("kesl-gui\n"), "what is not installed is not removed: {}", seen.stdout);
    assert!(!ground.path("ran").exists() && !ground.path("notes").exists());
}

#[test]
fn nothing_is_run_before_something_protects_and_somebody_types_the_name() {
    let ground = ground();
    host(&ground);
    let name = format!("{}\n", host_name());
    let refused = |why: &str, typed: &str| {
        let seen = remove(&ground, &[YES], typed);
        assert_eq!(seen.status, 2, "{}", seen.stdout);
        assert!(seen.stderr.contains(why), "{}", seen.stderr);
        assert!(!ground.path("ran").exists() && !ground.path("notes").exists());
        let _ = fs::remove_file(ground.path("s"));
    };
    refused("does not answer", &name);
    service(&ground.path("s"), "ClamAV 1.4.6", true);
    refused("is not candord", &name);
    service(&ground.path("s"), "ClamAV 1.4.6-candor-0.1.0", false);
    refused("does not detect", &name);
    service(&ground.path("s"), "ClamAV 1.4.6-candor-0.1.0", true);
    refused("not the name of this host", "yes\n");
}

#[test]
fn a_removal_keeps_first_and_says_what_is_left() {
    let ground = ground();
    host(&ground);
    service(&ground.path("s"), "ClamAV 1.4.6-candor-0.1.0", true);
    let seen = remove(&ground, &[YES], &format!("{}\n", host_name()));
    assert_eq!(seen.status, 1, "settings are left: {}{}", seen.stdout, seen.stderr);
    let ran = fs::read_to_string(ground.path("ran")).unwrap();
    assert_eq!(ran, "control --export-settings\ndpkg -P kesl\n");
    assert!(seen.stdout.contains("left: root/var/opt/kaspersky/kesl"), "{}", seen.stdout);
    let notes = fs::read_dir(ground.path("notes")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::metadata(&notes).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(fs::read_to_string(notes.join("before.json")).unwrap().contains("\"12.0\""));
    assert_eq!(fs::read_to_string(notes.join("kesl.ini")).unwrap(), "A=1\n");
    let step = fs::read_to_string(notes.join("kaspersky-endpoint-security-linux-step-1.txt")).unwrap();
    assert!(step.contains("dpkg -P kesl") && step.contains("way back: "), "{step}");
}

#[test]
fn the_first_failure_ends_it() {
    let ground = ground();
    host(&ground);
    fs::write(
        ground.path("commands/opt/kaspersky/kesl/bin/kesl-control"),
        "#!/bin/sh\necho no licence >&2\nexit 3\n",
    )
    .unwrap();
    service(&ground.path("s"), "ClamAV 1.4.6-candor-0.1.0", true);
    let seen = remove(&ground, &[YES], &format!("{}\n", host_name()));
    assert_eq!(seen.status, 2);
    assert!(
        seen.stderr.contains("nothing was removed") && seen.stderr.contains("no licence"),
        "{}",
        seen.stderr
    );
    assert!(!ground.path("ran").exists());
}
