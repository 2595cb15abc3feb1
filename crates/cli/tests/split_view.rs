//! Two histories of one log, made by who holds all its keys, before real witnesses and real clients.
//!
//! Everything here is a program: `candor-publish`, three times `candor-witness serve`, and `candor update`.

mod program;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use candor_publish::log::Log;
use candor_tlog::{Checkpoint, Submission};
use program::{Ground, Seen, build_publisher, build_worker};
use tempfile::TempDir;

const ORIGIN: &str = "log.example.org/candor";
/// The holders of the keys that sign releases, and for whom.
const KEYS: [(&str, &str); 8] = [
    ("ada", "vendor"),
    ("bela", "Example eV"),
    ("chidi", "University"),
    ("targets1", "vendor"),
    ("targets2", "Example eV"),
    ("targets3", "University"),
    ("snapshot", "vendor"),
    ("timestamp", "vendor"),
];

/// A folder in which one of our programs is run.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Seen {
    let mut command = Command::new(build_publisher().join(program));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    Seen::new(command.output().unwrap())
}

/// `candor-witness serve`, which ends with this value.
struct Witness {
    child: Child,
    address: SocketAddr,
    vkey: String,
    folder: PathBuf,
    said: BufReader<std::process::ChildStderr>,
}

impl Witness {
    /// A witness of this log with a key of its own.
    fn new(ground: &Path, number: usize, log: &str) -> Self {
        let folder = ground.join(format!("witness{number}"));
        fs::create_dir(&folder).unwrap();
        let name = format!("w{number}.example.org");
        let vkey = run(&folder, "candor", &["witness", "key", "--name", &name, "--out", "key"]).expect(0);
        Self::with_key(folder, vkey.stdout.trim_end(), log)
    }

    /// A second one with the key of the first that remembers nothing of what the first has seen: a liar.
    fn twin(&self, log: &str) -> Self {
        let folder = self.folder.with_extension("twin");
        fs::create_dir(&folder).unwrap();
        fs::copy(self.folder.join("key"), folder.join("key")).unwrap();
        Self::with_key(folder, &self.vkey, log)
    }

    fn with_key(folder: PathBuf, vkey: &str, log: &str) -> Self {
        let configuration = format!(
            "listen = \"127.0.0.1:0\"\nstate = \"{}/state\"\nkeys = [\"{}/key\"]\n[[log]]\nvkey = \"{log}\"\n",
            folder.display(),
            folder.display()
        );
        fs::write(folder.join("witness.toml"), configuration).unwrap();
        run(&folder, "candor", &["witness", "init", "--config", "witness.toml"]).expect(0);
        let mut command = Command::new(build_publisher().join("candor-witness"));
        command.args(["serve", "--config", "witness.toml"]).current_dir(&folder);
        command.env_remove("JOURNAL_STREAM").stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "it did not start: {:?}", child.wait());
            if let Some((_, after)) = line.split_once("listening at http://") {
                break after.split([',', '/']).next().unwrap().parse().unwrap();
            }
        };
        Self { child, address, vkey: vkey.to_owned(), folder, said }
    }

    /// Posts a checkpoint: the status, and the body.
    fn add(&self, submission: &Submission) -> (u16, String) {
        let body = submission.to_bytes();
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The files with evidence.
    fn evidence(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.join("evidence")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Ends it; what it said since it listened.
    fn stop(mut self) -> String {
        self.child.kill().unwrap();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A publisher that has published one release to everybody, its witnesses, and machines.
struct World {
    folder: TempDir,
    log: String,
    witnesses: Vec<Witness>,
}

impl World {
    fn new() -> Self {
        build_worker();
        let folder = TempDir::new().unwrap();
        let ground = folder.path();
        let publish = |arguments: &[&str]| run(ground, "candor-publish", arguments).expect(0).stdout;
        let log = publish(&["key", "new", "--kind", "log", "--name", ORIGIN, "--out", "log.key"]);
        let log = log.trim_end().to_owned();
        for (name, party) in KEYS {
            let out = format!("{name}.pem");
            publish(&["key", "new", "--kind", "tuf", "--name", name, "--party", party, "--out", &out]);
        }
        let mut root = vec!["root", "new", "--out", "root.json", "--expires", "2100-01-01"];
        root.extend([
            "--root-key",
            "ada.pem.pub",
            "--root-key",
            "bela.pem.pub",
            "--root-key",
            "chidi.pem.pub",
        ]);
        root.extend(["--root-threshold", "3", "--targets-threshold", "2"]);
        for key in ["targets1.pem.pub", "targets2.pem.pub", "targets3.pem.pub"] {
            root.extend(["--targets-key", key]);
        }
        root.extend(["--snapshot-key", "snapshot.pem.pub", "--timestamp-key", "timestamp.pem.pub"]);
        publish(&root);
        for key in ["ada.pem", "bela.pem", "chidi.pem"] {
            publish(&["root", "sign", "root.json", "--key", key, "--yes"]);
        }
        let witnesses: Vec<Witness> = (1..=3).map(|number| Witness::new(ground, number, &log)).collect();
        let mut init = vec!["init", "feed", "--origin", ORIGIN, "--log-key", "log.key"];
        init.extend(["--snapshot-key", "snapshot.pem", "--timestamp-key", "timestamp.pem"]);
        let asked: Vec<String> =
            witnesses.iter().map(|witness| format!("http://{}={}", witness.address, witness.vkey)).collect();
        init.extend(asked.iter().flat_map(|asked| ["--witness", asked]));
        publish(&init);
        publish(&["root", "publish", "feed", "root.json"]);
        let world = Self { folder, log, witnesses };
        world.release("feed", "the first text");
        world.seen_to_publish("feed").expect(0);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn publish(&self, arguments: &[&str]) -> Seen {
        run(self.folder.path(), "candor-publish", arguments)
    }

    /// Makes and signs a release that finds this text.
    fn release(&self, feed: &str, text: &str) {
        let sources = self.path("sources");
        fs::create_dir_all(&sources).unwrap();
        fs::write(sources.join("day.ndb"), format!("Test.Day-1:0:*:{}\n", hex::encode(text))).unwrap();
        let build = ["release", "build", feed, "--segment", "day=sources", "--source", text];
        self.publish(&build).expect(0);
        for key in ["targets1.pem", "targets2.pem"] {
            self.publish(&["release", "sign", feed, "--key", key, "--yes"]).expect(0);
        }
    }

    fn seen_to_publish(&self, feed: &str) -> Seen {
        self.publish(&["release", "publish", feed])
    }

    /// A machine that asks the mirror of this feed. `quorum` is the end of its policy, as text.
    fn machine(&self, feed: &str, quorum: &str) -> Machine {
        let ground = Ground::new();
        fs::copy(self.path("feed/roots/1.root.json"), ground.path("root.json")).unwrap();
        let mut policy = format!("log {}\n", self.log);
        for (number, witness) in self.witnesses.iter().enumerate() {
            policy.push_str(&format!("witness w{} {}\n", number + 1, witness.vkey));
        }
        fs::write(ground.path("policy"), format!("{policy}{quorum}\n")).unwrap();
        let machine = Machine { ground };
        machine.ask(&self.path(feed).join("mirror"));
        machine
    }

    /// The publisher begins a second history: everything as it is, in another folder.
    fn copy_of_feed(&self, to: &str) {
        copy(&self.path("feed"), &self.path(to));
    }

    /// From here on this copy asks these witnesses only.
    fn ask_only(&self, feed: &str, witnesses: &[&Witness]) {
        let path = self.path(feed).join("publisher.toml");
        let text = fs::read_to_string(&path).unwrap();
        let mut text = text[..text.find("[[witness]]").unwrap()].to_owned();
        for witness in witnesses {
            text.push_str(&format!(
                "[[witness]]\nurl = \"http://{}\"\nvkey = \"{}\"\n",
                witness.address, witness.vkey
            ));
        }
        fs::write(path, text).unwrap();
    }

    /// What the publisher of this copy would send to a witness of `old` entries.
    fn submission(&self, feed: &str, old: u64) -> Submission {
        let log = Log::open(&self.path(feed).join("log"), ORIGIN).unwrap();
        let note = log.signed().unwrap().unwrap();
        let checkpoint = Checkpoint::read(&note).unwrap();
        Submission { old, proof: log.consistency(old).unwrap(), note, checkpoint }
    }
}

/// The quorum of the project's own policy.
const TWO_OF_THREE: &str = "group all 2 w1 w2 w3\nquorum all";

struct Machine {
    ground: Ground,
}

impl Machine {
    /// Lets it ask another mirror.
    fn ask(&self, mirror: &Path) {
        let text = format!(
            "mirrors = ['{}']\nroot = 'root.json'\npolicy = 'policy'\nstore = 'store'\nstaging = 'staging'\n\
             [gate]\npackages = false\n",
            mirror.display()
        );
        fs::write(self.ground.path("update.toml"), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Seen {
        let mut command = self.ground.command(arguments);
        command.args(["--config", "update.toml"]);
        Seen::new(command.output().unwrap())
    }

    fn finds(&self, text: &str) -> bool {
        let path = self.ground.file("sample", text.as_bytes());
        let arguments = ["scan", "--alone", "--no-clamav", "--store", "store", path.to_str().unwrap()];
        let seen = self.ground.run(&arguments);
        assert!(seen.status < 2, "{seen:?}");
        seen.status == 1
    }

    /// Proofs of split views in its store.
    fn proofs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.ground.path("store")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_string_lossy().contains("split-view-")).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { assert!(fs::copy(&path, &target).is_ok()) }
    }
}

#[test]
fn witnesses_refuse_the_second_history_and_keep_the_proof() {
    let mut world = World::new();
    world.copy_of_feed("victim");
    world.release("feed", "for everybody");
    world.seen_to_publish("feed").expect(0);
    world.release("victim", "for the victim");
    let mirror = fs::read(world.path("victim/mirror/checkpoint")).unwrap();
    let seen = world.seen_to_publish("victim").expect(2);
    for part in ["nothing is published", "w1.example.org: it has seen ANOTHER HISTORY of this log", "(409)"] {
        assert!(seen.stderr.contains(part), "{part}: {seen:#?}");
    }
    assert_eq!(fs::read(world.path("victim/mirror/checkpoint")).unwrap(), mirror, "the mirror is as it was");
    // What a witness says, to whoever asks in whatever way.
    let submission = world.submission("victim", 1);
    assert_eq!(world.witnesses[0].add(&submission), (409, "2\n".to_owned()), "from another size");
    let of_size = |old: u64| world.submission("victim", old);
    let (status, reason) = world.witnesses[0].add(&of_size(2));
    assert_eq!((status, reason.as_str()), (409, "another tree of this size was cosigned before\n"));
    // A longer one, whose proof is right for the history that it is of.
    world.ask_only("victim", &[]);
    world.seen_to_publish("victim").expect(0);
    world.release("victim", "once more for the victim");
    world.seen_to_publish("victim").expect(0);
    let (status, reason) = world.witnesses[0].add(&of_size(2));
    assert_eq!(status, 422, "{reason}");
    assert!(!reason.contains('—') && reason.ends_with('\n'), "a reason and no cosignature: {reason}");
    // The first contradiction convicts the log. The second is a question: the proof that was sent leaves out the hash that
    // would convict, since two is a power of two.
    let kept = world.witnesses[0].evidence();
    assert_eq!(kept.len(), 2, "one for each size: {kept:?}");
    for path in &kept {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let checked = ["witness", "evidence", path.to_str().unwrap(), "--log", &world.log];
        let seen = run(world.folder.path(), "candor", &checked);
        if name.starts_with("fork-") {
            assert!(seen.expect(0).stdout.contains(&format!("{ORIGIN} signed two histories")), "{name}");
        } else {
            assert!(name.starts_with("question-"), "{name}");
            seen.expect(2);
        }
    }
    assert_ne!(kept[0].file_name().unwrap().as_bytes()[0], kept[1].file_name().unwrap().as_bytes()[0]);
    let said = world.witnesses.remove(0).stop();
    assert!(said.contains("SPLIT VIEW") && said.contains("fork-"), "{said}");
    assert!(said.contains("nobody proved to continue the last") && said.contains("question-"), "{said}");
    // The first history goes on, with what is left of the witnesses: two of three.
    world.release("feed", "for everybody again");
    world.seen_to_publish("feed").expect(0);
}

#[test]
fn who_is_shown_what_no_witness_saw_refuses_it_and_says_why() {
    let world = World::new();
    let everybody = world.machine("feed", TWO_OF_THREE);
    let victim = world.machine("feed", TWO_OF_THREE);
    for machine in [&everybody, &victim] {
        machine.run(&["update"]).expect(0);
        assert!(machine.finds("the first text"));
    }
    world.copy_of_feed("other");
    world.release("feed", "for everybody");
    world.seen_to_publish("feed").expect(0);
    everybody.run(&["update"]).expect(0);
    world.ask_only("other", &[]);
    world.release("other", "for the victim");
    world.seen_to_publish("other").expect(0);
    // It has never seen the first history's second release: only the witnesses stand in the way.
    let mirror = world.path("other/mirror");
    victim.ask(&mirror);
    let seen = victim.run(&["update"]).expect(1);
    for part in
        ["refused (no-quorum)", "w1 has not cosigned it", "w3 has not cosigned it", "release 1 stays in use"]
    {
        assert!(seen.stdout.contains(part), "{part}: {seen:#?}");
    }
    let status = victim.run(&["update", "status"]).expect(1);
    for part in ["in use    release 1", "last      refused", "the quorum of witnesses has not seen this"] {
        assert!(status.stdout.contains(part), "{part}: {status:#?}");
    }
    assert!(victim.finds("the first text") && !victim.finds("for the victim"));
    // Who has seen the first history sees the contradiction itself, and keeps the proof.
    everybody.ask(&mirror);
    let seen = everybody.run(&["update"]).expect(1);
    assert!(seen.stdout.contains("refused (split-view)"), "{seen:?}");
    assert!(seen.stdout.contains("release 2 stays in use"), "{seen:?}");
    assert!(everybody.run(&["update", "status"]).expect(1).stdout.contains("two histories"));
    assert!(everybody.finds("for everybody") && !everybody.finds("for the victim"));
    let [proof] = everybody.proofs().try_into().unwrap();
    assert!(seen.stderr.contains(proof.to_str().unwrap()), "{seen:?}");
    let checked = ["witness", "evidence", proof.to_str().unwrap(), "--log", &world.log];
    run(world.folder.path(), "candor", &checked).expect(0);
    // The victim is none for ever: with the right mirror it goes on.
    victim.ask(&world.path("feed/mirror"));
    victim.run(&["update"]).expect(0);
    assert!(victim.finds("for everybody"));
}

/// Where nobody honest is demanded both histories are taken, and two machines that meet prove it.
fn both_are_taken_and_it_is_proven(world: &World, quorum: &str, second_history: impl FnOnce(&World)) {
    let one = world.machine("feed", quorum);
    let other = world.machine("feed", quorum);
    for machine in [&one, &other] {
        machine.run(&["update"]).expect(0);
    }
    world.copy_of_feed("second");
    world.release("feed", "for everybody");
    world.seen_to_publish("feed").expect(0);
    world.release("second", "for the victim");
    second_history(world);
    world.seen_to_publish("second").expect(0);
    other.ask(&world.path("second/mirror"));
    for machine in [&one, &other] {
        machine.run(&["update"]).expect(0);
    }
    assert!(one.finds("for everybody") && other.finds("for the victim"));
    let checkpoint = other.run(&["prove", "same"]).expect(0).stdout;
    fs::write(one.ground.path("CHECKPOINT"), checkpoint).unwrap();
    let seen = one.run(&["prove", "same", "--with", "CHECKPOINT"]).expect(1);
    assert!(
        seen.stderr.contains("TWO HISTORIES") && seen.stderr.contains("candor witness evidence"),
        "{seen:?}"
    );
    // The proof is portable: whoever has the file and the log's key can check it.
    let judge = TempDir::new().unwrap();
    let file = judge.path().join("proof");
    fs::write(&file, &seen.stdout).unwrap();
    let judged = || run(judge.path(), "candor", &["witness", "evidence", "proof", "--log", &world.log]);
    let said = judged().expect(0).stdout;
    assert!(said.contains(&format!("{ORIGIN} signed two histories")), "{said}");
    let key = world.log.split('+').next().unwrap();
    let proof = seen.stdout.into_bytes();
    let mut place = 0;
    for line in proof.split_inclusive(|&byte| byte == b'\n') {
        // Lines of witnesses are for others: who judges a log does not need them.
        let text = String::from_utf8_lossy(line);
        if !text.starts_with("— ") || text.starts_with(&format!("— {key} ")) {
            for offset in (0..line.len()).step_by(5).chain([line.len() - 1]) {
                let mut wrong = proof.clone();
                wrong[place + offset] ^= 1;
                fs::write(&file, wrong).unwrap();
                let refused = judged().expect(2);
                assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{text}: {refused:?}");
            }
        }
        place += line.len();
    }
    // The key of another log convicts nobody.
    fs::write(&file, &proof).unwrap();
    let stranger =
        run(judge.path(), "candor-publish", &["key", "new", "--kind", "log", "--name", ORIGIN, "--out", "k"]);
    let stranger = stranger.expect(0).stdout;
    run(judge.path(), "candor", &["witness", "evidence", "proof", "--log", stranger.trim_end()]).expect(2);
}

#[test]
fn without_a_quorum_both_histories_are_taken_and_proven() {
    let world = World::new();
    both_are_taken_and_it_is_proven(&world, "quorum none", |world| world.ask_only("second", &[]));
}

#[test]
fn a_witness_that_lies_is_found_out_with_the_log() {
    let world = World::new();
    let twin = world.witnesses[0].twin(&world.log);
    both_are_taken_and_it_is_proven(&world, "quorum w1", |world| world.ask_only("second", &[&twin]));
    // The three others have not lied, and nothing of this reached them.
    assert!(twin.evidence().is_empty());
}
