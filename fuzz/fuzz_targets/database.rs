//! A damaged database is refused or harmless: the input is pairs of places and bytes that are changed in one
//! that was just built, with its header mended so that the damage is met by the readers of the sections.
#![no_main]

use std::sync::{Arc, OnceLock};

use candor_engine::{Content, Database, Engine, Limits};
use libfuzzer_sys::fuzz_target;

// Its sections are of every kind.
#[path = "../../crates/detect/tests/damaged/image.rs"]
mod image;

fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(image::image)
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
