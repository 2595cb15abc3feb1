//! Containers that are made to exhaust whoever opens them: the budget holds, what it cuts off is a gap, and what stands
//! beside is still scanned.

use std::io::{Read, Write};
use std::sync::Arc;

use candor_engine::{Compiler, Content, Database, Engine, Gap, Limit, Limits, Reason, Report};
use flate2::{Compression, read::GzDecoder, write::DeflateEncoder};

fn scan(limits: &Limits, bytes: Vec<u8>) -> Report {
    let database = Database::from_vec(Compiler::default().finish()).unwrap();
    Engine::new(vec![Arc::new(database)], limits.clone()).scan("root", Content::from_vec(bytes))
}

fn limits_met(report: &Report) -> Vec<Limit> {
    let limit = |reason| if let Reason::Limit(limit) = reason { Some(limit) } else { None };
    report.gaps.iter().filter_map(|gap| limit(gap.reason)).collect()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A member of a zip archive: its name, its packed bytes, and how many they come to.
type Member<'a> = (&'a [u8], &'a [u8], usize);

/// A zip archive. With `shared`, all entries of the directory name the first member.
fn zip<'a>(members: impl Iterator<Item = Member<'a>>, shared: bool) -> Vec<u8> {
    let (mut archive, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u64);
    for (name, packed, size) in members {
        let sizes = [0, packed.len() as u32, size as u32].map(u32::to_le_bytes).concat();
        let fields =
            [&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0][..], &sizes, &(name.len() as u16).to_le_bytes(), &[0, 0]]
                .concat();
        let offset = if shared { 0 } else { archive.len() as u32 };
        directory
            .extend([b"PK\x01\x02\x14\x00", &fields[..], &[0; 10], &offset.to_le_bytes(), name].concat());
        if count == 0 || !shared {
            archive.extend([b"PK\x03\x04", &fields[..], name, packed].concat());
        }
        count += 1;
    }
    let start = archive.len() as u64;
    let size = directory.len() as u64;
    archive.append(&mut directory);
    let end64 = archive.len() as u64;
    archive.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
    archive.extend([count, count, size, start].map(u64::to_le_bytes).concat());
    archive.extend([b"PK\x06\x07\0\0\0\0", &end64.to_le_bytes()[..], b"\x01\0\0\0"].concat());
    archive.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    archive
}

/// An optical disk on which a file and another begin where the disk does, so that each is a disk with both again.
fn disk_in_itself() -> Vec<u8> {
    let path = "../formats/tests/golden/iso9660/both.image.gz";
    let mut disk = Vec::new();
    GzDecoder::new(&std::fs::read(path).unwrap()[..]).read_to_end(&mut disk).unwrap();
    let all = disk.len() as u32;
    let mut patched = 0;
    for (name, size) in [(&b"HELLO.TXT"[..], all), (b"DEEP.TXT", all - 2048)] {
        let records: Vec<usize> = disk
            .windows(name.len())
            .enumerate()
            .filter(|(_, bytes)| *bytes == name)
            .map(|(place, _)| place - 33)
            .collect();
        for record in records {
            disk[record + 2..record + 10].fill(0);
            disk[record + 10..record + 14].copy_from_slice(&size.to_le_bytes());
            disk[record + 14..record + 18].copy_from_slice(&size.to_be_bytes());
            patched += 1;
        }
    }
    assert!(patched >= 2);
    disk
}

#[test]
fn a_disk_in_itself_twice_ends() {
    let report = scan(&Limits { objects: 3000, ..Limits::default() }, disk_in_itself());
    let met = limits_met(&report);
    assert!(met.contains(&Limit::Depth) || met.contains(&Limit::Objects), "{met:?}");
    assert!(report.objects.len() <= 3001);
    let deepest = report.objects.iter().filter(|object| object.file_type.name() == "iso9660").count();
    assert!(deepest > 10, "the disk in the disk is opened: {deepest}");
}

#[test]
fn archives_of_archives_of_zeros_end() {
    let zeros = vec![0; 8 << 20];
    let (mut level, mut size) = (deflate(&zeros), zeros.len());
    for _ in 0..5 {
        let archive = zip((0..16).map(|_| (&b"0.zip"[..], &level[..], size)), false);
        (level, size) = (deflate(&archive), archive.len());
    }
    let bomb = zip([(&b"42.zip"[..], &level[..], size), (b"after", &deflate(b"text"), 4)].into_iter(), false);
    assert!(bomb.len() < 1 << 20);
    let limits = Limits { unpacked_bytes: 64 << 20, ..Limits::default() };
    let report = scan(&limits, bomb);
    assert!(limits_met(&report).contains(&Limit::UnpackedBytes), "{:?}", report.gaps);
}

#[test]
fn entries_that_share_one_member_end() {
    let packed = deflate(&vec![0; 4 << 20]);
    let names: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let bomb = zip(names.iter().map(|name| (name.as_bytes(), &packed[..], 4 << 20)), true);
    let report = scan(&Limits { unpacked_bytes: 64 << 20, ..Limits::default() }, bomb);
    // The member is handed over once, for all its names.
    assert_eq!(report.objects.iter().skip(1).map(|object| object.size).collect::<Vec<_>>(), [4 << 20]);
}

fn entries(count: u32) -> Report {
    let archive = zip((0..count).map(|_| (&b"x"[..], &b"\x03\0"[..], 0)), false);
    scan(&Limits::default(), archive)
}

#[test]
fn entries_without_end_end() {
    let report = entries(200_000);
    assert_eq!(limits_met(&report), [Limit::Objects]);
    assert_eq!(report.objects.len(), 100_001);
}

/// `cargo test -p candor-engine --test hostile_formats -- --ignored`.
#[test]
#[ignore = "needs 2 GB of memory"]
fn ten_million_entries_end() {
    let started = std::time::Instant::now();
    let report = entries(10_000_000);
    eprintln!("{:.1?}, {} gaps", started.elapsed(), report.gaps.len());
    assert!(limits_met(&report).contains(&Limit::Objects));
}

#[test]
fn names_are_bounded_and_lose_nothing() {
    let long = vec![b'n'; 65_535];
    let names: [&[u8]; 6] =
        [b"../../etc/passwd", b"/etc/passwd", b"a\0b", b"\x1b[2J\r\n", b"\xff\xfe\xfd", &long];
    let packed = deflate(b"content");
    let report = scan(&Limits::default(), zip(names.iter().map(|name| (*name, &packed[..], 7)), false));
    assert_eq!(report.objects.len(), 7);
    assert!(
        report
            .objects
            .iter()
            .skip(1)
            .all(|object| object.size == 7 && object.name.len() <= candor_object::MAX_NAME)
    );
}

/// What decoders hold beside what they put out counts as held: a solid archive's always, a stream's from 64 MiB on.
#[test]
fn dictionaries_count_as_held() {
    let golden = |name: &str| std::fs::read(format!("../formats/tests/golden/{name}")).unwrap();
    let mut lzma = golden("lzma/one.lzma");
    lzma[1..5].copy_from_slice(&(128_u32 << 20).to_le_bytes());
    let mut zstd = golden("zstd/one.zst");
    assert_eq!(zstd[4] & 0x20, 0, "a frame with a window of its own");
    zstd[5] = 17 << 3;
    for (what, bytes, held) in [
        ("lzma", lzma, 100 << 20),
        ("zstd", zstd, 100 << 20),
        ("7z", golden("7z/lzma2-solid.7z"), 100),
        ("nsis", golden("nsis/lzma-solid"), 1 << 20),
    ] {
        let report = scan(&Limits::default(), bytes.clone());
        assert!(limits_met(&report).is_empty() && report.objects.len() > 1, "{what}: {:?}", report.gaps);
        let report = scan(&Limits { held_bytes: held, ..Limits::default() }, bytes);
        let refused =
            |gap: &Gap| gap.reason == Reason::Limit(Limit::HeldBytes) && gap.detail.contains("dictionary");
        assert!(report.gaps.iter().any(refused), "{what}: {:?}", report.gaps);
    }
}
