//! Feeds as a user has them: from a folder and over HTTP, pinned, signed and by nobody, poisoned, switched off, cut short.

mod program;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use program::{Ground, Seen};
use sha2::{Digest, Sha256};

/// Two rules, each of which finds a file of its own.
const RULES: &str = "rule Loud_Rule { strings: $a = \"first thing that is known\" condition: $a }
rule Quiet_Rule { strings: $a = \"second thing that is known\" condition: $a }
";
/// The public key of the tests of minisign, and its signature of `test`.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==
";

/// A ground with a configuration of one feed, called `mine`, whose place and proof these lines name.
fn ground(source: &str) -> Ground {
    let ground = Ground::new();
    for folder in ["publisher", "good", "store", "staging"] {
        fs::create_dir(ground.path(folder)).unwrap();
    }
    fs::write(ground.path("good/tool"), "our own tool: inert content that must not be found").unwrap();
    fs::write(ground.path("publisher/rules.yar"), RULES).unwrap();
    ground.file("one", b"here is the first thing that is known");
    ground.file("two", b"here is the second thing that is known");
    configure(&ground, source);
    ground
}

fn configure(ground: &Ground, source: &str) {
    let text = format!(
        "mirrors = []\nroot = 'root.json'\npolicy = 'policy'\nstore = 'store'\nstaging = 'staging'\n[gate]\npackages = \
         false\nknown_good = ['good']\n[[source]]\nname = 'mine'\nlicence = 'MIT'\n{source}\n"
    );
    fs::write(ground.path("update.toml"), text).unwrap();
}

const FOLDER: &str = "url = 'publisher'\nfile = 'rules.yar'";

fn update(ground: &Ground) -> Seen {
    ground.run(&["update", "--config", "update.toml", "--from", "mine"])
}

fn rules(ground: &Ground, more: &[&str]) -> Seen {
    let all: Vec<&str> = ["rules", "--config", "update.toml"].iter().chain(more).copied().collect();
    ground.run(&all)
}

/// The names of files in which something is found.
fn found(ground: &Ground) -> Vec<&'static str> {
    let seen = ground.run(&["scan", "files", "--store", "store", "--no-clamav", "--alone", "--quiet"]);
    ["one", "two"].into_iter().filter(|name| seen.stdout.contains(&format!("files/{name}"))).collect()
}

#[test]
fn a_feed_of_a_folder_is_used_and_its_rules_are_switched_off_and_on() {
    let ground = ground(FOLDER);
    let done = update(&ground).expect(0);
    assert!(done.stdout.contains("mine: in use") && done.stdout.contains("nobody signed it"), "{done:?}");
    assert!(update(&ground).expect(0).stdout.contains("nothing newer"));
    assert_eq!(found(&ground), ["one", "two"]);
    let listed = rules(&ground, &["list"]).expect(0).stdout;
    assert!(listed.contains("Loud_Rule\tmine\tMIT\n"), "{listed}");

    rules(&ground, &["disable", "Loud_Rule", "--reason", "finds our installer"]).expect(0);
    assert_eq!(found(&ground), ["two"]);
    let listed = rules(&ground, &["list", "--disabled"]).expect(0).stdout;
    assert!(listed.contains("Loud_Rule\tmine\tMIT\tdisabled: finds our installer"), "{listed}");
    assert!(!listed.contains("Quiet_Rule"), "{listed}");

    // The database that has the rule no more, and the policy that leaves it out, are each enough.
    let list = ground.path("store/disabled.toml");
    let kept = fs::read(&list).unwrap();
    fs::remove_file(&list).unwrap();
    assert_eq!(found(&ground), ["two"]);
    fs::write(&list, kept).unwrap();

    rules(&ground, &["enable", "Loud_Rule"]).expect(0);
    assert_eq!(found(&ground), ["one", "two"]);
    fs::write(&list, "[rules]\nLoud_Rule = 'why'\n").unwrap();
    assert_eq!(found(&ground), ["two"]);
    let arguments = ["explain", "files/one", "--store", "store", "--no-clamav", "--alone"];
    let explained = ground.run(&arguments).expect(0).stdout;
    assert!(explained.contains("disabled by `candor rules disable`"), "{explained}");
}

#[test]
fn a_feed_comes_over_http_if_its_digest_is_pinned() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let (status, body) = if request.contains(" /feed/rules.yar ") { (200, RULES) } else { (404, "") };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = stream.write_all(head.as_bytes());
        }
    });
    let source = |digest: &str, path: &str| {
        format!("url = 'http://127.0.0.1:{port}/{path}'\nfile = 'rules.yar'\nsha256 = '{digest}'")
    };
    let right = hex::encode(Sha256::digest(RULES));
    let ground = ground(&source(&"00".repeat(32), "feed/"));
    let refused = update(&ground).expect(1);
    assert!(refused.stdout.contains("the configuration pins"), "{refused:?}");
    assert!(found(&ground).is_empty());
    configure(&ground, &source(&right, "nowhere"));
    update(&ground).expect(2);
    configure(&ground, &source(&right, "feed/"));
    assert!(update(&ground).expect(0).stdout.contains("pinned by its digest"));
    assert_eq!(found(&ground), ["one", "two"]);
    configure(&ground, &format!("url = 'http://127.0.0.1:{port}/feed/'\nfile = 'rules.yar'"));
    assert!(update(&ground).expect(2).stderr.contains("must come over https"));
}

#[test]
fn a_wrong_signature_is_refused() {
    let source = format!("{FOLDER}\nsignature = 'publisher/rules.minisig'\nkey = '{KEY}'");
    let ground = ground(&source);
    update(&ground).expect(2);
    fs::write(ground.path("publisher/rules.minisig"), SIGNATURE).unwrap();
    let refused = update(&ground).expect(1);
    assert!(refused.stdout.contains("refused: its signature"), "{refused:?}");
    // What is signed is believed, and has no rule in it.
    fs::write(ground.path("publisher/rules.yar"), "test").unwrap();
    let refused = update(&ground).expect(1);
    assert!(refused.stdout.contains("no signature in it can be used"), "{refused:?}");
}

/// A signature of minisign's older form: of the content, and of itself with the comment.
fn signed(content: &[u8], comment: &str) -> (String, String) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let (kind, id) = (b"Ed", [1; 8]);
    let public = Base64::encode_string(&[kind, &id[..], key.verifying_key().as_bytes()].concat());
    let signature = key.sign(content).to_bytes();
    let first = Base64::encode_string(&[kind, &id[..], &signature].concat());
    let second = Base64::encode_string(&key.sign(&[&signature, comment.as_bytes()].concat()).to_bytes());
    (public, format!("untrusted comment: x\n{first}\ntrusted comment: {comment}\n{second}\n"))
}

#[test]
fn an_old_signed_feed_does_not_replace_a_newer_one() {
    let less = RULES.lines().last().unwrap();
    let (key, new) = signed(RULES.as_bytes(), "timestamp:2000\tfile:rules.yar");
    let (_, old) = signed(less.as_bytes(), "timestamp:1000\tfile:rules.yar");
    let source = format!("{FOLDER}\nsignature = 'publisher/rules.minisig'\nkey = '{key}'");
    let ground = ground(&source);
    fs::write(ground.path("publisher/rules.minisig"), new).unwrap();
    update(&ground).expect(0);
    fs::write(ground.path("publisher/rules.yar"), less).unwrap();
    fs::write(ground.path("publisher/rules.minisig"), old).unwrap();
    let refused = update(&ground).expect(1);
    assert!(refused.stdout.contains("it was signed at 1000, before what is in use (2000"), "{refused:?}");
    assert_eq!(found(&ground), ["one", "two"]);
    // A rule that is switched off makes the database anew, and forgets nothing.
    rules(&ground, &["disable", "Loud_Rule"]).expect(0);
    update(&ground).expect(1);
    assert_eq!(found(&ground), ["two"]);
    let status = ground.run(&["update", "status", "--config", "update.toml"]).expect(1);
    assert!(status.stdout.contains("feeds only") && status.stdout.contains("mine: refused"), "{status:?}");
    // Whoever wants the old one says which.
    let digest = hex::encode(Sha256::digest(less));
    configure(&ground, &format!("{source}\nsha256 = '{digest}'"));
    update(&ground).expect(0);
}

#[test]
fn a_poisoned_feed_is_held_and_the_last_good_one_stays() {
    let ground = ground(FOLDER);
    update(&ground).expect(0);
    let poison = "rule Poison { strings: $a = \"our own tool\" condition: $a }\n";
    fs::write(ground.path("publisher/rules.yar"), format!("{RULES}{poison}")).unwrap();
    for _ in 0..2 {
        let held = update(&ground).expect(1);
        assert!(held.stdout.contains("mine: held") && held.stdout.contains("Poison"), "{held:?}");
        assert_eq!(found(&ground), ["one", "two"]);
    }
    let status = fs::read_to_string(ground.path("store/feeds/mine/status.json")).unwrap();
    assert!(status.contains("\"held\""), "{status}");
    // Without the rule that is to blame it may be used.
    rules(&ground, &["disable", "Poison"]).expect(0);
    let used = update(&ground).expect(0);
    assert!(used.stdout.contains("mine: in use"), "{used:?}");
}

#[test]
fn a_cut_between_steps_leaves_the_old_one_or_the_new_one() {
    let ground = ground(FOLDER);
    update(&ground).expect(0);
    let less = RULES.lines().last().unwrap();
    fs::write(ground.path("publisher/rules.yar"), less).unwrap();
    for step in ["SegmentWritten", "BeforeAdmission", "Admitted"] {
        let mut command = ground.command(&["update", "--config", "update.toml", "--from", "mine"]);
        let output = command.env("CANDOR_UPDATE_DIES_AT", step).output().unwrap();
        assert!(output.status.code().is_none(), "{step}: {output:?}");
        assert_eq!(found(&ground), ["one", "two"], "{step}");
    }
    update(&ground).expect(0);
    assert_eq!(found(&ground), ["two"]);
    assert!(fs::canonicalize(ground.path("store/feeds/mine/previous/mine.cdb")).is_ok());
    assert!(fs::read_dir(ground.path("store/feeds/mine/versions")).unwrap().count() == 2);
}

#[test]
fn broken_lines_cost_no_other_lines() {
    let ground = ground("url = 'publisher/bad.sha256'\nfile = 'bad.sha256'");
    let digest = hex::encode(Sha256::digest(fs::read(ground.path("files/two")).unwrap()));
    fs::write(ground.path("publisher/bad.sha256"), format!("\x1b[31mno digest\n{digest} Known.Two\n"))
        .unwrap();
    let used = update(&ground).expect(0);
    assert!(used.stdout.contains("left out  1 rule") && !used.stdout.contains('\x1b'), "{used:?}");
    assert_eq!(found(&ground), ["two"]);
    fs::write(ground.path("publisher/bad.sha256"), "no digest\n").unwrap();
    let refused = update(&ground).expect(1);
    assert!(refused.stdout.contains("no signature in it can be used: bad.sha256:1:"), "{refused:?}");
    assert_eq!(found(&ground), ["two"]);
}

#[test]
fn a_feed_that_the_configuration_has_no_more_leaves_and_feeds_need_no_mirrors() {
    let ground = ground(FOLDER);
    let configure = |sources: &[(&str, bool)]| {
        let mut text =
            "store = 'store'\nstaging = 'staging'\n[gate]\npackages = false\nknown_good = ['good']\n"
                .to_owned();
        for (name, enabled) in sources {
            text += &format!("[[source]]\nname = '{name}'\nlicence = 'MIT'\nenabled = {enabled}\n{FOLDER}\n");
        }
        fs::write(ground.path("update.toml"), text).unwrap();
    };
    let all = || ground.run(&["update", "--config", "update.toml"]);
    configure(&[("mine", true)]);
    assert!(all().expect(0).stdout.contains("mine: in use"));
    assert_eq!(found(&ground), ["one", "two"]);
    let refused = ground.run(&["update", "--config", "update.toml", "--to", "1"]).expect(2);
    assert!(refused.stderr.contains("has feeds only"), "{refused:?}");

    // One that is switched off is kept; one that is gone is not.
    configure(&[("mine", false)]);
    all().expect(0);
    assert_eq!(found(&ground), ["one", "two"]);
    configure(&[("other", false)]);
    let done = all().expect(0);
    assert!(done.stdout.contains("mine: removed: the configuration has it no more"), "{done:?}");
    assert!(found(&ground).is_empty() && !ground.path("store/feeds/mine").exists());
    assert!(!all().expect(0).stdout.contains("mine"));
}
