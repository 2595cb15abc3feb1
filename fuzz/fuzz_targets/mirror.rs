//! The input is what a mirror says of which files there are. Whatever it says, only such paths are asked for as the
//! layout has, no more bytes are taken than allowed, and nothing half is left.
#![no_main]

use std::io::Write;

use candor_fetch::mirror::{Extent, fetch};
use candor_fetch::{Error, Progress, Staging, Transport};
use libfuzzer_sys::fuzz_target;

/// Gives the parts of the input to one request after the other; an empty part is no file.
struct Parts<'i> {
    parts: Vec<&'i [u8]>,
    asked: usize,
}

impl Transport for Parts<'_> {
    fn get(&mut self, path: &str, cap: u64, sink: &mut dyn Write) -> Result<Option<u64>, Error> {
        let letters = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./-".contains(&byte));
        assert!(letters && !path.starts_with('/') && !path.contains("..") && path.len() < 200, "{path}");
        let part = self.parts.get(self.asked).copied().unwrap_or_default();
        self.asked += 1;
        if part.is_empty() || part.len() as u64 > cap {
            return Ok(None);
        }
        sink.write_all(part).unwrap();
        Ok(Some(part.len() as u64))
    }
}

fuzz_target!(|input: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path()).unwrap();
    let mut parts = Parts { parts: input.split(|byte| *byte == 0xff).collect(), asked: 0 };
    let (fetched, result) = fetch(&mut parts, &staging, Extent::Missing, None, &Progress::quiet());
    assert!(fetched.bytes <= input.len() as u64);
    assert_eq!(result.is_ok(), folder.path().join("have").is_file());
});
