//! Every command in every style, with its exact replies. clamd is held against the same table where it is
//! installed.

use crate::conversation::{Step, chunk, path_command, say, stream, talk, told};
use crate::files::{Files, NAME, eicar, start, tcp, unix};
use crate::reference::Reference;

/// Whether clamd says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clamd {
    Same,
    /// It does not, for the reason.
    Differs(&'static str),
}

use Clamd::{Differs, Same};

struct Case {
    steps: Vec<Step>,
    said: String,
    clamd: Clamd,
}

fn case(steps: Vec<Step>, said: impl Into<String>, clamd: Clamd) -> Case {
    Case { steps, said: said.into(), clamd }
}

/// Commands without content.
fn words() -> Vec<Case> {
    let same = |sent: &str, said: &str| case(vec![say(sent)], said, Same);
    let unknown = "UNKNOWN COMMAND\\n";
    let mut cases = vec![
        same("zPING\0", "PONG\\x00"),
        same("nPING\n", "PONG\\n"),
        same("nPING\r\n", "PONG\\n"),
        same("PING\n", "PONG\\n"),
        same("PING\r\n", "PONG\\n"),
        same("PING", "PONG\\n"),
        same("PING\0PING\0", "PONG\\n"),
        same("zPING\0zPING\0", "PONG\\x00"),
        same("nPING\0more\n", "PONG\\n"),
        same("zPING\n\0", "UNKNOWN COMMAND\\x00"),
        same("zPING extra\0", "UNKNOWN COMMAND\\x00"),
        same("zINSTREAM extra\0", "UNKNOWN COMMAND\\x00"),
        same("z\0", "UNKNOWN COMMAND\\x00"),
        same("zSCAN\0", "UNKNOWN COMMAND\\x00"),
        same("zEND\0", "UNKNOWN COMMAND\\x00"),
        same("RELOAD\n", "RELOADING\\n"),
        same("zRELOAD\0", "RELOADING\\x00"),
        same("zDETSTATS\0", ""),
        same("DETSTATS\n", ""),
        same("nDETSTATSCLEAR\n", ""),
    ];
    for sent in [
        "ping\n",
        "PING \n",
        " PING\n",
        "\n",
        "\0",
        "n\n",
        "nping\n",
        "END\n",
        "STATS\n",
        "VERSIONCOMMANDS\n",
        "IDSESSION\n",
        "INSTREAM\n",
        "ALLMATCHSCAN /\n",
        "STREAM\n",
        "SESSION\n",
        "x\n",
        "SCAN\n",
    ] {
        cases.push(same(sent, unknown));
    }
    let split = |one: &str, two: &str, said: &str| case(vec![say(one), Step::Pause, say(two)], said, Same);
    cases.push(split("z", "PING\0", "PONG\\x00"));
    cases.push(split("nPI", "NG\n", "PONG\\n"));
    cases.push(split("PIN", "G\n", unknown));
    cases.push(case(vec![say("zPING"), Step::End], "", Same));
    cases.push(case(vec![say("PING"), Step::End], "PONG\\n", Same));
    cases.push(case(vec![Step::End], "", Same));
    cases.push(case(vec![say("x".repeat(9000))], unknown, Same));
    cases.push(case(vec![say(format!("z{}", "x".repeat(9000)))], "", Same));
    cases
}

fn paths(files: &Files) -> Vec<Case> {
    let at = |name: &str| files.path(name);
    let shown = |name: &str| files.path(name).display().to_string();
    let mut cases = Vec::new();
    for word in ["SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"] {
        let mut scan = |name: &str, said: &str, clamd| {
            let said = format!("{}: {said}\\x00", shown(name));
            cases.push(case(vec![path_command(word, &at(name))], said, clamd));
        };
        scan("plain", "OK", Same);
        scan("empty", "OK", Same);
        scan("eicar", &format!("{NAME} FOUND"), Same);
        scan("none", "OK", Same);
        let missing = "File path check failure: No such file or directory. ERROR";
        scan("missing", missing, Same);
        scan("plain ", missing, Same);
        scan("odd/link", "Symbolic link, not followed. ERROR", Differs("it says OK"));
        scan("odd/fifo", "Not supported file type ERROR", Differs("it says OK behind it"));
        let none = Differs("MULTISCAN says nothing where no file is");
        scan("odd", "OK", if word == "MULTISCAN" { none } else { Same });
        let found = format!("{}: {NAME} FOUND\\x00", shown("one/found"));
        cases.push(case(vec![path_command(word, &at("one"))], found, Same));
        let empty = format!(": {missing}\\x00");
        cases.push(case(vec![say(format!("z{word} \0"))], empty, Same));
        let relative = format!("etc/passwd: {missing}\\x00");
        cases.push(case(vec![say(format!("z{word} etc/passwd\0"))], relative, Same));
        let split = format!(r"{}\\n: {missing}\x00", shown("plain"));
        let steps = vec![say(format!("z{word} {}\n\0", shown("plain")))];
        cases.push(case(steps, split, Differs("it lets a name end a line")));
        let line = format!("{}: OK\\n", shown("plain"));
        cases.push(case(vec![say(format!("n{word} {}\n", shown("plain")))], line.clone(), Same));
        if word != "ALLMATCHSCAN" {
            cases.push(case(vec![say(format!("{word} {}\n", shown("plain")))], line.clone(), Same));
            cases.push(case(vec![say(format!("{word} {}\r\n", shown("plain")))], line, Same));
        }
    }
    cases
}

fn streams() -> Vec<Case> {
    let found = format!("stream: {NAME} FOUND\\x00");
    let too_long = "INSTREAM size limit exceeded. ERROR\\x00";
    let command = || say("zINSTREAM\0");
    let end = || say(chunk(b""));
    let eicar = eicar();
    vec![
        case(vec![stream(b"hello")], "stream: OK\\x00", Same),
        case(vec![stream(b"")], "stream: OK\\x00", Same),
        case(vec![stream(&eicar)], found.clone(), Same),
        case(vec![stream(&eicar), Step::End], found.clone(), Same),
        case(vec![command(), Step::Pause, say(chunk(&eicar)), Step::Pause, end()], found.clone(), Same),
        case(vec![command(), say(chunk(&eicar[..9])), say(chunk(&eicar[9..])), end()], found.clone(), Same),
        case(
            vec![command(), say(&chunk(&eicar)[..2]), Step::Pause, say(&chunk(&eicar)[2..]), end()],
            found,
            Same,
        ),
        case(vec![say("nINSTREAM\n"), say(chunk(&eicar)), end()], format!("stream: {NAME} FOUND\\n"), Same),
        case(
            vec![say([b"nINSTREAM\r\n", &chunk(&eicar)[..], &chunk(b"")].concat())],
            format!("stream: {NAME} FOUND\\n"),
            Differs("it takes the CR for a byte of the length"),
        ),
        case(vec![command(), say([255; 4])], too_long, Same),
        case(vec![command(), say((1_u32 << 21).to_be_bytes())], too_long, Same),
        case(vec![command(), say(chunk(&[0; 600_000])), say(chunk(&[0; 600_000]))], too_long, Same),
        case(vec![stream(&vec![0; 1 << 20])], "stream: OK\\x00", Same),
        case(vec![command(), say(chunk(&eicar)), Step::End], "", Same),
        case(vec![command(), say(&chunk(&eicar)[..20]), Step::End], "", Same),
    ]
}

fn descriptors(files: &Files) -> Vec<Case> {
    let pass = |bytes: &str, names: &[&str]| {
        Step::Files(bytes.as_bytes().to_vec(), names.iter().map(|name| files.path(name)).collect())
    };
    let found = format!("fd[N]: {NAME} FOUND\\x00");
    let none = "No file descriptor received. ERROR\\x00";
    let odd = "PROTOCOL ERROR: ancillary data sent without FILDES. ERROR\\x00";
    vec![
        case(vec![say("zFILDES\0"), pass("\0", &["eicar"])], found.clone(), Same),
        case(vec![say("zFILDES\0"), Step::Pause, pass("x", &["plain"])], "fd[N]: OK\\x00", Same),
        case(vec![pass("zFILDES\0x", &["eicar"])], found, Same),
        case(vec![say("nFILDES\n"), pass("x", &["empty"])], "fd[N]: OK\\n", Same),
        case(vec![say("FILDES\n"), pass("x", &["eicar"])], format!("fd[N]: {NAME} FOUND\\n"), Same),
        case(vec![say("zFILDES\0"), pass("x", &["none"])], "fd[N]: Not a regular file ERROR\\x00", Same),
        case(vec![say("zFILDES\0x")], none, Same),
        case(vec![say("zFILDES\0"), pass("x", &["plain", "eicar"])], none, Same),
        case(vec![say("zFILDES\0"), pass("x", &["plain"; 8])], none, Differs("it says nothing")),
        case(vec![say("zFILDES\0"), Step::End], "", Same),
        case(vec![pass("zPING\0", &["eicar"])], "PONG\\x00", Same),
        case(vec![pass("z", &["eicar"]), Step::Pause, say("FILDES\0x")], odd, Same),
        case(
            vec![pass("zFILDES\0", &["eicar"]), Step::Pause],
            format!("{odd}Error processing command. ERROR\\x00"),
            Same,
        ),
    ]
}

fn sessions(files: &Files) -> Vec<Case> {
    let session = |more: &str| vec![say(format!("zIDSESSION\0{more}"))];
    let same = |more: &str, said: &str| case(session(more), said, Same);
    let plain = files.path("plain").display().to_string();
    let only = r"1: Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION. ERROR\x00";
    let mut cases = vec![
        same("zPING\0zPING\0zEND\0", "1: PONG\\x002: PONG\\x00"),
        same("nPING\nzPING\0nEND\n", "1: PONG\\n2: PONG\\x00"),
        same("zEND\0zPING\0", ""),
        case(vec![say("zIDSESSION\0zPING\0"), Step::End], "1: PONG\\x00", Same),
        case(vec![say("zIDSESSION\0zPI"), Step::End], "", Same),
        case(
            vec![say("zIDSESSION\0"), Step::Pause, say("zPI"), Step::Pause, say("NG\0zEND\0")],
            "1: PONG\\x00",
            Same,
        ),
        case(
            vec![say("zIDSESSION\0"), Step::Pause, say("PING\n")],
            format!("{only}1: Error processing command. ERROR\\x00"),
            Same,
        ),
        same(&format!("zSCAN {plain}\0zEND\0"), &format!("1: {plain}: OK\\x00")),
        case(vec![say("zIDSESSION\0"), stream(b"hello"), say("zEND\0")], "1: stream: OK\\x00", Same),
        case(
            vec![say("zIDSESSION\0zINSTREAM\0"), say([255; 4])],
            "1: INSTREAM size limit exceeded. ERROR\\x00",
            Same,
        ),
        case(
            vec![
                say("zIDSESSION\0zFILDES\0"),
                Step::Files(b"x".to_vec(), vec![files.path("plain")]),
                say("zEND\0"),
            ],
            "1: fd[N]: OK\\x00",
            Same,
        ),
        case(
            vec![
                say("zIDSESSION\0"),
                Step::Pause,
                Step::Files(b"zPING\0".to_vec(), vec![files.path("plain")]),
            ],
            "1: PONG\\x002: PROTOCOL ERROR: ancillary data sent without FILDES. ERROR\\x00",
            Same,
        ),
    ];
    for word in [
        "zBOGUS\0",
        "zRELOAD\0",
        "zSHUTDOWN\0",
        "zQUIT\0",
        "zIDSESSION\0",
        "zDETSTATS\0",
        "zCONTSCAN /\0",
        "zMULTISCAN /\0",
        "zALLMATCHSCAN /\0",
        "zSCAN\0",
        "zFILDES x\0",
    ] {
        let said = "1: Command invalid inside IDSESSION. ERROR\\x00";
        cases.push(same(&format!("{word}zPING\0"), said));
    }
    cases
}

fn all(files: &Files) -> Vec<Case> {
    [words(), paths(files), streams(), descriptors(files), sessions(files)].into_iter().flatten().collect()
}

#[test]
fn every_command_has_its_replies() {
    let files = Files::new();
    let program = start("stream_bytes = 1048576\npaths = \"all\"\nreload = \"all\"\n");
    for case in all(&files) {
        assert_eq!(told(&talk(&unix(&program), &case.steps)), case.said, "{:?}", case.steps);
    }
    for case in [words(), paths(&files), streams()].into_iter().flatten() {
        assert_eq!(told(&talk(&tcp(&program), &case.steps)), case.said, "TCP {:?}", case.steps);
    }
    program.stop();
}

#[test]
fn clamd_itself_says_the_same() {
    let files = Files::new();
    let Some(clamd) = Reference::start("StreamMaxLength 1M") else { return };
    for case in all(&files) {
        let said = told(&talk(clamd.place(), &case.steps));
        match case.clamd {
            Same => assert_eq!(said, case.said, "{:?}", case.steps),
            Differs(how) => assert_ne!(said, case.said, "clamd no longer differs ({how}): {:?}", case.steps),
        }
    }
}

#[test]
fn replies_of_a_session_have_the_numbers_of_their_commands() {
    let program = start("");
    let mut steps = vec![say("zIDSESSION\0")];
    for number in 1..=40 {
        steps.push(if number % 3 == 0 { stream(&eicar()) } else { stream(format!("{number}").as_bytes()) });
    }
    steps.push(say("zEND\0"));
    let said = talk(&unix(&program), &steps);
    let mut lines: Vec<String> =
        said.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(told).collect();
    lines.sort_by_key(|line| line.split(':').next().unwrap().parse::<u32>().unwrap());
    let expected: Vec<String> = (1..=40)
        .map(|number| match number % 3 {
            0 => format!("{number}: stream: {NAME} FOUND"),
            _ => format!("{number}: stream: OK"),
        })
        .collect();
    assert_eq!(lines, expected);
    program.stop();
}

#[test]
fn texts_have_the_shape_that_clients_take_apart() {
    let program = start("");
    let version = told(&talk(&unix(&program), &[say("zVERSION\0")]));
    assert!(version.starts_with("ClamAV 1.4.6-candor-") && version.ends_with("\\x00"), "{version}");
    let commands = told(&talk(&unix(&program), &[say("nVERSIONCOMMANDS\n")]));
    assert!(
        commands.contains("| COMMANDS: SCAN QUIT ") && commands.ends_with("ALLMATCHSCAN\\n"),
        "{commands}"
    );
    let statistics = talk(&unix(&program), &[say("nSTATS\n")]);
    let lines: Vec<&str> = std::str::from_utf8(&statistics).unwrap().lines().collect();
    assert_eq!((lines[0], lines[2]), ("POOLS: 1", "STATE: VALID PRIMARY"));
    assert!(
        lines[3].starts_with("THREADS: live ") && lines[3].contains("  idle 0 max 100 idle-timeout "),
        "{}",
        lines[3]
    );
    assert_eq!((lines[4], lines.last().copied()), ("QUEUE: 0 items", Some("END")));
    program.stop();
}
