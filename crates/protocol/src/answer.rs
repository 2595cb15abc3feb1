//! Answers of a worker: many small ones in a packet, a large one in many packets.

use std::io;

use candor_object::Report;

use crate::Broken;
use crate::channel::MAX_PACKET;
use crate::report::{read_report, write_report};

/// Most bytes of a report on the wire: 100,000 objects with the longest names.
pub const MAX_REPORT: usize = 128 << 20;
/// A packet is sent when it has so many bytes.
const FULL: usize = 32 << 10;

/// The first byte of a packet.
const WHOLE: u8 = 1;
const PIECE: u8 = 2;
const LAST_PIECE: u8 = 3;
/// The ticket before each report.
const TICKET: usize = 4;

/// Collects answers into packets.
#[derive(Debug, Default)]
pub struct Answers {
    packet: Vec<u8>,
    report: Vec<u8>,
}

impl Answers {
    /// Adds an answer and sends what is full. A report that is too long for the wire is refused, with nothing
    /// sent of it.
    ///
    /// # Errors
    /// Those of `send`, and `InvalidData` for a report that is too long.
    pub fn add(
        &mut self,
        ticket: u32,
        report: &Report,
        send: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.report.clear();
        self.report.extend(ticket.to_le_bytes());
        write_report(report, &mut self.report);
        if self.report.len() > MAX_REPORT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the report is too long"));
        }
        if self.report.len() >= MAX_PACKET {
            self.flush(send)?;
            return self.send_in_pieces(send);
        }
        if self.packet.len().saturating_add(self.report.len()) > MAX_PACKET {
            self.flush(send)?;
        }
        if self.packet.is_empty() {
            self.packet.push(WHOLE);
        }
        self.packet.append(&mut self.report);
        if self.packet.len() >= FULL { self.flush(send) } else { Ok(()) }
    }

    /// Sends what is there.
    ///
    /// # Errors
    /// Those of `send`.
    pub fn flush(&mut self, send: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if !self.packet.is_empty() {
            send(&self.packet)?;
            self.packet.clear();
        }
        Ok(())
    }

    fn send_in_pieces(&mut self, send: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let report = std::mem::take(&mut self.report);
        let mut rest = report.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(MAX_PACKET.saturating_sub(1)));
            self.packet.push(if after.is_empty() { LAST_PIECE } else { PIECE });
            self.packet.extend(piece);
            self.flush(send)?;
            rest = after;
        }
        Ok(())
    }
}

/// Puts answers together again from packets.
#[derive(Debug)]
pub struct Assembly {
    most_objects: u32,
    pieces: Vec<u8>,
}

impl Assembly {
    /// For reports of at most `most_objects` objects.
    pub fn new(most_objects: u32) -> Self {
        Self { most_objects, pieces: Vec::new() }
    }

    /// Calls `each` with every ticket and report that a packet completes.
    ///
    /// # Errors
    /// When the packet breaks the protocol; what was complete before was handed over.
    pub fn read(&mut self, packet: &[u8], each: &mut impl FnMut(u32, Report)) -> Result<(), Broken> {
        match packet.split_first() {
            Some((&WHOLE, answers)) if self.pieces.is_empty() => {
                let mut rest = answers;
                while !rest.is_empty() {
                    rest = self.answer(rest, each)?;
                }
                Ok(())
            }
            Some((kind @ (&PIECE | &LAST_PIECE), piece)) => {
                if self.pieces.len().saturating_add(piece.len()) > MAX_REPORT {
                    return Err(Broken("a report is too long"));
                }
                self.pieces.extend(piece);
                if *kind == PIECE {
                    return Ok(());
                }
                let pieces = std::mem::take(&mut self.pieces);
                let rest = self.answer(&pieces, each)?;
                if rest.is_empty() { Ok(()) } else { Err(Broken("something follows a report")) }
            }
            _ => Err(Broken("an answer is of no known kind")),
        }
    }

    fn answer<'p>(&self, bytes: &'p [u8], each: &mut impl FnMut(u32, Report)) -> Result<&'p [u8], Broken> {
        let (ticket, bytes) = bytes.split_first_chunk::<TICKET>().ok_or(Broken("an answer has no ticket"))?;
        let (report, rest) = read_report(bytes, self.most_objects)?;
        each(u32::from_le_bytes(*ticket), report);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use candor_object::{
        Attribute, Category, Evidence, Fact, FactKind, FileType, Finding, Gap, Limit, ObjectId, Reason,
        Relation, Seen, Strength,
    };
    use proptest::prelude::*;

    use super::*;

    fn report(objects: u32) -> Report {
        let seen = |number: u32| Seen {
            parent: number.checked_sub(1).map(|before| ObjectId(before / 2)),
            name: format!("member {number}"),
            relation: Relation::ALL[number as usize % Relation::ALL.len()],
            file_type: FileType::new("zip"),
            size: u64::from(number) << 30,
            sha256: number.is_multiple_of(7).then_some([number as u8; 32]),
        };
        let finding = |category| Finding {
            object: ObjectId(0),
            detector: "hash",
            name: "A.B-1".into(),
            source: "a.hdb".into(),
            category,
            strength: Strength::Strong,
            text: "aa:11".into(),
            evidence: vec![Evidence { what: "MD5".into(), offset: 1, size: 2, excerpt: vec![3; 64] }],
        };
        let fact = |kind: &FactKind| Fact {
            object: ObjectId(0),
            kind: *kind,
            attributes: Attribute::ALL.iter().take(2).map(|name| (*name, "x".repeat(5))).collect(),
        };
        let gaps =
            [Reason::Encrypted, Reason::Crashed, Reason::Limit(Limit::Depth), Reason::Limit(Limit::Time)];
        Report {
            objects: (0..objects).map(seen).collect(),
            findings: Category::ALL.map(finding).to_vec(),
            gaps: gaps.map(|reason| Gap { object: ObjectId(0), reason, detail: "é".into() }).to_vec(),
            facts: FactKind::ALL.iter().take(4).map(fact).collect(),
        }
    }

    fn packets(reports: &[Report]) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut send = |packet: &[u8]| {
            assert!(packet.len() <= MAX_PACKET);
            packets.push(packet.to_vec());
            Ok(())
        };
        let mut answers = Answers::default();
        for (ticket, report) in (0..).zip(reports) {
            answers.add(ticket, report, &mut send).unwrap();
        }
        answers.flush(&mut send).unwrap();
        packets
    }

    #[test]
    fn small_and_large_reports_arrive_as_they_were() {
        let reports = [1, 2, 5000, 1, 1, 40_000, 3].map(report);
        let mut assembly = Assembly::new(100_000);
        let mut arrived = Vec::new();
        for packet in packets(&reports) {
            assembly.read(&packet, &mut |ticket, report| arrived.push((ticket, report))).unwrap();
        }
        assert_eq!(arrived, (0..).zip(reports).collect::<Vec<_>>());
    }

    #[test]
    fn many_small_answers_share_a_packet() {
        let reports = vec![report(1); 20];
        assert_eq!(packets(&reports).len(), 1);
    }

    #[test]
    fn more_objects_than_allowed_break_the_protocol() {
        let packets = packets(&[report(10)]);
        assert!(Assembly::new(10).read(&packets[0], &mut |_, _| {}).is_ok());
        assert!(Assembly::new(9).read(&packets[0], &mut |_, _| {}).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damage_is_refused_or_harmless(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<bool>()) {
            let mut packet = packets(&[report(20), report(1)]).remove(0);
            let at = at.index(packet.len());
            if cut {
                packet.truncate(at);
            } else {
                packet[at] ^= value;
            }
            let mut assembly = Assembly::new(100);
            let _ = assembly.read(&packet, &mut |_, report| {
                assert!(report.objects.len() <= 100);
                assert!(report.facts.iter().all(|fact| (fact.object.0 as usize) < report.objects.len()));
                assert!(report.gaps.iter().all(|gap| (gap.object.0 as usize) < report.objects.len()));
            });
        }

        #[test]
        fn noise_is_refused(packet in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Assembly::new(100).read(&packet, &mut |_, _| {});
        }
    }
}
