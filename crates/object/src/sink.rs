//! Where a format puts what it takes out of an object.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use crate::{Content, FileType, Password, Reason, Relation};

/// Whether a format goes on. `?` passes a stop on; damage in the content is no stop but a gap.
pub type Flow = Result<(), Stop>;

/// Why a format must return at once.
#[derive(Debug)]
pub enum Stop {
    /// The budget is spent; the sink has noted the gap.
    Spent,
    /// The container's bytes could not be read: the disk's fault and not the content's. Whoever called the
    /// format notes the gap.
    Unreadable(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// How a child is called and how it relates to its container.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    /// Its name in the container; empty if the container gives none.
    pub name: &'a str,
    /// How it came out.
    pub relation: Relation,
}

impl<'a> Child<'a> {
    /// A member of an archive.
    pub fn member(name: &'a str) -> Self {
        Self { name, relation: Relation::Member }
    }

    /// The content of a compressed stream.
    pub fn stream() -> Self {
        Self { name: "", relation: Relation::Stream }
    }

    /// A part of a message.
    pub fn part(name: &'a str) -> Self {
        Self { name, relation: Relation::Part }
    }
}

/// What the headers of an archive say of a member, whether or not it can be opened. Hostile: nothing of it is checked.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Bytes that it takes in the archive.
    pub packed: u64,
    /// Bytes that it has when it is opened.
    pub size: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Its place among the members, counted from 1, if the format counts them.
    pub position: Option<u64>,
}

/// A link of a page. Hostile: nothing of it is checked.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The address that it leads to.
    pub target: &'a [u8],
    /// What it shows: its text, or the address of a picture or of another page in its place.
    pub shown: &'a [u8],
    /// Whether what it shows is its text.
    pub is_text: bool,
}

/// A canonical form of a container, made for matching.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Which form it is, where there are several; else empty.
    pub name: &'a str,
    /// Its type, whatever it looks like.
    pub file_type: FileType,
    /// Whether it may be known by its digest. That costs as much as the search for patterns, and for some forms nobody
    /// makes such signatures.
    pub hashed: bool,
}

/// Takes children, gaps and notices; owns the children's memory and the budget.
///
/// Two implementers: the engine, which scans each child before `child` returns, and a collector for tests.
pub trait Sink {
    /// Takes a child whose bytes a decoder produces.
    ///
    /// The sink reads until the end, the first error or the limit, and never again after that: decoders that
    /// misbehave when they are read after an error cannot. What was read before an error is scanned, and the
    /// error becomes a gap of the child (`UnexpectedEof`: truncated; `Unsupported`: unsupported; else damaged).
    fn child(&mut self, child: Child<'_>, body: &mut dyn Read) -> Flow;

    /// Takes a child that lies as it is in the container: a range of the container's content, not copied.
    fn range(&mut self, child: Child<'_>, content: Content) -> Flow;

    /// Whether anybody looks at such a form; making one that nobody looks at is of no use.
    fn wants(&self, _form: Form<'_>) -> bool {
        true
    }

    /// Takes a canonical form of the container. Nothing is taken out of it. It counts as being where the container is,
    /// and spends of the budget only time and memory that is held, so that it has to be of bounded size, and all forms
    /// together not much larger than the container.
    fn form(&mut self, form: Form<'_>, body: &mut dyn Read) -> Flow;

    /// Notes that a part of the container was not examined, and why. `detail` is for people: short, in lower
    /// case, without a full stop, naming the member or the offset.
    fn gap(&mut self, reason: Reason, detail: &str);

    /// Notes something odd that hid nothing from us, such as overlapping members.
    fn anomaly(&mut self, name: &'static str, detail: &str);

    /// Hears what headers say of a member. Where they contradict each other, each of them is told.
    fn listed(&mut self, _listed: Listed<'_>) {}

    /// Passwords that may open what is encrypted in a container of this type, the most likely first. A format asks when
    /// it meets the first encrypted thing, and bounds itself how many it tries.
    fn passwords(&self, _container: FileType) -> Arc<[Password]> {
        Arc::default()
    }

    /// Whether anybody asks for the links of the container.
    fn wants_links(&self) -> bool {
        false
    }

    /// Hears of a link of the container.
    fn link(&mut self, _link: Link<'_>) {}

    /// How many of the objects that the container lies in were handed over under this name, itself counted. Bounds what
    /// unpacks itself for ever.
    fn inside(&self, _name: &str) -> u32 {
        0
    }

    /// Notes that a decoder holds so many bytes beside what it puts out, until they are released. `false` if that is more
    /// than may be held; then nothing is noted, and nothing may be decoded with it.
    fn hold(&mut self, _bytes: u64) -> bool {
        true
    }

    /// Notes that the decoder which held so many bytes is gone.
    fn release(&mut self, _bytes: u64) {}

    /// When the time is up, for decoders that cannot call [`Sink::pulse`]: they stop by themselves then.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Stops when the time is up; called by loops that hand over nothing for long.
    fn pulse(&mut self) -> Flow;
}
