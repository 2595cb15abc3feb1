//! What `candord config` says.

mod program;

use std::fs;
use std::process::{Command, Output};

use program::candord;

fn config(arguments: &[&str], toml: &str, environment: &[(&str, &str)]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("candord.toml");
    fs::write(&file, toml).unwrap();
    let mut command = Command::new(candord());
    command
        .env_clear()
        .envs(environment.iter().copied())
        .arg("config")
        .args(arguments)
        .arg("--config")
        .arg(&file);
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap();
    (output, text.replace(file.to_str().unwrap(), "FILE"))
}

#[test]
fn every_value_has_its_origin() {
    let toml = "[service]\nqueue = 5\nworkers = 2\n\n[metrics]\nlisten = [\"tcp:127.0.0.1:9464\"]\n";
    let environment = [("CANDORD_SERVICE_WORKERS", "3"), ("CANDORD_LOG_LEVEL", "debug")];
    let (output, text) = config(&["show", "--origin", "--set", "limits.time=5m"], toml, &environment);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in [
        "queue = 5  # FILE:2",
        "workers = 3  # environment CANDORD_SERVICE_WORKERS",
        "listen = [\"tcp:127.0.0.1:9464\"]  # FILE:6",
        "level = \"debug\"  # environment CANDORD_LOG_LEVEL",
        "time = \"5m\"  # command line",
        "depth = 24  # default",
        "# user =  # default",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing:\n{text}");
    }
    let (_, plain) = config(&["show"], &text, &[]);
    assert!(plain.contains("workers = 3\n") && !plain.contains("# default"), "{plain}");
}

#[test]
fn the_defaults_are_explained_and_can_be_used() {
    let (output, text) = config(&["defaults"], "", &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("# Workers that scan at once.\n#workers =\n"), "{text}");
    let (output, _) = config(&["check"], &text, &[]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_cannot_work_is_told() {
    for (toml, complaint) in [
        ("[service]\nuser = \"no-such-user\"\n", "there is no user no-such-user"),
        ("[service]\nworker = \"/nonexistent\"\n", "service.worker"),
        ("[database]\nfiles = [\"/nonexistent\"]\n", "candor db build"),
        ("[database]\nfiles = [\"/dev/null\"]\n", "it is no regular file"),
        ("[service]\ntemporary = \"/nonexistent\"\n", "service.temporary"),
        ("[metrics]\nconnections = 0\n", "metrics.connections"),
        (
            "[metrics]\nlisten = [\"127.0.0.1:1\"]\n",
            "FILE:2: `metrics.listen`: \"127.0.0.1:1\": expected unix:/PATH",
        ),
        ("[service]\nworkers = 0\n", "FILE:2: `service.workers`"),
        ("[log]\nlevel = \"loud\"\n", "FILE:2: `log.level`: unknown variant `loud`, expected one of `error`"),
        ("workers = 1\n", "FILE:1: unknown key `workers`"),
        ("service = 1\n", "FILE:1: `service` is a table: write [service]"),
        ("[service]\nqueue = 1\nqueue = 2\n", "FILE:3: duplicate key"),
        ("\n\n[service\n", "FILE:3: "),
        ("[policy]\nfile = \"/nonexistent\"\n", "/nonexistent"),
        ("[http]\nlisten = [\"tcp:0.0.0.0:1\"]\n", "`[http]` cannot be used"),
        ("[http]\nlisten = [\"tcp:127.0.0.1:1\"]\ntokens = \"/nonexistent\"\n", "/nonexistent"),
    ] {
        let (output, text) = config(&["check"], toml, &[]);
        assert_eq!(output.status.code(), Some(2), "{toml}{text}");
        assert!(text.contains(complaint), "{complaint}\nis not in\n{text}");
    }
    let (output, text) = config(&["check"], "", &[("CANDORD_SERVICE_WORKER_COUNT", "3")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("unknown variable CANDORD_SERVICE_WORKER_COUNT"), "{text}");
}
