//! The canonical form, compared with GNU tar, and what is refused.

use std::fs;
use std::process::Command;

use proptest::prelude::*;
use tempfile::{TempDir, tempfile};

use super::*;

const EICAR: &str = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n";

fn packed(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packer = Packer::new(Vec::new());
    for (name, content) in members {
        packer.add(name, content.len() as u64, *content).unwrap();
    }
    packer.finish().unwrap().0
}

fn opened(bytes: &[u8]) -> Result<Segment, SegmentError> {
    let mut file = tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Segment::open(file)
}

fn content(segment: &Segment, name: &str) -> Vec<u8> {
    let member = segment.members().iter().find(|member| member.name == name).unwrap();
    let mut bytes = Vec::new();
    segment.reader(member).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_packed_is_read() {
    let long = vec![7; 700_000];
    let bytes = packed(&[("a/b.ndb", b""), ("mine.hdb", EICAR.as_bytes()), ("self-test/x", &long)]);
    let segment = opened(&bytes).unwrap();
    let names: Vec<&str> = segment.members().iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["a/b.ndb", "mine.hdb", "self-test/x"]);
    assert_eq!(content(&segment, "mine.hdb"), EICAR.as_bytes());
    assert_eq!(content(&segment, "self-test/x"), long);
    assert_eq!(content(&segment, "a/b.ndb"), b"");
    assert!(segment.members().last().unwrap().is_witness());
}

#[test]
fn gnu_tar_writes_the_same() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("self-test")).unwrap();
    for (name, size) in
        [("a.hdb", 0), ("b-c.hdb", 511), ("b.hdb", 512), ("self-test/e", 513), ("Z.yar", 70_000)]
    {
        fs::write(folder.path().join(name), vec![b'x'; size]).unwrap();
    }
    let mut ours = Vec::new();
    let length = pack_folder(folder.path(), &mut ours).unwrap();
    assert_eq!(length, ours.len() as u64);
    let tar = Command::new("tar")
        .args([
            "-b1",
            "--format=ustar",
            "--mode=0644",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
        ])
        .args(["-cf", "-", "Z.yar", "a.hdb", "b-c.hdb", "b.hdb", "self-test/e"])
        .current_dir(folder.path())
        .output();
    let Ok(tar) = tar else {
        eprintln!("skipped: there is no tar");
        return;
    };
    assert!(tar.stdout == ours, "{}", String::from_utf8_lossy(&tar.stderr));
    assert_eq!(opened(&ours).unwrap().members().len(), 5);
}

#[test]
fn other_forms_are_refused() {
    let good = packed(&[("a.hdb", EICAR.as_bytes()), ("b.hdb", b"x")]);
    assert!(opened(&good).is_ok());
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        opened(&bytes)
    };
    // Name, mode, owner, time, checksum, type, user's name, prefix, what fills the block.
    for at in [0, 100, 108, 136, 148, 156, 265, 345, 511] {
        assert!(matches!(with(at, b'7'), Err(SegmentError::Header(0))), "{at}");
    }
    assert!(matches!(with(512 + EICAR.len(), 1), Err(SegmentError::Padding(_))));
    let end = good.len();
    assert!(matches!(with(end - 1, 1), Err(SegmentError::Header(_))));
    for length in [0, 1, 511, 512, 1024, end - 1024, end - 512, end - 1] {
        assert!(matches!(opened(&good[..length]), Err(SegmentError::Length { .. })), "{length}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(matches!(opened(&longer), Err(SegmentError::Length { .. })));
    assert!(matches!(opened(&[0; 1024]), Err(SegmentError::Empty)));
}

#[test]
fn members_rise_and_have_plain_names() {
    let first = packed(&[("b.hdb", b"")]);
    let unordered = [&first[..512], &packed(&[("a.hdb", b"")])[..]].concat();
    assert!(matches!(opened(&unordered), Err(SegmentError::Order(name)) if name == "a.hdb"));
    let twice = [&first[..512], &first[..]].concat();
    assert!(matches!(opened(&twice), Err(SegmentError::Order(_))));
    let long = "x".repeat(101);
    for name in ["", "/a", "a/", "a//b", "../a", ".a", "a/../b", "a b", "a\n", "ä", "a\\b", &long] {
        let refused = Packer::new(Vec::new()).add(name, 0, &b""[..]);
        assert!(matches!(refused, Err(SegmentError::Name(_))), "{name}");
        // And where somebody else wrote it, with the right checksum.
        if name.len() <= LONGEST_NAME && !name.is_empty() {
            let bytes = [&header(name, 0)[..], &END].concat();
            assert!(opened(&bytes).is_err(), "{name}");
        }
    }
}

#[test]
fn a_folder_has_files_only_and_a_size_is_kept() {
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a.hdb")).unwrap();
    assert!(matches!(pack_folder(folder.path(), io::sink()), Err(SegmentError::NoFile(_))));
    assert!(matches!(pack_folder(TempDir::new().unwrap().path(), io::sink()), Err(SegmentError::Empty)));
    for size in [0, 2] {
        let refused = Packer::new(Vec::new()).add("a", size, &b"x"[..]);
        assert!(matches!(refused, Err(SegmentError::Changed(_))));
    }
}

#[test]
fn a_size_that_lies_is_refused() {
    for size in [1, 0o77_777_777_777] {
        let bytes = [&header("a", size)[..], &END].concat();
        assert!(matches!(opened(&bytes), Err(SegmentError::Length { .. })), "{size}");
    }
}

proptest! {
    #[test]
    fn one_changed_byte_is_noticed_or_content(at in 0_usize..4096, byte: u8) {
        let mut bytes = packed(&[("a.hdb", EICAR.as_bytes()), ("b.hdb", b"x")]);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(segment) = opened(&bytes) {
            // Whatever is accepted is what its own content makes.
            let members: Vec<(String, Vec<u8>)> = segment
                .members()
                .iter()
                .map(|member| (member.name.clone(), content(&segment, &member.name)))
                .collect();
            let borrowed: Vec<(&str, &[u8])> =
                members.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
            prop_assert_eq!(packed(&borrowed), bytes);
        }
    }
}
