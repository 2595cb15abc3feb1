//! The table of events that wait for an answer, which the gate and the supervisor share.
//!
//! The kernel has no time limit of its own: whoever opened a file waits until somebody answers. The gate notes each event
//! here before it looks at it. The supervisor, which holds the group as well, answers by the number of the descriptor
//! what takes too long; the next gate takes over what one that died has left. Each event is answered by whoever claims it
//! first.

use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memmap2::MmapRaw;
use rustix::fs::MemfdFlags;
use rustix::time::{ClockId, clock_gettime};

/// Numbers of descriptors that have a place, which is the most that a gate may have open.
pub(crate) const PLACES: usize = 1 << 16;
/// Numbers that are counted.
const COUNTERS: usize = 64;
/// The first bits of a place: what is happening to the event.
const PHASE: u64 = 7;
const FREE: u64 = 0;
const WAITS: u64 = 1;
/// The gate is about to answer.
const ANSWERING: u64 = 2;
/// The supervisor is about to answer.
const TAKEN: u64 = 3;
/// The supervisor answered; the gate may close the descriptor.
const OVER: u64 = 4;
/// Whether it is denied when it is late.
const STRICT: u64 = 8;
/// Whether it is an execution.
const EXECUTION: u64 = 16;
/// The rest is the time at which it came, in milliseconds.
const TIME: u32 = 8;

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    map: MmapRaw,
    file: File,
}

/// What is counted, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Opens that were answered.
    Opens,
    /// Executions that were answered.
    Executions,
    /// Answers from a verdict that was known.
    Known,
    /// Files that were scanned.
    Scanned,
    /// What was refused.
    Denied,
    /// What was found and not refused, since the policy only reports.
    Reported,
    /// What was answered by the policy since it took too long.
    Late,
    /// Files that somebody could write to while they were scanned, so that nothing was remembered.
    Unstable,
    /// Verdicts that are remembered.
    Remembered,
    /// What could not be examined as a whole.
    Gaps,
    /// Times that events were read, of file systems that lie on no others.
    Reads,
    /// Signs of life.
    Beats,
    /// Files about which the kernel does not ask any more.
    Kept,
}

impl Count {
    /// All of them, with their names.
    pub(crate) const ALL: [(Self, &'static str); 13] = [
        (Self::Opens, "opens"),
        (Self::Executions, "executions"),
        (Self::Known, "known"),
        (Self::Scanned, "scanned"),
        (Self::Denied, "denied"),
        (Self::Reported, "reported"),
        (Self::Late, "late"),
        (Self::Unstable, "unstable"),
        (Self::Remembered, "remembered"),
        (Self::Gaps, "gaps"),
        (Self::Reads, "reads"),
        (Self::Beats, "beats"),
        (Self::Kept, "kept"),
    ];
}

/// Milliseconds since the machine started.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let (seconds, nanoseconds) = (time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned());
    seconds.saturating_mul(1000).saturating_add(nanoseconds / 1_000_000)
}

impl Table {
    /// A table without events.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn new() -> io::Result<Self> {
        let file = File::from(rustix::fs::memfd_create("candor-pending", MemfdFlags::CLOEXEC)?);
        file.set_len(((PLACES + COUNTERS) * size_of::<u64>()) as u64)?;
        Self::of(file)
    }

    /// The table in a file that another process made.
    ///
    /// # Errors
    /// Those of the operating system; `InvalidData` for a file that is none.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        let map = MmapRaw::map_raw(&file)?;
        if map.len() != (PLACES + COUNTERS) * size_of::<u64>() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no table of events"));
        }
        Ok(Self { map, file })
    }

    /// What another process makes the same table of.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    #[expect(unsafe_code, reason = "memory that two processes share")]
    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < PLACES + COUNTERS);
        let pointer = self.map.as_mut_ptr().cast::<u64>();
        // SAFETY: the map has that many words, lives as long as we do, is aligned to a page, and all processes that have
        // it touch its words as atomics only.
        unsafe { AtomicU64::from_ptr(pointer.add(index)) }
    }

    fn place(&self, number: RawFd) -> Option<&AtomicU64> {
        usize::try_from(number).ok().filter(|index| *index < PLACES).map(|index| self.word(index))
    }

    /// Counts something.
    pub(crate) fn count(&self, what: Count) {
        self.word(PLACES + what as usize).fetch_add(1, Ordering::Relaxed);
    }

    /// Sets a number.
    pub(crate) fn set(&self, what: Count, value: u64) {
        self.word(PLACES + what as usize).store(value, Ordering::Relaxed);
    }

    /// What was counted.
    pub(crate) fn counted(&self, what: Count) -> u64 {
        self.word(PLACES + what as usize).load(Ordering::Relaxed)
    }

    /// Notes an event; with `strict` it is denied when it is late.
    pub(crate) fn begin(&self, number: RawFd, is_execution: bool, strict: bool) {
        if let Some(place) = self.place(number) {
            let kind = if strict { STRICT } else { 0 } | if is_execution { EXECUTION } else { 0 };
            place.store(WAITS | kind | now() << TIME, Ordering::Release);
        }
    }

    /// Takes over the events of a gate that died: their numbers, and whether each is an execution. They wait on.
    pub(crate) fn take_over(&self) -> Vec<(RawFd, bool)> {
        let mut left = Vec::new();
        for index in 0..PLACES {
            let place = self.word(index);
            let value = place.load(Ordering::Acquire);
            match value & PHASE {
                WAITS | ANSWERING if swap(place, value, WAITS) => {
                    left.push((RawFd::try_from(index).unwrap_or(RawFd::MAX), value & EXECUTION != 0));
                }
                OVER => place.store(FREE, Ordering::Release),
                _ => {}
            }
        }
        left
    }

    /// Notes an event that a gate left which died, if that gate had not.
    pub(crate) fn adopt(&self, number: RawFd, is_execution: bool) {
        if self.place(number).is_some_and(|place| place.load(Ordering::Acquire) & PHASE == FREE) {
            self.begin(number, is_execution, true);
        }
    }

    /// Claims an event for the gate, which answers it then.
    ///
    /// # Errors
    /// When the supervisor answered it since it was late; whether it was denied.
    pub(crate) fn claim(&self, number: RawFd) -> Result<(), bool> {
        let Some(place) = self.place(number) else { return Ok(()) };
        let value = place.load(Ordering::Acquire);
        if value & PHASE == WAITS && swap(place, value, ANSWERING) {
            return Ok(());
        }
        // What was taken is answered at once; until then its number may not be used again.
        while place.load(Ordering::Acquire) & PHASE == TAKEN {
            std::thread::sleep(Duration::from_micros(50));
        }
        place.store(FREE, Ordering::Release);
        Err(value & STRICT != 0)
    }

    /// Notes that the gate answered.
    pub(crate) fn end(&self, number: RawFd) {
        if let Some(place) = self.place(number) {
            place.store(FREE, Ordering::Release);
        }
    }

    /// Takes the events that wait for longer than `patience`, and answers them with `answer`, which is told the number and
    /// whether to deny it. How many they were.
    pub(crate) fn answer_late(&self, patience: Duration, mut answer: impl FnMut(RawFd, bool)) -> u64 {
        let mut count = 0_u64;
        let limit = now().saturating_sub(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        for index in 0..PLACES {
            let place = self.word(index);
            let value = place.load(Ordering::Acquire);
            if value & PHASE == WAITS && value >> TIME < limit && swap(place, value, TAKEN) {
                answer(RawFd::try_from(index).unwrap_or(RawFd::MAX), value & STRICT != 0);
                place.store(value & !PHASE | OVER, Ordering::Release);
                count = count.saturating_add(1);
            }
        }
        count
    }

    /// Forgets all events: their files are gone.
    pub(crate) fn clear(&self) {
        for index in 0..PLACES {
            self.word(index).store(FREE, Ordering::Release);
        }
    }
}

/// Changes the phase, if nobody else did.
fn swap(place: &AtomicU64, value: u64, phase: u64) -> bool {
    let new = value & !PHASE | phase;
    place.compare_exchange(value, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_answered_once() {
        let table = Table::new().unwrap();
        let shared = Table::of(table.file().try_clone().unwrap()).unwrap();
        table.begin(7, false, true);
        assert_eq!(table.claim(7), Ok(()));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(shared.answer_late(Duration::ZERO, |_, _| panic!("it is answered")), 0);
        table.end(7);

        table.begin(7, true, true);
        table.begin(8, false, false);
        assert_eq!(shared.answer_late(Duration::from_secs(60), |_, _| panic!("it is not late")), 0);
        std::thread::sleep(Duration::from_millis(5));
        let mut late = Vec::new();
        assert_eq!(shared.answer_late(Duration::from_millis(1), |number, deny| late.push((number, deny))), 2);
        assert_eq!(late, [(7, true), (8, false)]);
        assert_eq!((table.claim(7), table.claim(8)), (Err(true), Err(false)));
        table.begin(7, false, false);
        assert_eq!(table.claim(7), Ok(()));
    }

    #[test]
    fn the_next_gate_takes_over_what_a_dead_one_left() {
        let table = Table::new().unwrap();
        table.begin(3, false, false);
        table.begin(4, true, true);
        table.begin(5, false, false);
        table.claim(4).expect("it died before it could answer");
        assert_eq!(table.claim(5), Ok(()));
        table.end(5);
        assert_eq!(table.take_over(), [(3, false), (4, true)]);
        assert_eq!((table.claim(3), table.claim(4)), (Ok(()), Ok(())));
        table.clear();
        assert_eq!(table.take_over(), []);
        // Numbers without a place are the gate's alone.
        table.begin(-24, false, true);
        assert_eq!(table.claim(-24), Ok(()));
    }

    #[test]
    fn both_sides_see_what_is_counted() {
        let table = Table::new().unwrap();
        let shared = Table::of(table.file().try_clone().unwrap()).unwrap();
        table.count(Count::Denied);
        table.set(Count::Remembered, 9);
        assert_eq!((shared.counted(Count::Denied), shared.counted(Count::Remembered)), (1, 9));
        assert!(Count::ALL.iter().enumerate().all(|(index, (count, _))| *count as usize == index));
    }
}
