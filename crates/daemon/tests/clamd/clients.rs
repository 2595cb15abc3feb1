//! The clients of others, where they are installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::files::{Files, NAME, eicar, start};
use crate::program::Program;

/// Whether a command works, such as one that only asks for a version.
fn works(program: &str, arguments: &[&str]) -> bool {
    let quiet = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    quiet.is_ok_and(|output| output.status.success())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A clamd.conf for clients of the service.
fn configuration(program: &Program) -> std::path::PathBuf {
    let path = program.folder().join("client.conf");
    let tcp = program.tcp("clamd");
    let text = format!(
        "LocalSocket {}\nTCPSocket {}\nTCPAddr {}\n",
        program.unix("clamd").display(),
        tcp.port(),
        tcp.ip()
    );
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn clamdscan_in_every_mode() {
    if !works("clamdscan", &["--version"]) {
        eprintln!("skipped: clamdscan is not installed");
        return;
    }
    let files = Files::new();
    let program = start("");
    let configuration = configuration(&program);
    let clamdscan = |arguments: &[&str], path: Option<&Path>| {
        let mut command = Command::new("clamdscan");
        command.arg("--config-file").arg(&configuration).args(arguments).args(path).stdin(Stdio::null());
        command.output().unwrap()
    };
    let found = [files.path("eicar"), files.path("one/found")];
    for modes in [
        &[][..],
        &["--multiscan"],
        &["--fdpass"],
        &["--stream"],
        &["--allmatch"],
        &["--multiscan", "--fdpass"],
        &["--multiscan", "--stream"],
        &["--allmatch", "--fdpass"],
        &["--allmatch", "--stream"],
    ] {
        let output = clamdscan(&[modes, &["--no-summary"]].concat(), Some(files.folder()));
        // It warns of the FIFO, which it does not open either.
        let text = text(&output);
        let lines = text.lines().filter(|line| !line.starts_with("WARNING"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        let expected = found.each_ref().map(|path| format!("{}: {NAME} FOUND", path.display()));
        assert_eq!((lines, output.status.code()), (expected.to_vec(), Some(1)), "{modes:?}");
        let output = clamdscan(&[modes, &["--no-summary"]].concat(), Some(&files.path("none/plain")));
        let expected = format!("{}: OK\n", files.path("none/plain").display());
        assert_eq!((self::text(&output), output.status.code()), (expected, Some(0)), "{modes:?}");
        let output = clamdscan(modes, Some(files.folder()));
        let text = self::text(&output);
        assert!(text.contains("Infected files: 2\n"), "{modes:?}: {text}");
    }
    assert!(text(&clamdscan(&["--version"], None)).starts_with("ClamAV 1.4.6-candor-"));
    assert_eq!(text(&clamdscan(&["--ping", "1"], None)), "PONG\n");
    assert_eq!(clamdscan(&["--reload"], None).status.code(), Some(0));
    program.stop();
}

#[test]
fn clamd_and_pyclamd_of_python() {
    if !works("python3", &["-c", "import clamd, pyclamd"]) {
        eprintln!("skipped: the Python packages clamd and pyclamd are not installed");
        return;
    }
    let files = Files::new();
    let program = start("paths = \"all\"\n");
    let script = r#"
import clamd, io, json, pyclamd, sys
socket, port, folder = sys.argv[1:]
told = []
for c in clamd.ClamdUnixSocket(socket), clamd.ClamdNetworkSocket("127.0.0.1", int(port)):
    assert c.ping() == "PONG" and c.version().startswith("ClamAV ") and "QUEUE" in c.stats(), c.version()
    for scan in c.scan, c.contscan, c.multiscan:
        told += [scan(folder + "/one"), scan(folder + "/plain")]
    told += [c.instream(io.BytesIO(open(folder + "/eicar", "rb").read()))]
for c in pyclamd.ClamdUnixSocket(socket), pyclamd.ClamdNetworkSocket("127.0.0.1", int(port)):
    assert c.ping() and c.version().startswith("ClamAV ") and "QUEUE" in c.stats()
    for scan in c.scan_file, c.contscan_file, c.multiscan_file:
        told += [scan(folder + "/one"), scan(folder + "/plain")]
    told += [c.scan_stream(open(folder + "/eicar", "rb").read()), c.allmatchscan(folder + "/one")]
print(json.dumps(told))
"#;
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(program.unix("clamd")).arg(program.tcp("clamd").port().to_string());
    let output = command.arg(files.folder()).output().unwrap();
    let told = text(&output).replace(files.folder().to_str().unwrap(), "F").replace(NAME, "NAME");
    let found = r#"{"F/one/found": ["FOUND", "NAME"]}"#;
    let ok = r#"{"F/plain": ["OK", null]}"#;
    let stream = r#"{"stream": ["FOUND", "NAME"]}"#;
    let clamd = [found, ok, found, ok, found, ok, stream].join(", ");
    let all = r#"{"F/one/found": [["FOUND", "NAME"]]}"#;
    let pyclamd = [found, "null", found, "null", found, "null", stream, all].join(", ");
    assert_eq!(told, format!("[{clamd}, {clamd}, {pyclamd}, {pyclamd}]\n"));
    program.stop();
}

#[test]
fn clamscan_of_node() {
    if !works("node", &["-e", "require('clamscan')"]) {
        eprintln!(
            "skipped: the npm package clamscan is not installed, or NODE_PATH does not name its folder"
        );
        return;
    }
    let files = Files::new();
    let program = start("paths = \"all\"\n");
    let script = r#"
const NodeClam = require('clamscan');
const [socket, port, folder] = process.argv.slice(1);
const { Readable } = require('stream');
(async () => {
  const told = [];
  for (const place of [{ socket }, { host: '127.0.0.1', port: Number(port) }]) {
    const clamdscan = { ...place, localFallback: false, timeout: 30000 };
    const clam = await new NodeClam().init({ clamdscan, preference: 'clamdscan' });
    await clam.ping();
    if (!(await clam.getVersion()).startsWith('ClamAV ')) throw new Error('version');
    const content = require('fs').readFileSync(folder + '/eicar');
    for (const result of [
      await clam.isInfected(folder + '/eicar'), await clam.isInfected(folder + '/plain'),
      await clam.scanStream(Readable.from([content])), await clam.scanStream(Readable.from(['hello'])),
    ]) told.push([result.isInfected, result.viruses]);
    const all = await clam.scanDir(folder + '/one');
    told.push([all.badFiles, all.viruses]);
  }
  console.log(JSON.stringify(told));
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
"#;
    let mut command = Command::new("node");
    command.args(["-e", script]).arg(program.unix("clamd")).arg(program.tcp("clamd").port().to_string());
    let output = command.arg(files.folder()).output().unwrap();
    let told = text(&output).replace(files.folder().to_str().unwrap(), "F").replace(NAME, "NAME");
    let each = r#"[true,["NAME"]],[false,[]],[true,["NAME"]],[false,[]],[["F/one/found"],["NAME"]]"#;
    assert_eq!(told, format!("[{each},{each}]\n"));
    program.stop();
}

/// A mail with a text or with the test file.
fn mail(content: &[u8]) -> Vec<u8> {
    let head = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: test\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\
        Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/octet-stream\r\n\
        Content-Disposition: attachment; filename=a.com\r\n\r\n";
    [head, content, b"\r\n--x--\r\n"].concat()
}

#[test]
fn rspamd_asks_and_understands() {
    if !works("rspamd", &["--version"]) {
        eprintln!("skipped: rspamd is not installed");
        return;
    }
    let program = start("socket_mode = 0o666\n");
    let rspamd = crate::rspamd::Rspamd::start(&program);
    let found = rspamd.scan(&mail(&eicar()));
    assert!(found.contains("CANDOR_TEST") && found.contains(NAME), "{found}");
    let undetected = rspamd.scan(&mail(b"nothing"));
    assert!(!undetected.contains("CANDOR_TEST"), "{undetected}");
    drop(rspamd);
    program.stop();
}

#[test]
fn clamav_milter_asks_and_understands() {
    if !works("clamav-milter", &["--version"]) {
        eprintln!("skipped: clamav-milter is not installed");
        return;
    }
    let program = start("socket_mode = 0o666\n");
    let milter = crate::milter::Milter::start(&program);
    let found = milter.mail(&mail(&eicar()));
    assert_eq!(found.first(), Some(&b'y'), "{:?}", found.escape_ascii().to_string());
    assert!(
        found.windows(NAME.len()).any(|piece| piece == NAME.as_bytes()),
        "{:?}",
        found.escape_ascii().to_string()
    );
    let undetected = milter.mail(&mail(b"nothing"));
    assert!(matches!(undetected.first(), Some(b'a' | b'c')), "{:?}", undetected.escape_ascii().to_string());
    drop(milter);
    program.stop();
}
