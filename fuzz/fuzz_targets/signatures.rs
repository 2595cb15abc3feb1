//! Every signature language reads the input, and what it makes of it scans a little content.
#![no_main]

use std::sync::Arc;

use candor_engine::{Content, Database, Engine, Limits};
use candor_signatures::{LANGUAGES, Settings, Sources, Unwanted};
use libfuzzer_sys::fuzz_target;

const CONTENT: &[u8] = b"\0\0\0\0....hello blee....HELLO....qqqq aaaaaaaaaaaaaaaaaaaaaaaa\r\n(B)68656c6c6f";

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let extensions: Vec<&str> = LANGUAGES.iter().flat_map(|language| language.extensions()).copied().collect();
    let Some(extension) = extensions.get(usize::from(*choice) % extensions.len()) else { return };
    let mut sources = Sources::new(Settings { unwanted: Unwanted::All, ..Settings::default() });
    sources.add_text(&format!("fuzz.{extension}"), &String::from_utf8_lossy(text));
    let built = sources.build(|problem| drop(problem.to_string())).unwrap();
    let database = Arc::new(Database::from_vec(built.image).unwrap());
    database.verify().unwrap();
    let report = Engine::new(vec![database], Limits::default()).scan("fuzz", Content::from_vec(CONTENT.to_vec()));
    assert!(report.gaps.is_empty(), "{:?}", report.gaps);
});
