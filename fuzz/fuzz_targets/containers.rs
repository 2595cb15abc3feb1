//! The input is a container, the archive of one, or that in gzip's place: it is opened, its members are read again and
//! compiled, and nothing that it can hold counts as signed.
#![no_main]

use std::fs;
use std::io;

use candor_signatures::container::{Container, Keys, Kind};
use candor_signatures::{Settings, Sources, Unsigned, Unwanted};
use libfuzzer_sys::fuzz_target;

/// A header whose digest is not told, so that the archive behind it is read whatever it is.
const HEADER: &str = "ClamAV-VDB:22 Nov 2026 12-57 +0000:1:1:90:X:X:tester:1795352272";

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else { return };
    let (extension, kind) = [("cvd", Kind::Cvd), ("cld", Kind::Cld), ("cud", Kind::Cud)][usize::from(choice % 3)];
    let bytes = if choice & 0x80 == 0 {
        [format!("{HEADER:<512}").as_bytes(), body].concat()
    } else {
        body.to_vec()
    };
    let path = std::env::temp_dir().join(format!("candor-fuzz-{}.{extension}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    if let Ok(container) = Container::open_as(&path, kind, &Keys::clamav()) {
        assert!(container.unsigned().is_some(), "nobody has signed this");
        let mut sizes = Vec::new();
        container
            .read(
                |_| true,
                |member, text| {
                    sizes.push((member.size, io::copy(text, &mut io::sink())?));
                    Ok(())
                },
            )
            .unwrap();
        assert_eq!(sizes.len(), container.members().len());
        assert!(sizes.iter().all(|(told, read)| told == read));
        let settings = Settings { unsigned: Unsigned::Taken, unwanted: Unwanted::All, ..Settings::default() };
        let mut sources = Sources::new(settings);
        sources.add_path(&path).unwrap();
        sources.build(|problem| drop(problem.to_string())).unwrap();
    }
    fs::remove_file(&path).unwrap();
});
