//! What is sent, and what is expected of it.

use std::fs;
use std::io;
use std::path::Path;

/// Bytes in a sample that may become anything else without a change of the answer.
const PLACE: &[u8; 8] = b"@@@@@@@@";

/// What the service should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// `OK`
    Ok,
    /// `FOUND`
    Found,
    /// `Not fully examined`, for a reason that lies in the content.
    Gap,
}

/// What the service said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// What was expected.
    Right,
    /// An error, which tells nobody anything untrue.
    Error,
    /// Anything else.
    Wrong,
}

impl Expected {
    /// Compares an answer, without its number and delimiter, with this.
    pub(crate) fn judge(self, answer: &str) -> Judged {
        let gap = answer.contains("Not fully examined")
            && !["crashed", "unreadable", "database"].iter().any(|reason| answer.contains(reason));
        let right = match self {
            Self::Ok => answer == "stream: OK",
            Self::Found => answer.starts_with("stream: ") && answer.ends_with(" FOUND"),
            Self::Gap => gap,
        };
        match answer.ends_with(" ERROR") {
            _ if right => Judged::Right,
            // Of content that can be examined in full this is untrue.
            true if gap => Judged::Wrong,
            true => Judged::Error,
            false => Judged::Wrong,
        }
    }
}

/// Something to send.
#[derive(Debug)]
pub(crate) struct Sample {
    /// What is expected.
    pub(crate) expected: Expected,
    content: Vec<u8>,
    place: Option<usize>,
}

impl Sample {
    /// The request with its end, in chunks of 64 KiB; with a number in its place if there is one.
    pub(crate) fn request(&self, number: Option<u64>, into: &mut Vec<u8>) {
        into.extend(b"zINSTREAM\0");
        let mut content = self.content.clone();
        if let (Some(place), Some(number)) = (self.place, number)
            && let Some(hole) = content.get_mut(place..place + PLACE.len())
        {
            hole.copy_from_slice(format!("{:08x}", number & 0xffff_ffff).as_bytes());
        }
        for chunk in content.chunks(64 << 10) {
            into.extend(u32::try_from(chunk.len()).unwrap_or_default().to_be_bytes());
            into.extend(chunk);
        }
        into.extend([0; 4]);
    }
}

/// All that can be sent.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    /// Reads a folder.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut samples = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let expected = match name.to_string_lossy().split('.').next() {
                Some("ok") => Expected::Ok,
                Some("found") => Expected::Found,
                Some("gap") => Expected::Gap,
                _ => return Err(io::Error::other(format!("{name:?}: expected ok., found. or gap."))),
            };
            let content = fs::read(entry.path())?;
            let place = content.windows(PLACE.len()).position(|bytes| bytes == PLACE);
            samples.push(Sample { expected, content, place });
        }
        if samples.is_empty() {
            return Err(io::Error::other("there is no sample"));
        }
        Ok(Self(samples))
    }

    /// One of them, by any number.
    pub(crate) fn choose(&self, number: u64) -> Option<&Sample> {
        let count = self.0.len() as u64;
        self.0.get(usize::try_from(number % count.max(1)).unwrap_or_default())
    }
}
