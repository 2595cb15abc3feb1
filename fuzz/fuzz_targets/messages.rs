//! What a worker that was taken over may send, and what a client may ask: refused, or a report whose numbers are
//! those of its own objects.
#![no_main]

use candor_protocol::{Assembly, OpenedPieces, Ready, Request};
use libfuzzer_sys::fuzz_target;

const MOST_OBJECTS: u32 = 1000;

fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    match kind % 4 {
        0 => {
            // Packets of one conversation, each with its length before it.
            let mut assembly = Assembly::new(MOST_OBJECTS);
            let mut rest = input;
            while let Some((length, after)) = rest.split_first_chunk::<2>() {
                let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
                let (packet, after) = after.split_at(length);
                rest = after;
                let read = assembly.read(packet, &mut |_, report| {
                    let known = |object: candor_object::ObjectId| (object.0 as usize) < report.objects.len();
                    assert!(report.objects.len() <= MOST_OBJECTS as usize);
                    assert!(report.findings.iter().all(|finding| known(finding.object)));
                    assert!(report.gaps.iter().all(|gap| known(gap.object)));
                    for (number, seen) in report.objects.iter().enumerate() {
                        assert_eq!(seen.parent.is_none(), number == 0);
                    }
                });
                if read.is_err() {
                    return;
                }
            }
        }
        1 => drop(Request::read(input, usize::from(*kind))),
        2 => drop(OpenedPieces::default().read(input)),
        _ => drop(Ready::read(input)),
    }
});
