//! One file taken apart: what a worker hands over of it where somebody wants to look into it and not scan it.

use std::io;

use serde::{Deserialize, Serialize};

use crate::Broken;
use crate::channel::MAX_PACKET;
use crate::request::write;

/// Most bytes of an answer on the wire.
pub const MAX_OPENED: usize = 256 << 20;
/// Most bytes of all parts together that are asked for.
pub const MOST_PARTS: u64 = 128 << 20;

/// The first byte of a packet.
const PIECE: u8 = 4;
const LAST_PIECE: u8 = 5;

/// What lies directly in a file, and where things are in it. Hostile: nothing of it is checked, and numbers may point
/// anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The name of its type.
    pub file_type: String,
    /// What comes out of it, in order.
    pub parts: Vec<Part>,
    /// Where things are, if it is an executable whose header could be read.
    pub layout: Option<LayoutRecord>,
    /// What could not be taken out, in words.
    pub gaps: Vec<String>,
}

/// Something that comes out of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// The type of a canonical form; empty for anything else.
    pub form: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Where things are in an executable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutRecord {
    /// Offset and size of each section, in the order of the header.
    pub sections: Vec<(u64, u64)>,
    /// Library and symbol of each imported function.
    pub imports: Vec<(String, String)>,
}

impl Opened {
    /// Sends it in as many packets as it needs.
    ///
    /// # Errors
    /// Those of `send`, and `InvalidData` where it is too long.
    pub fn send(&self, send: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        write(self, &mut bytes);
        if bytes.len() > MAX_OPENED {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too much comes out of the file"));
        }
        let mut rest = bytes.as_slice();
        loop {
            let (piece, after) = rest.split_at(rest.len().min(MAX_PACKET.saturating_sub(1)));
            let kind = if after.is_empty() { LAST_PIECE } else { PIECE };
            send(&[&[kind], piece].concat())?;
            if after.is_empty() {
                return Ok(());
            }
            rest = after;
        }
    }
}

/// Puts an answer together again from packets.
#[derive(Debug, Default)]
pub struct OpenedPieces(Vec<u8>);

impl OpenedPieces {
    /// Takes a packet; the answer, if it is the last.
    ///
    /// # Errors
    /// When the packet breaks the protocol.
    pub fn read(&mut self, packet: &[u8]) -> Result<Option<Opened>, Broken> {
        let Some((kind @ (&PIECE | &LAST_PIECE), piece)) = packet.split_first() else {
            return Err(Broken("an answer is of no known kind"));
        };
        if self.0.len().saturating_add(piece.len()) > MAX_OPENED {
            return Err(Broken("an answer is too long"));
        }
        self.0.extend(piece);
        if *kind == PIECE {
            return Ok(None);
        }
        let pieces = std::mem::take(&mut self.0);
        postcard::from_bytes(&pieces).map(Some).map_err(|_| Broken("what was taken out cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packets(opened: &Opened) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        opened
            .send(&mut |packet| {
                assert!(packet.len() <= MAX_PACKET);
                packets.push(packet.to_vec());
                Ok(())
            })
            .unwrap();
        packets
    }

    fn sample(size: usize) -> Opened {
        let part = Part { name: "a".into(), form: "text-normalized".into(), bytes: vec![7; size] };
        let layout = LayoutRecord { sections: vec![(1, 2)], imports: vec![("a.dll".into(), "b".into())] };
        Opened { file_type: "pe".into(), parts: vec![part], layout: Some(layout), gaps: vec!["cut".into()] }
    }

    #[test]
    fn an_answer_arrives_as_it_was() {
        for size in [0, 1, MAX_PACKET, 1 << 20] {
            let mut pieces = OpenedPieces::default();
            let packets = packets(&sample(size));
            let (last, first) = packets.split_last().unwrap();
            for packet in first {
                assert_eq!(pieces.read(packet), Ok(None));
            }
            assert_eq!(pieces.read(last), Ok(Some(sample(size))));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn noise_is_refused_or_harmless(packet in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = OpenedPieces::default().read(&packet);
            let _ = OpenedPieces::default().read(&[&[LAST_PIECE][..], &packet].concat());
        }
    }
}
