//! A damaged database is refused or harmless: the input is pairs of places and bytes that are changed in one
//! that was just built, with its header mended so that the damage is met by the readers of the sections.
#![no_main]

use std::sync::{Arc, OnceLock};

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::Sources;
use libfuzzer_sys::fuzz_target;

fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut sources = Sources::default();
        sources.add_text("a.hdb", "44d88612fea8a8f36de82e1278abb02f:68:One\ndcd5fd3e4cfca675ac2784e563ede167:*:Two:73\n");
        sources.add_text(
            "a.ldb",
            "L0;Engine:51-255,Target:0;(0|1)>1,1&(2=0);68656c6c6f::iwa;71(71|72){1-4}71;ffffffff00\n\
             L1;Engine:51-255,Target:0,FileSize:1-900;0&1;62*6c6565{-9}48454c;(B)626c6565(B)\n",
        );
        sources.add_text("a.ndb", "N0:0:EOF-10,10:71717171\nN1:1:EP+0:909090\nN2:0:*:6565\n");
        sources.add_text(
            "a.yar",
            "import \"pe\" rule y { meta: a = \"b\" strings: $a = \"hello\" $b = /bl+ee/ condition: all of them }\n\
             rule z { condition: uint32(0) == 0 and not pe.is_pe }",
        );
        sources.build(|_| {}).unwrap().image
    })
}

fuzz_target!(|input: &[u8]| {
    let mut bytes = image().to_vec();
    let start = 72;
    for change in input.chunks_exact(4) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        let length = bytes.len();
        bytes[start + place % (length - start)] = change[3];
    }
    Database::mend_header(&mut bytes);
    let Ok(database) = Database::from_vec(bytes) else { return };
    let _ = (database.verify(), database.counts(), database.sources());
    let content = b"\0\0\0\0....hello blee....HELLO....qqqq bl lee HEL h\0e\0l\0l\0o\0".to_vec();
    let limits = Limits { time: std::time::Duration::from_secs(2), ..Limits::default() };
    let _ = Engine::new(vec![Arc::new(database)], limits).scan("fuzz", Content::from_vec(content));
});
