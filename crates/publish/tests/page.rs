//! Runs the commands of `docs/publishing.md`, so that they stay true.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Ports that the page uses.
const PORTS: [&str; 5] = ["7381", "7382", "7383", "7390", "7391"];
/// Programs that the page uses, beside this one's.
const PROGRAMS: [&str; 5] = ["candor", "candor-fetch", "candor-loader", "candor-witness", "candor-worker"];

#[test]
fn the_commands_of_the_page_work() {
    let programs = Path::new(env!("CARGO_BIN_EXE_candor-publish")).parent().expect("a folder");
    if let Some(missing) = PROGRAMS.iter().find(|name| !programs.join(name).exists()) {
        eprintln!("skipped: {missing} is not built; cargo build builds it");
        return;
    }
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/publishing.md"));
    let script = script(&page.expect("the page"));
    assert!(script.contains("release publish") && script.contains("candor update"));
    let ground = tempfile::tempdir().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euc", &script])
        .current_dir(ground.path())
        .env("PATH", format!("{}:{path}", programs.display()))
        .output()
        .expect("a shell");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", said(&output.stdout), said(&output.stderr));
    for (name, content) in [("feed/mirror/releases/latest", "2\n"), ("mirror2/releases/latest", "2\n")] {
        assert_eq!(fs::read_to_string(ground.path().join(name)).expect("a mirror"), content);
    }
    assert!(
        ground.path().join("client/store/releases/2/day.cdb").exists(),
        "the client has no second release"
    );
    assert!(ground.path().join("week.tar").exists());
    // The attacks of the page: forged, behind, without witnesses.
    let said = said(&output.stdout);
    let lines = |wanted: &str| said.lines().filter(|line| *line == wanted).count();
    assert_eq!((lines("refused"), lines("not fresh")), (3, 1), "{said}");
    assert!(
        said.contains("rollback") && said.contains("the quorum of witnesses has not seen this"),
        "{said}"
    );
}

/// The page's shell blocks, with ports that are free, and an end for what runs beside.
fn script(page: &str) -> String {
    let mut script = String::from("set -o pipefail\ntrap 'kill $(jobs -p)' EXIT\n");
    let mut inside = false;
    for line in page.lines() {
        match (line, inside) {
            ("```sh", false) => inside = true,
            ("```", true) => {
                inside = false;
                // What was started beside may need a moment.
                script.push_str("sleep 1\n");
            }
            (line, true) => script.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    // Vetting with the files of packages takes a minute, and has tests of its own.
    let script = script.replace("staging = \"staging\"", "staging = \"staging\"\n[gate]\npackages = false");
    let listeners = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let ports = listeners.each_ref().map(|listener| listener.local_addr().expect("a port").port());
    let script =
        script.replace("738$n", &format!("$(echo {} {} {} | cut -d' ' -f$n)", ports[0], ports[1], ports[2]));
    PORTS.iter().zip(ports).fold(script, |script, (port, free)| script.replace(port, &free.to_string()))
}
