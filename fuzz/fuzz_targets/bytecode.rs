//! A program in bytecode is refused or ends within its limits, whatever it is and whatever it looks at.
//!
//! The input is a program in its compact form with some content behind it, or text of a `cbc` file.
#![no_main]

use std::time::{Duration, Instant};

use candor_detect::bytecode::{Draft, Extracted, Host, Limits, Matches, PdfPhase, Program, run};
use candor_object::{Content, Layout};
use candor_signatures::{Programs, Settings, Sources};
use libfuzzer_sys::fuzz_target;

struct Shown {
    content: Content,
    matches: Matches,
    bytes: usize,
}

impl Host for Shown {
    fn content(&self) -> &Content {
        &self.content
    }

    fn layout(&self) -> Option<&Layout> {
        None
    }

    fn matches(&self) -> &Matches {
        &self.matches
    }

    fn pdf_phase(&self) -> Option<PdfPhase> {
        Some(PdfPhase::Parsed)
    }

    fn extracted(&mut self, object: Extracted) -> bool {
        self.bytes += object.bytes.len();
        false
    }
}

fn examine(program: &Program, content: &[u8]) {
    let mut shown = Shown { content: Content::from_vec(content.to_vec()), matches: Matches::default(), bytes: 0 };
    let limits = Limits {
        instructions: 200_000,
        memory: 1 << 20,
        depth: 32,
        extracted: 4,
        extracted_bytes: 1 << 16,
        deadline: Instant::now() + Duration::from_secs(5),
    };
    if let Ok(outcome) = run(program, &mut shown, &limits) {
        assert!(outcome.instructions <= limits.instructions && outcome.extracted <= limits.extracted);
    }
    assert!(shown.bytes <= 4 << 16);
}

fuzz_target!(|input: &[u8]| {
    if input.starts_with(b"ClamBC") {
        let mut sources = Sources::new(Settings { programs: Programs::All, ..Settings::default() });
        sources.add_text("fuzz.cbc", &String::from_utf8_lossy(input));
        let built = sources.build(|problem| drop(problem.to_string())).unwrap();
        let database = candor_detect::Database::from_vec(built.image).unwrap();
        for stored in database.programs().unwrap() {
            examine(&stored.program().unwrap(), input);
        }
        return;
    }
    let Some((length, rest)) = input.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (program, content) = rest.split_at(length);
    let Some(draft) = Draft::decode(program) else { return };
    let encoded = draft.encode();
    assert_eq!(Draft::decode(&encoded), Some(draft.clone()));
    if let Ok(program) = Program::new(&draft) {
        examine(&program, content);
    }
});
