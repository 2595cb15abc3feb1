//! What a worker is asked, and what it says first.

use std::time::Duration;

use candor_object::Limits;
use serde::{Deserialize, Serialize};

use crate::{Broken, MAX_DESCRIPTORS, Passwords};

/// What a worker is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The first message; with it come the databases.
    Start(Start),
    /// Files to scan in this order; with it come their descriptors.
    Scan(Vec<Job>),
    /// A file to take apart; with it comes its descriptor.
    Open {
        /// Its size in bytes.
        size: u64,
        /// The name of the type that it is opened as; empty if it is opened as what it is.
        as_type: String,
    },
}

/// How a worker shall work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    limits: LimitsRecord,
    /// The user and group to become, if it may choose.
    pub user: Option<(u32, u32)>,
    /// Bytes of memory of its own that it may use.
    pub memory: u64,
    /// Time on the processor after which it dies.
    pub processor_time: Duration,
    /// What may open what is encrypted, beside what databases know.
    pub passwords: Passwords,
}

/// A file to scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Names the file in the answer.
    pub ticket: u32,
    /// Its size in bytes; what is appended later is not looked at.
    pub size: u64,
    /// Whether the report shall have the SHA-256 of what was examined; of files up to
    /// [`IN_MEMORY`](candor_object::IN_MEMORY) bytes only.
    pub digest: bool,
    /// The end of its path, at most [`MAX_JOB_NAME`] bytes, if it shall say what is installed as well.
    pub inventory: Option<String>,
    /// The end of its name, at most [`MAX_JOB_HINT`] bytes, which tells types that have no sign; may be empty.
    pub name: String,
}

/// Longest name of a job, in bytes: as many as there are files in a request fit into a packet.
pub const MAX_JOB_NAME: usize = 256;

/// Longest end of a name, in bytes; it has room for several extensions.
pub const MAX_JOB_HINT: usize = 24;

/// What a worker says when it is confined, a service when it is connected to, or why either is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// It waits for files. What the confinement lacks on this system, in words.
    Confined {
        /// One sentence for each missing mechanism.
        missing: Vec<String>,
    },
    /// It is a service with workers of its own, and these databases.
    Service {
        /// SHA-256 of its databases.
        identity: [u8; 32],
        /// The number of their signatures.
        signatures: u64,
        /// Their length in bytes.
        size: u64,
    },
    /// It ends.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// Mirrors [`Limits`], whose type is not for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LimitsRecord {
    objects: u32,
    depth: u32,
    unpacked_bytes: u64,
    object_bytes: u64,
    held_bytes: u64,
    time: Duration,
    bytes_per_second: u64,
    program_time: Duration,
}

impl Start {
    /// A start with these limits for each root object.
    pub fn new(limits: &Limits, user: Option<(u32, u32)>, memory: u64, processor_time: Duration) -> Self {
        let Limits {
            objects,
            depth,
            unpacked_bytes,
            object_bytes,
            held_bytes,
            time,
            bytes_per_second,
            program_time,
        } = *limits;
        let limits = LimitsRecord {
            objects,
            depth,
            unpacked_bytes,
            object_bytes,
            held_bytes,
            time,
            bytes_per_second,
            program_time,
        };
        Self { limits, user, memory, processor_time, passwords: Passwords::default() }
    }

    /// The same with passwords.
    #[must_use]
    pub fn with_passwords(self, passwords: Passwords) -> Self {
        Self { passwords, ..self }
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        let LimitsRecord {
            objects,
            depth,
            unpacked_bytes,
            object_bytes,
            held_bytes,
            time,
            bytes_per_second,
            program_time,
        } = self.limits;
        Limits {
            objects,
            depth,
            unpacked_bytes,
            object_bytes,
            held_bytes,
            time,
            bytes_per_second,
            program_time,
        }
    }
}

impl Request {
    /// Appends the message to a packet.
    pub fn write(&self, packet: &mut Vec<u8>) {
        write(self, packet);
    }

    /// The message of a packet with so many descriptors.
    ///
    /// # Errors
    /// When the packet is no message, or has not a descriptor for each file.
    pub fn read(packet: &[u8], descriptors: usize) -> Result<Self, Broken> {
        let request = postcard::from_bytes(packet).map_err(|_| Broken("a request cannot be read"))?;
        match &request {
            Self::Scan(jobs) if jobs.len() != descriptors || jobs.len() > MAX_DESCRIPTORS => {
                Err(Broken("a request has not as many descriptors as files"))
            }
            Self::Open { .. } if descriptors != 1 => Err(Broken("a file to take apart has no descriptor")),
            _ => Ok(request),
        }
    }
}

impl Ready {
    /// Appends the message to a packet.
    pub fn write(&self, packet: &mut Vec<u8>) {
        write(self, packet);
    }

    /// The message of a packet.
    ///
    /// # Errors
    /// When the packet is no such message.
    pub fn read(packet: &[u8]) -> Result<Self, Broken> {
        postcard::from_bytes(packet).map_err(|_| Broken("the first answer cannot be read"))
    }
}

/// Appends a value to a packet.
pub(crate) fn write(value: &impl Serialize, packet: &mut Vec<u8>) {
    // Writing to memory cannot fail, and all our sequences know their length.
    if let Ok(longer) = postcard::to_extend(value, std::mem::take(packet)) {
        *packet = longer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let passwords = Passwords::parse(b"one\ntwo").unwrap();
        let start = Start::new(&Limits::default(), Some((1, 2)), 5, Duration::from_millis(1500));
        let start = start.with_passwords(passwords);
        assert_eq!(start.limits(), Limits::default());
        let jobs = vec![
            Job { ticket: 1, size: 5, digest: true, inventory: Some("a".into()), name: String::new() },
            Job { ticket: 9, size: u64::MAX, digest: false, inventory: None, name: "a.br".into() },
        ];
        for (request, descriptors) in [(Request::Start(start), 3), (Request::Scan(jobs), 2)] {
            let mut packet = Vec::new();
            request.write(&mut packet);
            assert_eq!(Request::read(&packet, descriptors), Ok(request));
        }
        assert!(Request::read(&[9, 9, 9], 0).is_err());
    }

    #[test]
    fn every_file_has_its_descriptor() {
        let mut packet = Vec::new();
        Request::Scan(vec![Job { ticket: 1, size: 5, digest: false, inventory: None, name: "a.br".into() }])
            .write(&mut packet);
        assert!(Request::read(&packet, 0).is_err());
        assert!(Request::read(&packet, 2).is_err());
        packet.clear();
        Request::Open { size: 5, as_type: "html".into() }.write(&mut packet);
        assert!(Request::read(&packet, 1).is_ok());
        assert!(Request::read(&packet, 0).is_err());
    }
}
