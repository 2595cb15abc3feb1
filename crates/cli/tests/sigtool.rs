//! `candor sigtool` answers as ClamAV's `sigtool` 1.4.6 does. The expected texts are what that program printed.

mod program;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use program::{Ground, Seen};

/// A container that `sigtool --build --unsigned` made of a `.hdb` and a `.ndb` file with one line each.
const CONTAINER: &[u8] = include_bytes!("golden/sigtool/mine.cud");

/// Runs `candor sigtool` in the folder of the files, with this on standard input.
fn run(ground: &Ground, arguments: &[&str], input: &str) -> Seen {
    let mut all = vec!["sigtool"];
    all.extend(arguments);
    ground.run_with_input(&all, input.as_bytes())
}

fn decode(line: &str) -> Seen {
    run(&Ground::new(), &["--decode-sigs"], &format!("{line}\n"))
}

#[test]
fn digests_are_lines_of_signature_files() {
    let ground = Ground::new();
    let file = ground.file("f.txt", b"hello world\n");
    let file = file.to_str().unwrap();
    let md5 = "6f5902ac237024bdd0c176cb93063dc4";
    assert_eq!(run(&ground, &["--md5", file], "").expect(0).stdout, format!("{md5}:12:f.txt\n"));
    assert_eq!(run(&ground, &["--md5"], "hello world\n").expect(0).stdout, format!("{md5}\n"));
    assert_eq!(run(&ground, &["--quiet", "--md5", file], "").expect(0).stdout, "");
    let sha1 = run(&ground, &["--sha1", file], "").expect(0).stdout;
    assert_eq!(sha1, "22596363b3de40b06f981fb85d82312e8c0ed511:12:f.txt\n");
    let sha256 = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447:12:f.txt\n";
    for option in ["--sha256", "--sha2-256"] {
        assert_eq!(run(&ground, &[option, file], "").expect(0).stdout, sha256);
    }
    assert_eq!(run(&ground, &["--hex-dump"], "hello world\n").expect(0).stdout, "68656c6c6f20776f726c640a");
    let missing = run(&ground, &["--md5", "nofile"], "").expect(1);
    assert_eq!(
        missing.stderr,
        "hashsig: No such file or directory\nERROR: hashsig: Can't access file nofile\n"
    );
}

#[test]
fn the_command_line_is_read_as_clamavs() {
    let ground = Ground::new();
    let foo = run(&ground, &["--foo"], "").expect(1);
    assert_eq!(
        foo.stderr,
        "sigtool: unrecognized option `--foo'\nERROR: Unknown option passed\nERROR: Can't parse command line options\n"
    );
    assert!(run(&ground, &[], "").expect(1).stdout.contains("sigtool [options]"));
    assert!(run(&ground, &["--help"], "").expect(0).stdout.contains("--find-sigs"));
    assert!(run(&ground, &["--fuzzy-img=x"], "").expect(1).stderr.contains("--fuzzy-img"));
    // Under its own name it needs no command.
    let link = ground.path("sigtool");
    symlink(env!("CARGO_BIN_EXE_candor"), &link).unwrap();
    let seen = Seen::new(Command::new(&link).arg("--md5").arg(ground.path("known.hashes")).output().unwrap());
    assert!(seen.expect(0).stdout.ends_with(":known.hashes\n"));
}

#[test]
fn a_container_is_shown_listed_and_unpacked() {
    let ground = Ground::new();
    fs::write(ground.path("mine.cud"), CONTAINER).unwrap();
    let seen = run(&ground, &["--info", "mine.cud"], "").expect(0);
    assert_eq!(
        seen.stdout,
        "File: mine.cud\nBuild time: 22 Nov 2026 12:57 +0000\nVersion: 7\nSignatures: 2\nFunctionality level: 216\n\
         Builder: me\nVerification: Unsigned container\n"
    );
    assert_eq!(run(&ground, &["--list-sigs=mine.cud"], "").expect(0).stdout, "Eicar-Test\nFoo\n");
    run(&ground, &["--unpack=mine.cud"], "").expect(0);
    assert_eq!(fs::read_to_string(ground.path("mydb.ndb")).unwrap(), "Foo:0:*:deadbeef\n");
    for name in ["COPYING", "mydb.info", "mydb.hdb"] {
        assert!(ground.path(name).exists(), "{name}");
    }
    let seen = run(&ground, &["--unpack-current=foo", "--datadir=files"], "").expect(1);
    assert_eq!(seen.stderr, "ERROR: unpack: Couldn't find foo CLD/CVD database in files\n");
    // One that should be signed and is not is not unpacked.
    fs::write(ground.path("mine.cvd"), CONTAINER).unwrap();
    assert!(
        run(&ground, &["--unpack=mine.cvd"], "").expect(1).stderr.contains("mine.cvd is not a valid CVD")
    );
    let seen = run(&ground, &["--info=mine.cvd"], "").expect(1);
    assert!(
        seen.stderr.ends_with("ERROR: cvdinfo: Verification: Can't verify database integrity\n"),
        "{seen:#?}"
    );
    fs::write(ground.path("cut.cud"), &CONTAINER[..700]).unwrap();
    run(&ground, &["--unpack=cut.cud"], "").expect(1);
    let seen = run(&ground, &["--list-sigs=cut.cud"], "").expect(1);
    assert_eq!(seen.stdout, "ERROR: listdb: Can't unpack CVD file cut.cud\n");
}

#[test]
fn unpacking_follows_no_link() {
    let ground = Ground::new();
    fs::write(ground.path("mine.cud"), CONTAINER).unwrap();
    fs::write(ground.path("precious"), "kept").unwrap();
    symlink(ground.path("precious"), ground.path("mydb.ndb")).unwrap();
    run(&ground, &["--unpack=mine.cud"], "").expect(0);
    assert_eq!(fs::read_to_string(ground.path("precious")).unwrap(), "kept");
    assert_eq!(fs::read_to_string(ground.path("mydb.ndb")).unwrap(), "Foo:0:*:deadbeef\n");
}

#[test]
fn signatures_are_listed_and_found() {
    let ground = Ground::new();
    let write = |name: &str, text: &str| fs::write(ground.path("files").join(name), text).unwrap();
    write("a.ndb", "Foo.Bar:0:*:68656c6c6f\nFoo.Baz (Clam):1:EP+0:4d5a??90:1:300\n#comment\n");
    write("b.ign2", "Foo.Bar\n");
    write("c.txt", "Foo");
    let seen = run(&ground, &["--list-sigs=files"], "").expect(0);
    assert_eq!(seen.stdout, "Foo.Bar\nFoo.Baz\n");
    let seen = run(&ground, &["--find-sigs=^Foo\\.Baz", "--datadir=files"], "").expect(0);
    assert_eq!(seen.stdout, "[a.ndb] Foo.Baz (Clam):1:EP+0:4d5a??90:1:300\n");
    let seen = run(&ground, &["--find-sigs=(", "--datadir=files"], "").expect(1);
    assert_eq!(seen.stdout, "--find-sigs: Can't compile regex\n");
    let seen = run(&ground, &["--list-sigs=nofile"], "").expect(1);
    assert_eq!(seen.stdout, "--list-sigs: Can't get status of nofile\n");
}

#[test]
fn signatures_are_decoded() {
    assert_eq!(
        decode("[daily.ndb] Foo.Bar:1:EP+0,10:68??6c*72:1:300").expect(0).stdout,
        "VIRUS NAME: Foo.Bar\nFUNCTIONALITY LEVEL: 1..300\nTARGET TYPE: PE\nOFFSET: EP+0,10\nDECODED SIGNATURE:\n\
         h{WILDCARD_IGNORE}l{WILDCARD_ANY_STRING}r\n"
    );
    assert_eq!(
        decode("L.One;Engine:51-255,Target:0;0&1;68656c6c6f;EOF-10,3:77??6f*72::iw").expect(0).stdout,
        "VIRUS NAME: L.One\nTDB: Engine:51-255,Target:0\nLOGICAL EXPRESSION: 0&1\n * SUBSIG ID 0\n +-> OFFSET: ANY\n \
         +-> SIGMOD: NONE\n +-> DECODED SUBSIGNATURE:\nhello\n * SUBSIG ID 1\n +-> OFFSET: EOF-10,3\n \
         +-> SIGMOD: NOCASE WIDE\n +-> DECODED SUBSIGNATURE:\nw{WILDCARD_IGNORE}o{WILDCARD_ANY_STRING}r\n"
    );
    assert_eq!(
        decode("C.One:*:1-9999:^a\\.exe$:31:104:0:1:*:*").expect(0).stdout,
        "VIRUS NAME: C.One\nCONTAINER TYPE: ANY\nCONTAINER SIZE: WITHIN RANGE 1 to 9999\nFILENAME REGEX: ^a\\.exe$\n\
         COMPRESSED FILESIZE: 31\nUNCOMPRESSED FILESIZE: 104\nENCRYPTION: NO\nFILE POSITION: 1\nCRC SUM: ANY\n"
    );
    assert_eq!(decode("nonsense").expect(1).stdout, "decodesig: Not supported signature format\n");
    let seen = decode("44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test").expect(1);
    assert_eq!(seen.stdout, "TOKENS COUNT: 3\n");
    assert_eq!(seen.stderr, "ERROR: decodesig: Invalid or not supported signature format\n");
    let seen = decode("L.A;Target:0;0&1;6868").expect(1);
    assert!(seen.stderr.contains("(==1) doesn't match the IDs in the logical expression (==2)"), "{seen:#?}");
}

#[test]
fn signatures_are_tested_against_a_file() {
    let ground = Ground::new();
    fs::write(ground.path("sample"), "xxhello worldxx").unwrap();
    let lines =
        "Foo.Bar:0:*:68656c6c6f\nFoo.No:0:*:68656c6c6f99\nFoo.Start:0:0:7878\nFoo.Wild:0:*:6865??6c6f*776f\n";
    fs::write(ground.path("test.ndb"), lines).unwrap();
    assert_eq!(
        run(&ground, &["--test-sigs", "test.ndb", "sample"], "").expect(0).stdout,
        "VIRUS NAME: Foo.Bar\nTARGET TYPE: ANY FILE\nOFFSET: *\nSUBSIG: 68656c6c6f\n\
         MATCH: ** YES ** (1 match at offset: 2)\n\
         VIRUS NAME: Foo.No\nTARGET TYPE: ANY FILE\nOFFSET: *\nSUBSIG: 68656c6c6f99\nMATCH: ** NO **\n\
         VIRUS NAME: Foo.Start\nTARGET TYPE: ANY FILE\nOFFSET: 0\nSUBSIG: 7878\n\
         MATCH: ** YES/CHECK OFFSET ** (2 matches at offsets: 13 0)\n\
         VIRUS NAME: Foo.Wild\nTARGET TYPE: ANY FILE\nOFFSET: *\nSUBSIG: 6865??6c6f*776f\n\
         MATCH: ** YES ** (1 match at offset: 2)\n"
    );
    fs::write(ground.path("many"), "x".repeat(5000)).unwrap();
    assert!(
        run(&ground, &["--test-sigs=test.ndb", "many"], "")
            .expect(0)
            .stderr
            .contains("more than 1000 places")
    );
    let seen = run(&ground, &["--test-sigs=test.ndb"], "").expect(1);
    assert_eq!(seen.stderr, "ERROR: --test-sigs requires two arguments\n");
}

/// The publisher's own containers, where they are at hand.
#[test]
fn signed_containers_are_verified() {
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    let path = Path::new(&shared).join("data/cvd/test-6.cvd");
    let seen = run(&Ground::new(), &["--info", path.to_str().unwrap()], "").expect(0);
    assert!(seen.stdout.ends_with("Verification OK.\n"), "{seen:#?}");
}

/// A page, what is in each file that ClamAV's program wrote of it, and the same of a text.
#[test]
fn forms_are_written_into_the_current_folder() {
    let ground = Ground::new();
    let page = b"<html><!-- c --><BODY onload=\"x()\">Hello <b>W&amp;orld</b><script>var Foo = \"a\" + \"b\"; alert(Foo)</script><a href=\"http://x.example/\">l</a></BODY></html>";
    ground.file("a.html", page);
    ground.file("t.txt", b"Some TEXT  with\n\nlines\t and Caps \"q\"\n");
    run(&ground, &["--html-normalise=files/a.html"], "").expect(0);
    let written = |name: &str| fs::read_to_string(ground.path(name)).unwrap();
    let script = "varfoo=\"a\"+\"b\";alert(foo)";
    let markup = format!(
        "<html><body onload=\"x()\">hello <b>w&orld</b><script>{script}</script><a href=\"http://x.example/\">l</a></body></html>"
    );
    assert_eq!(written("nocomment.html"), markup);
    assert_eq!(written("notags.html"), " hello w orld http://x.example/ l ");
    assert_eq!(written("javascript"), "<script>var n000=\"ab\";alert(n000)</script>");
    run(&ground, &["--ascii-normalise=files/t.txt"], "").expect(0);
    assert_eq!(written("normalised_text"), "some text with lines and caps \"q\" ");
    for (option, who) in [("--html-normalise", "htmlnorm"), ("--ascii-normalise", "asciinorm")] {
        let seen = run(&ground, &[&format!("{option}=nofile")], "").expect(1);
        assert_eq!(seen.stderr, format!("ERROR: {who}: Can't open file nofile\n"));
    }
}

#[test]
fn macros_are_printed() {
    let ground = Ground::new();
    ground.file("a.doc", include_bytes!("../../formats/tests/golden/ole2/macros.doc"));
    let seen = run(&ground, &["--vba=files/a.doc"], "").expect(0);
    let first = "attribute vb_name = \"ThisDocument\"\nattribute vb_base = \"0{00020906-0000-0000-C000-000000000046}\"\nprivate sub document_open()\n msgbox \"inert test macro\"\nend sub\n\nattribute vb_name = \"Module1\"\n";
    assert!(seen.stdout.starts_with(first), "{}", seen.stdout);
    assert!(seen.stdout.ends_with("' line 299 of a longer module\nsub two()\nend sub\n\n"));
    assert_eq!(run(&ground, &["--vba=known.hashes"], "").expect(0).stdout, "");
    let missing = run(&ground, &["--vba=nofile"], "").expect(0);
    assert_eq!(missing.stderr, "WARNING: Can't open file nofile: No such file or directory\n");
}

#[test]
fn sections_and_imports_of_programs_are_digested() {
    let ground = Ground::new();
    ground.file("a.exe", include_bytes!("../../formats/tests/golden/pe/tiny32.exe"));
    let seen = run(&ground, &["--mdb", "files/a.exe"], "").expect(0);
    let lines: Vec<&str> = seen.stderr.lines().take(2).collect();
    assert_eq!(
        lines,
        [
            "LibClamAV debug: Section{0}: 512:c267335b84d26c1c3d46def064226dc6",
            "LibClamAV debug: Section{1}: 512:1ac62f956af72c6d425ce7ce9727776c"
        ]
    );
    let seen = run(&ground, &["--imp", "files/a.exe"], "").expect(0);
    assert_eq!(seen.stderr, "LibClamAV debug: Imphash: 98c88d882f01a3f6ac1e5f7dfd761624:39\n");
    let seen = run(&ground, &["--mdb", "known.hashes"], "").expect(0);
    assert_eq!(seen.stderr, "ERROR: hashpe: Not a valid PE file!\n");
    let seen = run(&ground, &["--imp"], "").expect(1);
    assert_eq!(seen.stderr, "ERROR: hashsig: Can't generate requested hash for input stream\n");
}
