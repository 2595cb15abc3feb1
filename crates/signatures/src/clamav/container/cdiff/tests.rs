//! What differences do to members, and that nobody else's are applied.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::making::{Making, differences, keys};
use super::super::{Container, Keys, Refusal, Roots, pack, unpack};
use super::{Differences, read_unsigned, run_unsigned};

const LINES: &str = "one\ntwo words here\nthree\nfour\nfive\n";

/// What a script makes of the members `a.ndb` and `b.ndb`.
fn run(script: &str) -> Result<Vec<(String, String)>, String> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.ndb"), LINES).unwrap();
    fs::write(folder.path().join("b.ndb"), "x\n").unwrap();
    run_unsigned(script.as_bytes(), folder.path()).map_err(|refusal| refusal.to_string())?;
    Ok(content(folder.path()))
}

fn content(folder: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect();
    all.sort();
    all
}

/// All of what was observed with `sigtool --run-cdiff` 1.4.6.
#[test]
fn members_are_edited_as_sigtool_edits_them() {
    for (edits, expected) in [
        ("DEL 2 two", "one\nthree\nfour\nfive\n"),
        ("DEL 2 two words here and", "one\nthree\nfour\nfive\n"),
        ("DEL 2 ", "one\nthree\nfour\nfive\n"),
        ("DEL 4 four\nDEL 2 two", "one\nthree\nfive\n"),
        ("DEL 2 two\nDEL 2 two", "one\nthree\nfour\nfive\n"),
        ("DEL 2 two\nXCHG 2 two zwei", "one\nzwei\nthree\nfour\nfive\n"),
        ("XCHG 2 two zwei\nDEL 2 two", "one\nthree\nfour\nfive\n"),
        ("XCHG 2 two  zwei drei", "one\n zwei drei\nthree\nfour\nfive\n"),
        ("XCHG 2 two ", "one\n\nthree\nfour\nfive\n"),
        ("XCHG 4 four vier\nXCHG 1 one eins", "eins\ntwo words here\nthree\nvier\nfive\n"),
        ("ADD six\nADD   x  y \n# a comment\nDEL 1 one", "two words here\nthree\nfour\nfive\nsix\n  x  y \n"),
        ("ADD ", "one\ntwo words here\nthree\nfour\nfive\n\n"),
    ] {
        for end in ["CLOSE\n", "CLOSE"] {
            let script = format!("OPEN a.ndb\n{edits}\n{end}");
            assert_eq!(run(&script).unwrap()[0].1, expected, "{script}");
        }
    }
    let moved = run("MOVE a.ndb b.ndb 2 two 4 four\n").unwrap();
    assert_eq!(moved[0].1, "one\nfive\n");
    assert_eq!(moved[1].1, "x\ntwo words here\nthree\nfour\n");
    let within = run("MOVE a.ndb a.ndb 2 two 4 four\n").unwrap();
    assert_eq!(within[0].1, "one\nfive\ntwo words here\nthree\nfour\n");
    assert_eq!(run("OPEN c.ndb\nADD new\nCLOSE\n").unwrap()[2], ("c.ndb".to_owned(), "new\n".to_owned()));
    assert_eq!(run("OPEN c.ndb\nCLOSE\n").unwrap().len(), 2);
    assert_eq!(run("UNLINK a.ndb\n").unwrap().len(), 1);
    assert_eq!(run("").unwrap().len(), 2);
}

#[test]
fn what_does_not_fit_the_members_is_refused_with_its_line() {
    for (script, reason) in [
        ("OPEN a.ndb\nDEL 2 thr\nCLOSE\n", "line 3 of the script: line 2 of a.ndb begins otherwise"),
        ("OPEN a.ndb\nDEL 6 six\nADD six\nCLOSE\n", "line 4 of the script: a.ndb has no line 6"),
        ("OPEN a.ndb\nDEL 18446744073709551615 x\nCLOSE\n", "has no line"),
        ("OPEN a.ndb\nADD x\n", "before a.ndb is closed"),
        ("OPEN a.ndb\nOPEN b.ndb\n", "a.ndb is still open"),
        ("OPEN a.ndb\nUNLINK b.ndb\n", "still open"),
        ("OPEN a.ndb\nMOVE a.ndb b.ndb 1 one 2 two\n", "still open"),
        ("OPEN c.ndb\nDEL 1 x\nCLOSE\n", "there is no member c.ndb"),
        ("UNLINK c.ndb\n", "there is no member"),
        ("MOVE a.ndb c.ndb 1 one 2 two\n", "there is no member"),
        ("MOVE a.ndb b.ndb 1 one 9 two\n", "has no line 9"),
        ("MOVE a.ndb b.ndb 1 xxx 2 two\n", "line 1 of a.ndb begins otherwise"),
        ("ADD x\n", "no member is open"),
        ("CLOSE\n", "no member is open"),
        ("\nOPEN a.ndb\n", "line 1 of the script: unknown command"),
        ("OPEN ../a.ndb\n", "no name of a member"),
    ] {
        let told = run(script).unwrap_err();
        assert!(told.contains(reason), "{script:?}: {told}");
    }
}

#[test]
fn links_in_the_folder_are_not_followed() {
    let folder = TempDir::new().unwrap();
    let outside = folder.path().join("outside");
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(&outside, "one\ntwo\n").unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("a.ndb")).unwrap();
    for script in ["OPEN a.ndb\nDEL 1 one\nCLOSE\n", "UNLINK a.ndb\n", "OPEN a.ndb\nADD x\nCLOSE\n"] {
        assert!(run_unsigned(script.as_bytes(), &inside).is_err(), "{script}");
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "one\ntwo\n");
}

fn written(folder: &TempDir, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.path().join("test-8.cdiff");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn signed_differences_lead_to_a_signed_container() {
    let folder = TempDir::new().unwrap();
    let old = Making::new(&[
        ("test.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar\n"),
        ("test.ndb", "A:0:*:aabb\n"),
    ]);
    let mut new = Making { version: 8, ..old.clone() };
    new.members[1].1.extend(b"B:0:*:ccdd\n");
    let script = format!("OPEN test.ndb\nADD B:0:*:ccdd\nCLOSE\n{}", new.listing_script(&old));
    let path = written(&folder, &differences(8, script.as_bytes()));
    let container = folder.path().join("test.cvd");
    fs::write(&container, old.bytes()).unwrap();

    let differences = Differences::open(&path, &keys()).unwrap();
    assert_eq!((differences.version(), differences.unsigned()), (8, None));
    let members = TempDir::new().unwrap();
    unpack(&Container::open(&container, &keys()).unwrap(), members.path()).unwrap();
    differences.apply(members.path()).unwrap();
    let result = folder.path().join("test.cld");
    pack(members.path(), "test", &mut fs::File::create(&result).unwrap()).unwrap();
    let result = Container::open(&result, &keys()).unwrap();
    assert_eq!((result.header().version, result.unsigned()), (8, None));
    assert_eq!(result.members().len(), 2);

    // A second time they do not fit.
    assert!(differences.apply(members.path()).is_err());
    let strangers = Differences::open(&path, &Keys::clamav()).unwrap();
    assert!(strangers.unsigned().is_some());
    assert!(matches!(strangers.apply(members.path()), Err(Refusal::Unsigned(_))));
}

#[test]
fn what_is_no_file_of_differences_is_refused() {
    let folder = TempDir::new().unwrap();
    let good = differences(8, b"OPEN a.ndb\nADD x\nCLOSE\n");
    let refusal = |bytes: &[u8]| match Differences::open(&written(&folder, bytes), &keys()) {
        Ok(differences) => differences.unsigned().unwrap_or_default().to_owned(),
        Err(refusal) => refusal.to_string(),
    };
    assert_eq!(refusal(&good), "");
    assert!(refusal(b"").contains("no signature"));
    assert!(refusal(&[&good[..], b":"].concat()).contains("empty"));
    assert!(refusal(&[&good[..], &[b'a'; 400]].concat()).contains("too long"));
    assert!(
        refusal(b"ClamAV-Diff:1:2:abc").contains("header of differences")
            || refusal(b"ClamAV-Diff:1:2:abc").contains("signature")
    );
    for (from, to) in
        [("ClamAV-Diff", "ClamAV-Dift"), (":8:", ":x:"), (":8:", ":0:"), (":8:", ":99999999999:")]
    {
        let text = String::from_utf8_lossy(&good[..20]).into_owned();
        let changed = [text.replacen(from, to, 1).as_bytes(), &good[20..]].concat();
        assert_ne!(refusal(&changed), "", "{to}");
    }
    // The length is a promise: a signed script that is longer is not unpacked.
    let bomb = super::super::making::differences_of_length(8, &vec![b'#'; 10 << 20], 10);
    assert!(refusal(&bomb).contains("not as long"));
}

/// The publisher's own test containers: each version is reached from the one before, with the members of the
/// container that was published, and `sigtool` says the same where it is installed.
#[test]
fn the_publishers_differences_lead_to_the_publishers_members() {
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    let published = Path::new(&shared).join("data/cvd");
    let keys = Keys::clamav();
    let opened = |path: &Path| Container::open(path, &keys).unwrap();
    let all = |container: &Container| {
        let folder = TempDir::new().unwrap();
        unpack(container, folder.path()).unwrap();
        content(folder.path())
    };
    let members = TempDir::new().unwrap();
    unpack(&opened(&published.join("test-1.cvd")), members.path()).unwrap();
    let by_sigtool = TempDir::new().unwrap();
    unpack(&opened(&published.join("test-1.cvd")), by_sigtool.path()).unwrap();
    for version in 2..=6 {
        let path = published.join(format!("test-{version}.cdiff"));
        let differences = Differences::open(&path, &keys).unwrap();
        assert_eq!((differences.version(), differences.unsigned()), (version, None));
        differences.apply(members.path()).unwrap();
        assert_eq!(content(members.path()), all(&opened(&published.join(format!("test-{version}.cvd")))));
        match Command::new("sigtool")
            .arg(format!("--run-cdiff={}", path.display()))
            .current_dir(by_sigtool.path())
            .output()
        {
            Ok(_) => assert_eq!(content(members.path()), content(by_sigtool.path()), "{version}"),
            Err(error) => eprintln!("not compared with sigtool: {error}"),
        }
        let result = by_sigtool.path().with_extension("cld");
        pack(members.path(), "test", &mut fs::File::create(&result).unwrap()).unwrap();
        let packed = opened(&result);
        assert_eq!((packed.header().version, packed.unsigned()), (version, None));
        fs::remove_file(result).unwrap();
    }
}

#[test]
fn the_publishers_differences_are_signed_in_both_ways() {
    let Ok(shared) = std::env::var("CANDOR_SHARED") else {
        eprintln!("skipped: CANDOR_SHARED is not set");
        return;
    };
    let published = Path::new(&shared).join("data/cvd");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test-2.cdiff");
    let mut bytes = fs::read(published.join("test-2.cdiff")).unwrap();
    let signature = fs::read(published.join("test-2.cdiff.sign")).unwrap();
    let roots: Roots = super::super::detached::issuers(&signature);
    fs::write(&path, &bytes).unwrap();
    // By somebody's keys they are not signed, and beside them they are.
    assert!(Differences::open(&path, &keys()).unwrap().unsigned().is_some());
    fs::write(folder.path().join("test-2.cdiff.sign"), &signature).unwrap();
    let strangers = keys().with_roots(roots);
    assert_eq!(Differences::open(&path, &strangers).unwrap().unsigned(), None);
    bytes[30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(Differences::open(&path, &strangers), Err(Refusal::Forged(_))));
    fs::remove_file(folder.path().join("test-2.cdiff.sign")).unwrap();
    assert!(
        Differences::open(&path, &Keys::clamav())
            .map_or(true, |differences| differences.unsigned().is_some())
    );
}

/// Writes the containers and differences that tests of the command line use: `cargo test -p candor-signatures -- --ignored fixtures`.
#[test]
#[ignore = "writes fixtures"]
fn fixtures_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/src/clamav_update/fixtures");
    fs::create_dir_all(&folder).unwrap();
    let mut old = Making {
        version: 1,
        ..Making::new(&[
            ("test.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar\n"),
            ("test.ndb", "A-1:0:*:aabbccdd\n"),
        ])
    };
    fs::write(folder.join("test-1.cvd"), old.bytes()).unwrap();
    for version in 2..=4 {
        let line = format!("A-{version}:0:*:aabbccdd0{version}\n");
        let mut new = Making { version, ..old.clone() };
        new.members[1].1.extend(line.as_bytes());
        let script = format!("OPEN test.ndb\nADD {line}CLOSE\n{}", new.listing_script(&old));
        fs::write(folder.join(format!("test-{version}.cvd")), new.bytes()).unwrap();
        fs::write(folder.join(format!("test-{version}.cdiff")), differences(version, script.as_bytes()))
            .unwrap();
        old = new;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No damage is taken: it is an error, or the differences count as unsigned.
    #[test]
    fn damage_is_never_applied(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let folder = TempDir::new().unwrap();
        let good = differences(8, b"OPEN a.ndb\nADD x\nCLOSE\n");
        let mut bytes = good.clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        prop_assume!(bytes != good);
        if let Ok(differences) = Differences::open(&written(&folder, &bytes), &keys()) {
            prop_assert!(differences.unsigned().is_some());
        }
    }

    #[test]
    fn arbitrary_scripts_stay_in_their_folder(
        lines in prop::collection::vec("(OPEN|ADD|DEL|XCHG|MOVE|CLOSE|UNLINK) ?[ab./]{0,3}(\\.ndb)?( [0-9]{1,2} [a-z]{0,3}){0,2}", 0..20),
    ) {
        let folder = TempDir::new().unwrap();
        let inside = folder.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("a.ndb"), LINES).unwrap();
        let _ = run_unsigned(lines.join("\n").as_bytes(), &inside);
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn arbitrary_files_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_unsigned(&bytes);
        let _ = read_unsigned(&[b"ClamAV-Diff:2:40:", &bytes[..], b":abc"].concat());
    }
}
