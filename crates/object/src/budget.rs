//! What the scan of one root object may spend. Each limit stops an attack.

use std::time::{Duration, Instant};

/// The limits of one root object's scan. Reaching one makes a gap, never silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects taken out of one root object. Stops archives with millions of empty members, which cost time
    /// and report memory but hardly any bytes (10 million entries fit in a zip of a few hundred megabytes).
    pub objects: u32,
    /// Containers around an object. Stops files that contain themselves (Cox's `r.zip` quine, 2010) and
    /// nests built to exhaust the stack; memory grows with depth, since a chain of open containers is held.
    pub depth: u32,
    /// Bytes that decoders may put out for one root object in all. Stops bombs that multiply over members or
    /// levels (`42.zip`: 42 KB to 4.5 PB; overlapped zips, Fifield 2019: 46 MB to 4.5 PB in one level).
    pub unpacked_bytes: u64,
    /// Bytes that a decoder may put out for one object; bounds memory, since a decoded object lies in memory
    /// until it is scanned. Stops a single stream of zeros (1 GB of deflate is 1 TB).
    pub object_bytes: u64,
    /// Bytes of decoder output that lie in memory at once, with the dictionaries of the decoders: those of the object
    /// that is taken out and of all containers around it. Stops nests of bombs, each small enough for itself (ten
    /// levels of 256 MiB fit in a megabyte).
    pub held_bytes: u64,
    /// Time for one root object of no size. Stops slow paths that the other limits do not count, such as
    /// decoders that are slow for their output (ClamAV's CVE-2019-12625 was first fixed without this one).
    pub time: Duration,
    /// Bytes of a root object that earn another second, so that a large disk image is not cut short for its
    /// size. The attacker pays for this time with bytes of his own.
    pub bytes_per_second: u64,
    /// Time for one program of a signature on one object, within the time above. Stops a program that was made to
    /// run long, or content that makes one do so, from taking the time of everything else.
    pub program_time: Duration,
}

impl Limits {
    /// Deepest nesting that may be asked for: each level needs some 100 KB of a worker's stack of 16 MiB.
    pub const MOST_DEPTH: u32 = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 100_000,
            depth: 24,
            unpacked_bytes: 4 << 30,
            object_bytes: 256 << 20,
            held_bytes: 512 << 20,
            time: Duration::from_secs(120),
            bytes_per_second: 16 << 20,
            program_time: Duration::from_secs(10),
        }
    }
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`Limits::objects`].
    Objects,
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::unpacked_bytes`].
    UnpackedBytes,
    /// [`Limits::object_bytes`].
    ObjectBytes,
    /// [`Limits::held_bytes`].
    HeldBytes,
    /// [`Limits::time`].
    Time,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Objects, Self::Depth, Self::UnpackedBytes, Self::ObjectBytes, Self::HeldBytes, Self::Time];

    /// The limit of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// The word for people, which is also the name of the option without `--max-`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Depth => "depth",
            Self::UnpackedBytes => "unpacked-bytes",
            Self::ObjectBytes => "object-bytes",
            Self::HeldBytes => "held-bytes",
            Self::Time => "time",
        }
    }
}

/// What is left of the [`Limits`] during the scan of one root object.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    objects: u32,
    unpacked: u64,
    held: u64,
    deadline: Instant,
}

impl Budget {
    /// A full budget for a root object of `size` bytes; the clock starts now.
    pub fn new(limits: &Limits, size: u64) -> Self {
        let earned = Duration::from_secs(size.checked_div(limits.bytes_per_second).unwrap_or(0));
        let now = Instant::now();
        // A limit beyond what the clock can express is as good as a century.
        let century = Duration::from_secs(3_155_760_000);
        let deadline = now.checked_add(limits.time.saturating_add(earned)).unwrap_or_else(|| now + century);
        Self { limits: limits.clone(), objects: 0, unpacked: 0, held: 0, deadline }
    }

    /// The limits it began with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Spends one object at `depth`.
    ///
    /// # Errors
    /// The limit that forbids it; nothing is spent then.
    pub fn spend_object(&mut self, depth: u32) -> Result<(), Limit> {
        self.time_left()?;
        if depth > self.limits.depth {
            return Err(Limit::Depth);
        }
        if self.objects >= self.limits.objects {
            return Err(Limit::Objects);
        }
        self.objects += 1;
        Ok(())
    }

    /// Spends `bytes` of decoder output for an object that already holds `held` bytes.
    ///
    /// # Errors
    /// The limit that forbids it; nothing is spent then.
    pub fn spend_bytes(&mut self, held: u64, bytes: u64) -> Result<(), Limit> {
        if held.saturating_add(bytes) > self.limits.object_bytes {
            return Err(Limit::ObjectBytes);
        }
        if self.held.saturating_add(held).saturating_add(bytes) > self.limits.held_bytes {
            return Err(Limit::HeldBytes);
        }
        self.spend_range(bytes)
    }

    /// Spends `bytes` of a child that lies as it is in its container. They cost no memory, but scanning them
    /// costs time: containers whose members overlap pay for what they show more than once.
    ///
    /// # Errors
    /// The limit that forbids it; nothing is spent then.
    pub fn spend_range(&mut self, bytes: u64) -> Result<(), Limit> {
        let total = self.unpacked.saturating_add(bytes);
        if total > self.limits.unpacked_bytes {
            return Err(Limit::UnpackedBytes);
        }
        self.unpacked = total;
        Ok(())
    }

    /// Spends `bytes` of a canonical form of an object, of which `held` bytes are in memory already. Forms are not much
    /// larger than what they are made of, and that was paid for.
    ///
    /// # Errors
    /// The limit that forbids it.
    pub fn spend_form(&self, held: u64, bytes: u64) -> Result<(), Limit> {
        let held = self.held.saturating_add(held).saturating_add(bytes);
        if held > self.limits.held_bytes { Err(Limit::HeldBytes) } else { Ok(()) }
    }

    /// Notes that a decoder holds `bytes` beside what it puts out.
    ///
    /// # Errors
    /// The limit that forbids it; nothing is noted then.
    pub fn hold_decoder(&mut self, bytes: u64) -> Result<(), Limit> {
        if self.held.saturating_add(bytes) > self.limits.held_bytes {
            return Err(Limit::HeldBytes);
        }
        self.hold(bytes);
        Ok(())
    }

    /// Notes that an object of `bytes` stays in memory while what is inside is taken out.
    pub fn hold(&mut self, bytes: u64) {
        self.held = self.held.saturating_add(bytes);
    }

    /// Notes that an object or a decoder which was held is gone.
    pub fn release(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// Whether there is time left.
    ///
    /// # Errors
    /// [`Limit::Time`] when there is none.
    pub fn time_left(&self) -> Result<(), Limit> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(Limit::Time) }
    }

    /// When the time is up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Decoder output so far, in bytes.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_named_when_reached() {
        let limits =
            Limits { objects: 2, depth: 1, unpacked_bytes: 10, object_bytes: 6, ..Limits::default() };
        let mut budget = Budget::new(&limits, 0);
        assert_eq!(budget.spend_object(2), Err(Limit::Depth));
        assert_eq!(budget.spend_object(1), Ok(()));
        assert_eq!(budget.spend_object(0), Ok(()));
        assert_eq!(budget.spend_object(0), Err(Limit::Objects));
        assert_eq!(budget.spend_bytes(0, 6), Ok(()));
        assert_eq!(budget.spend_bytes(6, 1), Err(Limit::ObjectBytes));
        assert_eq!(budget.spend_bytes(0, 5), Err(Limit::UnpackedBytes));
        assert_eq!(budget.spend_bytes(0, 4), Ok(()));
        assert_eq!(budget.unpacked(), 10);
    }

    #[test]
    fn what_is_held_counts_until_it_is_released() {
        let mut budget = Budget::new(&Limits { held_bytes: 10, ..Limits::default() }, 0);
        budget.hold(8);
        assert_eq!(budget.spend_bytes(2, 1), Err(Limit::HeldBytes));
        assert_eq!(budget.spend_bytes(1, 1), Ok(()));
        budget.release(8);
        assert_eq!(budget.spend_bytes(9, 1), Ok(()));
        assert_eq!(budget.hold_decoder(11), Err(Limit::HeldBytes));
        assert_eq!(budget.hold_decoder(10), Ok(()));
        assert_eq!(budget.spend_bytes(0, 1), Err(Limit::HeldBytes));
    }

    #[test]
    fn large_root_objects_earn_time() {
        let limits = Limits { time: Duration::ZERO, bytes_per_second: 1, ..Limits::default() };
        assert_eq!(Budget::new(&limits, 0).time_left(), Err(Limit::Time));
        assert_eq!(Budget::new(&limits, 60).time_left(), Ok(()));
        let never = Limits { time: Duration::MAX, ..Limits::default() };
        assert_eq!(Budget::new(&never, u64::MAX).time_left(), Ok(()));
    }
}
