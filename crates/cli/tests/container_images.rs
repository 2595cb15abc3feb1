//! `candor check --image` on images that `umoci` and `skopeo` of Debian make: what a later layer replaces or removes is no
//! longer in the image. Skipped where they are not installed.

mod program;

use std::path::Path;
use std::process::Command;

use program::Ground;

const STATUS: &str = "/var/lib/dpkg/status";

/// Runs a program in the folder; no result if it is not installed.
fn run(ground: &Ground, program: &str, arguments: &str) -> Option<()> {
    let done = Command::new(program).args(arguments.split_whitespace()).current_dir(ground.path("")).output();
    let done = match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        other => other.unwrap(),
    };
    assert!(done.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    Some(())
}

/// Makes the layout `L` with three images: the product's package, another list of packages over it, and none.
fn make(ground: &Ground) -> Option<()> {
    let status =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prohibited/linux-kesl/var/lib/dpkg/status");
    std::fs::copy(status, ground.path("with")).unwrap();
    std::fs::write(
        ground.path("without"),
        "Package: base-files\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n",
    )
    .unwrap();
    run(ground, "umoci", "init --layout L")?;
    run(ground, "umoci", "new --image L:with")?;
    run(ground, "umoci", &format!("insert --rootless --image L:with with {STATUS}"))?;
    run(ground, "umoci", &format!("insert --rootless --image L:with --tag replaced without {STATUS}"))?;
    run(ground, "umoci", &format!("insert --rootless --image L:with --tag removed --whiteout {STATUS}"))
}

#[test]
fn layers_lie_over_each_other() {
    let ground = Ground::new();
    if make(&ground).is_none() {
        eprintln!("skipped: umoci is not installed");
        return;
    }
    for (tag, found) in [("with", true), ("replaced", false), ("removed", false)] {
        for kind in ["oci-archive", "docker-archive"] {
            let image = format!("{tag}-{kind}.tar");
            let copy = format!("--insecure-policy copy -q oci:L:{tag} {kind}:{image}:image:{tag}");
            if run(&ground, "skopeo", &copy).is_none() {
                eprintln!("skipped: skopeo is not installed");
                return;
            }
            let asked = "check --as user --person us --place US --date 2024-08-15 --format json --image";
            let mut arguments: Vec<&str> = asked.split(' ').collect();
            arguments.push(&image);
            let seen = ground.run(&arguments);
            let document: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
            let items = document["items"].as_array().unwrap();
            assert_eq!(
                items.iter().any(|item| item["product"] == "kaspersky-endpoint-security-linux"),
                found,
                "{image}: {document:#}"
            );
            assert!(found || items.is_empty(), "{image}: {document:#}");
        }
    }
}
