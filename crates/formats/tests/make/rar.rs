//! Makes the samples in `tests/golden/rar`, of which those are kept that show something; what is encrypted is another each
//! time. Not built with the workspace: put it into a crate of its own with
//! `rars = { version = "=0.12.3", default-features = false, features = ["encryption", "write"] }`, and run it with the
//! folder that the samples go to.

use rars::{ArchiveVersion, Builder};

fn text(seed: u32) -> Vec<u8> {
    (0..40).flat_map(|line| format!("line {line} of text {seed}: the same words over and over\n").into_bytes()).collect()
}

fn fill(mut builder: Builder) -> Builder {
    for number in 1..=3 {
        let name = format!("folder/text-{number}.txt");
        builder.add_bytes(name.into_bytes(), text(number), None, None).unwrap();
    }
    builder
}

fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).expect("a folder"));
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    let versions = [
        ("rar14", ArchiveVersion::Rar14),
        ("rar15", ArchiveVersion::Rar15),
        ("rar20", ArchiveVersion::Rar20),
        ("rar40", ArchiveVersion::Rar40),
        ("rar50", ArchiveVersion::Rar50),
        ("rar70", ArchiveVersion::Rar70),
    ];
    for (name, version) in versions {
        let make = |what: &str, builder: Builder| match fill(builder).to_bytes() {
            Ok(bytes) => write(&format!("{name}-{what}.rar"), &bytes),
            Err(error) => eprintln!("{name}-{what}: {error}"),
        };
        let new = || Builder::new(version);
        make("packed", new());
        make("stored", new().store(true));
        make("solid", new().solid(true));
        if name == "rar40" || name == "rar50" {
            make("password-infected", new().password(Some(b"infected".to_vec())));
            make("password-unknown", new().password(Some(b"nobody knows".to_vec())));
            make("headers-infected", new().password(Some(b"infected".to_vec())).header_encryption(true));
            make("headers-unknown", new().password(Some(b"nobody knows".to_vec())).header_encryption(true));
            make("comment", new().comment(Some(b"a comment on the archive".to_vec())));
            let solid = new().solid(true).password(Some(b"infected".to_vec()));
            make("solid-password-infected", solid);
            // The parts of RAR 4 have one member.
            let mut volumes = new().store(true).volume_size(Some(if name == "rar40" { 1000 } else { 3000 }));
            if name == "rar40" {
                volumes.add_bytes(b"folder/text-1.txt".to_vec(), text(1), None, None).unwrap();
            } else {
                volumes = fill(volumes);
            }
            match volumes.build_volumes(None) {
                Ok(volumes) => {
                    for (number, volume) in volumes.iter().enumerate().take(2) {
                        write(&format!("{name}-volume-{}.rar", number + 1), volume);
                    }
                }
                Err(error) => eprintln!("{name}-volume: {error}"),
            }
        }
        if name == "rar50" {
            let comment = || new().comment(Some(b"a comment that is encrypted".to_vec()));
            make("comment-infected", comment().archive_comment_password(Some(b"infected".to_vec())));
            make("comment-unknown", comment().archive_comment_password(Some(b"nobody knows".to_vec())));
        }
        if name == "rar14" || name == "rar15" || name == "rar50" {
            let mut builder = fill(new());
            match builder.set_file_comment(b"folder/text-2.txt", Some(b"a comment on a member".to_vec())) {
                Ok(()) => write(&format!("{name}-member-comment.rar"), &builder.to_bytes().unwrap()),
                Err(error) => eprintln!("{name}-member-comment: {error}"),
            }
        }
        let Ok(bytes) = fill(new()).to_bytes() else { continue };
        if name == "rar40" || name == "rar50" {
            write(&format!("{name}-truncated.rar"), &bytes[..bytes.len() * 2 / 3]);
            write(&format!("{name}-bytes-behind.rar"), &[&bytes[..], b"bytes behind the archive"].concat());
            write(&format!("{name}-junk-before.rar"), &[b"\x01\x02\x03 some junk in front of it ", &bytes[..]].concat());
            let mut damaged = bytes.clone();
            let second = find(&damaged, b"text-2.txt") + 40;
            damaged[second] ^= 0x55;
            write(&format!("{name}-damaged-data.rar"), &damaged);
            let mut damaged = bytes.clone();
            let second = find(&damaged, b"text-2.txt");
            damaged[second] ^= 0x55;
            write(&format!("{name}-damaged-header.rar"), &damaged);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}
