//! What a loader is asked, and what it answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Broken;
use crate::request::write;

/// Most problems that are told of in words.
pub const MOST_PROBLEMS: usize = 100;
/// Longest text about one, in bytes.
pub const LONGEST_PROBLEM: usize = 400;

/// The first message to a loader; with it comes the output, open for writing. When the loader is confined it is sent
/// the segment, open for reading, with its length in eight bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compile {
    /// The user and group to become, if it may choose.
    pub user: Option<(u32, u32)>,
    /// Bytes of memory of its own that it may use.
    pub memory: u64,
    /// Time on the processor after which it dies.
    pub processor_time: Duration,
    /// Most bytes of the output.
    pub output: u64,
}

/// What a loader says when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compiled {
    /// The output is written.
    Written {
        /// Signatures that are not used.
        left_out: u64,
        /// The first reasons why, at most [`MOST_PROBLEMS`] of at most [`LONGEST_PROBLEM`] bytes. Hostile text.
        problems: Vec<String>,
    },
    /// Nothing is written that anybody may use.
    Refused {
        /// Why. It may quote hostile text.
        reason: String,
    },
}

impl Compile {
    /// Appends the message to a packet.
    pub fn write(&self, packet: &mut Vec<u8>) {
        write(self, packet);
    }

    /// The message of a packet.
    ///
    /// # Errors
    /// When the packet is no such message.
    pub fn read(packet: &[u8]) -> Result<Self, Broken> {
        postcard::from_bytes(packet).map_err(|_| Broken("what is to be compiled cannot be read"))
    }
}

impl Compiled {
    /// Appends the message to a packet.
    pub fn write(&self, packet: &mut Vec<u8>) {
        write(self, packet);
    }

    /// The message of a packet.
    ///
    /// # Errors
    /// When the packet is no such message or says too much.
    pub fn read(packet: &[u8]) -> Result<Self, Broken> {
        let compiled =
            postcard::from_bytes(packet).map_err(|_| Broken("what was compiled cannot be read"))?;
        match &compiled {
            Self::Written { problems, .. }
                if problems.len() > MOST_PROBLEMS
                    || problems.iter().any(|problem| problem.len() > LONGEST_PROBLEM) =>
            {
                Err(Broken("there are too many problems"))
            }
            _ => Ok(compiled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_PACKET;

    #[test]
    fn what_is_written_is_read() {
        let compile = Compile {
            user: Some((1, 2)),
            memory: 3,
            processor_time: Duration::from_millis(4),
            output: u64::MAX,
        };
        let mut packet = Vec::new();
        compile.write(&mut packet);
        assert_eq!(Compile::read(&packet), Ok(compile));
        let most = vec!["x".repeat(LONGEST_PROBLEM); MOST_PROBLEMS];
        for compiled in
            [Compiled::Written { left_out: 9, problems: most }, Compiled::Refused { reason: "so".to_owned() }]
        {
            packet.clear();
            compiled.write(&mut packet);
            assert!(packet.len() < MAX_PACKET);
            assert_eq!(Compiled::read(&packet), Ok(compiled));
        }
        assert!(Compile::read(&[]).is_err() && Compiled::read(&[9]).is_err());
    }

    #[test]
    fn too_many_problems_break_the_protocol() {
        for problems in [vec![String::new(); MOST_PROBLEMS + 1], vec!["x".repeat(LONGEST_PROBLEM + 1)]] {
            let mut packet = Vec::new();
            Compiled::Written { left_out: 1, problems }.write(&mut packet);
            assert!(Compiled::read(&packet).is_err());
        }
    }
}
