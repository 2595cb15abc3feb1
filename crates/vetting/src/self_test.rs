//! What a new database must find.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use candor_jail::{Job, Opened, Pool, sealed};
use candor_object::Report;
use candor_signatures::segment::{INERT, SELF_TEST, Segment};

use crate::{Settings, check};

/// The EICAR test file in two parts, so that no scanner takes this program for it.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"];
/// Longest witness, and all of a segment together, in bytes.
const LONGEST: u64 = 16 << 20;
const LONGEST_TOGETHER: u64 = 64 << 20;

/// Content that must be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What it is called, for people.
    pub name: String,
    /// The content itself.
    pub content: Vec<u8>,
}

/// The witnesses of a segment, as they are scanned.
///
/// # Errors
/// When one cannot be read, or they are too long.
pub fn witnesses(segment: &Segment) -> io::Result<Vec<Witness>> {
    let mut witnesses = Vec::new();
    let mut together = 0_u64;
    for member in segment.members().iter().filter(|member| member.is_witness()) {
        together = together.saturating_add(member.size);
        if member.size > LONGEST || together > LONGEST_TOGETHER {
            return Err(io::Error::other(format!("{}: witnesses are too long", member.name)));
        }
        let mut content = Vec::new();
        segment.reader(member).read_to_end(&mut content)?;
        content.iter_mut().for_each(|byte| *byte ^= INERT);
        let name = member.name.strip_prefix(SELF_TEST).unwrap_or(&member.name).to_owned();
        witnesses.push(Witness { name, content });
    }
    Ok(witnesses)
}

/// Scans all witnesses; how many there are, all of them found.
pub(crate) fn run(settings: &Settings, pool: &Pool) -> Result<usize, String> {
    let eicar = Witness { name: "the EICAR test file".to_owned(), content: EICAR.concat().into_bytes() };
    let all: Vec<&Witness> =
        settings.eicar.then_some(&eicar).into_iter().chain(&settings.witnesses).collect();
    let (tell, hear) = channel();
    for (number, witness) in all.iter().enumerate() {
        let file = sealed(witness.content.as_slice()).map_err(|error| error.to_string())?;
        let opened = Opened::new(Arc::new(file), witness.content.len() as u64);
        pool.submit(Box::new(Question { number, opened, tell: tell.clone() }));
    }
    drop(tell);
    let mut heard = 0_usize;
    for (number, report) in hear {
        heard += 1;
        let decision = settings.policy.decide(&report);
        if decision.detections.is_empty() {
            let name = all.get(number).map_or("", |witness| &witness.name);
            let (wrong, _) = check::found(&report, &settings.policy);
            let wrong = wrong.first().map(|wrong| format!(" {wrong}")).unwrap_or_default();
            return Err(format!("the self-test failed: {name} is not found{wrong}"));
        }
    }
    if heard == all.len() { Ok(heard) } else { Err("the self-test was not answered".to_owned()) }
}

struct Question {
    number: usize,
    opened: Opened,
    tell: Sender<(usize, Report)>,
}

impl Job for Question {
    fn open(&mut self) -> Option<Opened> {
        Some(self.opened.clone())
    }

    fn done(self: Box<Self>, report: Report) {
        // Who asked stops at the first that is not found.
        let _ = self.tell.send((self.number, report));
    }
}

#[cfg(test)]
mod tests {
    use candor_signatures::segment::Packer;

    use super::*;

    #[test]
    fn witnesses_lie_inert_in_segments() {
        let mut packer = Packer::new(tempfile::tempfile().unwrap());
        packer.add("a.hdb", 1, &b"x"[..]).unwrap();
        packer.add("self-test/one", 2, &[!b'o', !b'k'][..]).unwrap();
        let segment = Segment::open(packer.finish().unwrap().0).unwrap();
        let found = witnesses(&segment).unwrap();
        assert_eq!(found, [Witness { name: "one".to_owned(), content: b"ok".to_vec() }]);
        let mut packer = Packer::new(tempfile::tempfile().unwrap());
        packer.add("self-test/long", LONGEST + 1, io::repeat(0).take(LONGEST + 1)).unwrap();
        assert!(witnesses(&Segment::open(packer.finish().unwrap().0).unwrap()).is_err());
    }
}
