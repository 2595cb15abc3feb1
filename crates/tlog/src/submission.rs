//! What a log sends to a witness: <https://c2sp.org/tlog-witness>, `add-checkpoint`.

use crate::encoding::{base64, decimal, hash};
use crate::{Checkpoint, Error, Hash, MAX_NOTE, Note};

/// Most hashes of a consistency proof that a client may send.
pub const MAX_CONSISTENCY_HASHES: usize = 63;
/// Most bytes of a submission: the old size, the hashes, an empty line, the note.
pub const MAX_SUBMISSION: usize = 32 + MAX_CONSISTENCY_HASHES * 45 + MAX_NOTE;

/// A checkpoint for a witness, with what proves that it continues the one that the witness has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The size of the last checkpoint that the witness cosigned; 0 if there was none.
    pub old: u64,
    /// The consistency proof from there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by its log.
    pub note: Note,
    /// What the note says. Nothing of it is verified.
    pub checkpoint: Checkpoint,
}

impl Submission {
    /// Reads the body of a request. Whether `old` is beyond the checkpoint is not looked at.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_SUBMISSION {
            return Err(Error::Malformed("the request is too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("the request is not UTF-8"))?;
        let (head, note) =
            text.split_once("\n\n").ok_or(Error::Malformed("no empty line ends the consistency proof"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = decimal(old.ok_or(Error::Malformed("the request does not begin with \"old SIZE\""))?)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_CONSISTENCY_HASHES {
                return Err(Error::Malformed("the consistency proof has more than 63 lines"));
            }
            proof.push(hash(line)?);
        }
        let note = Note::read(note.as_bytes())?;
        let checkpoint = Checkpoint::read(&note)?;
        Ok(Self { old, proof, note, checkpoint })
    }

    /// The body of the request.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("old {}\n", self.old);
        for hash in &self.proof {
            head.push_str(&base64(hash));
            head.push('\n');
        }
        head.push('\n');
        [head.into_bytes(), self.note.to_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

    #[test]
    fn the_example_of_the_specification_is_read() {
        let read = Submission::read(EXAMPLE.as_bytes()).expect("the example");
        assert_eq!((read.old, read.proof.len(), read.checkpoint.size), (20_852_014, 4, 20_852_163));
        assert_eq!(
            (read.checkpoint.origin.as_str(), read.note.signatures().len()),
            ("example.com/behind-the-sofa", 2)
        );
        assert_eq!(read.to_bytes(), EXAMPLE.as_bytes());
    }

    #[test]
    fn at_most_63_hashes_are_read() {
        let line = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
        let (_, rest) = EXAMPLE.split_once("\n\n").expect("an empty line");
        let with = |count: usize| format!("old 7\n{}\n{rest}", line.repeat(count));
        for (count, fits) in [(0, true), (63, true), (64, false)] {
            assert_eq!(Submission::read(with(count).as_bytes()).is_ok(), fits, "{count}");
        }
    }

    #[test]
    fn malformed_requests_are_refused() {
        let change = |from, to| EXAMPLE.replacen(from, to, 1);
        for bad in [
            String::new(),
            change("old 2", "old 02"),
            change("old 20852014", "old"),
            change("old 20852014", "old -1"),
            change("old 20852014", "old 18446744073709551616"),
            change("old ", "Old "),
            change("old ", " old "),
            change("\n", "\r\n"),
            change("PlRN", "PlR"),
            change("kaw=\n", "kaw\n"),
            change("kaw=\n", "kaw=\n\n"),
            change("\n\nexample", "\n\n\nexample"),
            change("\n20852163\n", "\n020852163\n"),
            EXAMPLE.trim_end().to_owned(),
            EXAMPLE.split_once("\n—").expect("signatures").0.to_owned(),
            format!("{EXAMPLE}\n"),
        ] {
            assert!(Submission::read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Submission::read(&[EXAMPLE.as_bytes(), b"\xff\n"].concat()).is_err());
        assert!(Submission::read(&vec![b'a'; MAX_SUBMISSION + 1]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(place in 0..EXAMPLE.len(), byte: u8) {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[place] = byte;
            if let Ok(read) = Submission::read(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}
