//! What a segment is compiled into must be the same bytes for everybody who has the same version of the layout:
//! clients compare what they compile with what was published, and refuse another one.
//!
//! When this test fails, what is compiled has changed: raise `VERSION` in `crates/detect/src/image.rs` and put the new
//! digest here.

use std::io::{Seek, Write};

use candor_signatures::Sources;
use candor_signatures::segment::{Packer, Segment};
use sha2::{Digest, Sha256};

/// The version of the layout, and the digest of the image that it gives these sources.
const PUBLISHED: (u32, &str) = (4, "2da6f139413638aa16f39d399ae1897c47cf69daa9388d8b54c58a1fca8169e7");

#[test]
fn a_segment_is_compiled_into_what_was_published() {
    let members: [(&str, &str); 4] = [
        (
            "a.hdb",
            "44d88612fea8a8f36de82e1278abb02f:68:Test.Hash-1\n00112233445566778899aabbccddeeff:1024:Test.Hash-2\n",
        ),
        (
            "b.ldb",
            "Test.Logical-1;Engine:51-255,Target:1;(0&1)|2;414243444546{4-8}4748;6162(63|64)65666768;4a4b4c4d::i\n",
        ),
        ("c.ndb", "Test.Pattern-1:0:*:0102030405??0708*090a0b0c0d\n"),
        ("d.yar", "rule Test_Rule { strings: $a = \"some text\" nocase condition: $a and filesize < 1MB }\n"),
    ];
    let mut packer = Packer::new(tempfile::tempfile().unwrap());
    for (name, text) in members {
        packer.add(name, text.len() as u64, text.as_bytes()).unwrap();
    }
    let (mut file, _) = packer.finish().unwrap();
    file.flush().unwrap();
    file.rewind().unwrap();
    let sources = Sources::of_segment(Segment::open(file).unwrap());
    let mut problems = Vec::new();
    let mut image = tempfile::tempfile().unwrap();
    let compiler = sources.compile(|problem| problems.push(problem.to_string())).unwrap();
    compiler.write(&mut image).unwrap();
    assert_eq!(problems, Vec::<String>::new());
    image.rewind().unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut image, &mut bytes).unwrap();
    let version = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
    assert_eq!((version, hex::encode(Sha256::digest(&bytes)).as_str()), PUBLISHED);
}
