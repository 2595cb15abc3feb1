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
    assert!(text.contains("# Workers that scan at once, at most 512.\n#workers =\n"), "{text}");
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
        ("[native]\nlisten = [\"tcp:127.0.0.1:1\"]\n", "descriptors travel through Unix sockets only"),
        (
            "[service]\nworkers = 4_000_000_000\n",
            "FILE:2: `service.workers`: 4000000000: expected a number between",
        ),
        ("[service]\nqueue = 0\n", "FILE:2: `service.queue`: 0: expected at least 1"),
        ("[limits]\nobjects = 0\n", "FILE:2: `limits.objects`"),
        ("[limits]\ndepth = 101\n", "FILE:2: `limits.depth`: 101: expected a number between 0 and 100"),
        ("[limits]\ntime = \"0s\"\n", "FILE:2: `limits.time`: nothing can be examined"),
        ("[clamd]\nparallel = 0\n", "FILE:2: `clamd.parallel`"),
        (
            "[milter]\nsocket_mode = 99999999\n",
            "FILE:2: `milter.socket_mode`: 0o575360377: expected permissions",
        ),
        ("[policy]\nfile = \"/dev/zero\"\n", "/dev/zero: it is no regular file"),
        ("[icap]\nblock_page = \"/dev/zero\"\n", "/dev/zero: it is no regular file"),
        (
            "[http]\nlisten = [\"tcp:127.0.0.1:1\"]\ntokens = \"/dev/zero\"\n",
            "/dev/zero: it is no regular file",
        ),
    ] {
        let (output, text) = config(&["check"], toml, &[]);
        assert_eq!(output.status.code(), Some(2), "{toml}{text}");
        assert!(text.contains(complaint), "{complaint}\nis not in\n{text}");
    }
    let (output, text) = config(&["check"], "", &[("CANDORD_SERVICE_WORKER_COUNT", "3")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("unknown variable CANDORD_SERVICE_WORKER_COUNT"), "{text}");
}

#[test]
fn a_configuration_is_a_regular_file() {
    for option in ["--config", "--clamd-config"] {
        let output =
            Command::new(candord()).env_clear().args(["config", "check", option, "/dev/zero"]).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{option}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("/dev/zero: it is no regular file"), "{told}");
    }
}

#[test]
fn a_clamd_conf_beyond_our_bounds_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clamd.conf");
    fs::write(&file, "\u{feff}LocalSocket /run/x\nMaxThreads 100000\nMaxRecursion 1000\n").unwrap();
    let (output, text) =
        config(&["check", "--clamd-config", file.to_str().unwrap()], "\u{feff}[service]\n", &[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("line 3: MaxRecursion: used: it is lowered to 100"), "{text}");
}
