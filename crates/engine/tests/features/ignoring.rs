//! What is not used, what is trusted, what is asked of an archive's members, and the oldest language.

use super::carriers::Kind;
use super::conditions::zip;
use super::feature::Feature;

/// A cpio archive with one member, whose name stands in one place only: it is what the carrier has between braces.
fn cpio(content: Vec<u8>) -> Vec<u8> {
    let room = content.iter().skip_while(|byte| **byte != b'{').skip(1);
    let name: Vec<u8> = room.copied().take_while(|byte| *byte != b'}').collect();
    let mut archive = Vec::new();
    for (name, content) in [(name.as_slice(), &b"content"[..]), (b"TRAILER!!!", b"")] {
        let fields = [1, 0o100_644, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
        archive.extend(b"070701");
        for field in fields {
            archive.extend(format!("{field:08x}").bytes());
        }
        archive.extend(name);
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

/// A signature over a member whose name is what the room has between braces.
fn member(line: &str, others: &[&str]) -> Feature {
    let never: String = others.iter().map(|other| format!("\nNever:{other}")).collect();
    Feature::new(line).file("cdb", &format!("Hit:{line}{never}")).wrapped(cpio).only(&[Kind::Raw])
}

pub(crate) fn features() -> Vec<Feature> {
    vec![
        // The twin is trusted, or it is not found for its own sake.
        Feature::pattern("'hel'??'o'")
            .file("fp", "<miss-md5>:<size>:Trusted\n<md5>:<size+1>:Trusted")
            .has("hello", "helmo"),
        Feature::pattern("'hel'??'o'").file("sfp", "<miss-sha1>:<size>:Trusted").has("hello", "helmo"),
        Feature::pattern("'hel'??'o'").file("sfp", "<miss-sha256>:*:Trusted:73").has("hello", "helmo"),
        Feature::pattern("'hel'??'o'")
            .file("fp", "<miss-md5>:<size>:Trusted")
            .has("hello", "helmo")
            .wrapped(zip),
        // What is ignored is not found, by name and by the line's digest.
        Feature::pattern("'hello'").never("'hello'").file("ign2", "Never").has("hello", "hellp"),
        Feature::pattern("'hello'").never("'hello'").file("ign", "feature.ndb:2:Never").has("hello", "hellp"),
        Feature::pattern("'hello'")
            .never("'hello'")
            .file("ign2", "Never:92beaea6920b1564b54ea584074b2e81\nHit:00000000000000000000000000000000")
            .has("hello", "hellp"),
        Feature::logical("0;'hello'").never_logical("0;'hello'").file("ign2", "Never").has("hello", "hellp"),
        Feature::new("hdb")
            .file("hdb", "<md5>:<size>:Hit\n<md5>:<size>:Never")
            .file("ign2", "Never")
            .has("hello", "hellp"),
        // Members.
        member("*:*:^evil\\.exe$:*:*:*:*:*:*", &["*:*:^good:*:*:*:*:*:*", "*:*:EVIL:*:*:*:*:*:*"])
            .has("{evil.exe}", "{evil.exf}"),
        member("CL_TYPE_CPIO_NEWC:*:\\.(exe|scr)$:*:*:*:*:*:*", &["CL_TYPE_ZIP:*:\\.scr$:*:*:*:*:*:*"])
            .has("{a.scr}", "{a.sdr}"),
        member(
            "*:*:evil:7:7:0:*:*:*",
            &["*:*:evil:8:*:*:*:*:*", "*:*:evil:*:*:1:*:*:*", "*:*:evil:*:0-6:*:*:*:*"],
        )
        .has("{evil}", "{evim}"),
        // The oldest language.
        Feature::new("db").file("db", "Hit='hello'\nNever='hellq'").has("hello", "hellp"),
        Feature::new("db").file("db", "Hit='he'??'lo'*'world'").has("hexlo, world", "hexlo, worle"),
        Feature::new("sdb").file("sdb", "Hit:0:*:'hello'").has("hello", "hellp"),
        Feature::new("ndu").file("ndu", "Hit:0:*:'hello'").has("hello", "hellp"),
        Feature::new("ldu")
            .file("ldu", "Hit;Engine:81-255,Target:0;0&1;'hello';'world'")
            .has("hello world", "hello worle"),
    ]
}
