//! One attempt to break out, and how it has to fail.

use std::ffi::{CStr, c_long};
use std::fmt;

use candor_jail::Mechanism;

use super::call::call;
use super::ground::Ground;

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// What it is after.
    group: &'static str,
    /// The system call, or a word for several.
    name: &'static str,
    /// What it tries, for people.
    what: &'static str,
    act: Act,
    expected: Expected,
    control: Control,
    /// The mechanisms that refuse it when they are alone, besides the filter of system calls.
    alone: &'static [Mechanism],
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// A system call with these arguments.
    Call(c_long, &'static [Argument]),
    /// Whatever needs more than that.
    Own(fn(&mut Ground) -> Result<i64, i32>),
}

/// How an attempt has to fail where all mechanisms are on.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// The filter kills.
    Filter,
    /// The filter kills, or the processor refuses the instruction.
    #[cfg(target_arch = "x86_64")]
    FilterOrFault,
    /// The call fails with this error.
    Error(i32),
    /// The process is killed by this signal.
    Signal(i32),
    /// The call succeeds, and whoever watches outside sees that nothing left but to the parent.
    OnlyTheParent,
}

/// Whether the attempt is made without any mechanism, too, to show that it is a real one.
#[derive(Clone, Copy, Debug)]
enum Control {
    Run,
    Skip,
}

/// An argument of a system call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Argument {
    /// A number as it is.
    Number(i64),
    /// A text.
    Text(&'static CStr),
    /// Bytes.
    Bytes(&'static [u8]),
    /// A page of memory with zeros.
    Space,
    /// The path of a file that is there.
    Content,
    /// The path of a file that is not there.
    Absent,
    /// The descriptor of a file that was sent.
    File,
    /// The descriptor of a folder that was sent.
    Folder,
    /// The descriptor of a socket that was sent.
    Other,
    /// The worker's own socket.
    Socket,
    /// The process at the other end.
    Parent,
    /// This process.
    Me,
}

/// The name and the number of a system call.
macro_rules! named {
    ($number:ident) => {
        (stringify!($number), libc::$number)
    };
}
pub(super) use named;

impl Attempt {
    /// A system call. It has to be refused by the filter.
    pub(super) const fn call(
        group: &'static str,
        (name, number): (&'static str, c_long),
        what: &'static str,
        arguments: &'static [Argument],
    ) -> Self {
        Self::new(group, name, what, Act::Call(number, arguments))
    }

    /// Something that is more than one system call.
    pub(super) const fn own(
        group: &'static str,
        name: &'static str,
        what: &'static str,
        act: fn(&mut Ground) -> Result<i64, i32>,
    ) -> Self {
        Self::new(group, name, what, Act::Own(act))
    }

    const fn new(group: &'static str, name: &'static str, what: &'static str, act: Act) -> Self {
        Self { group, name, what, act, expected: Expected::Filter, control: Control::Skip, alone: &[] }
    }

    /// It works where nothing is confined, and does no harm there.
    pub(super) const fn real(mut self) -> Self {
        self.control = Control::Run;
        self
    }

    /// As [`real`](Self::real), and each of these mechanisms refuses it without any other.
    pub(super) const fn alone(mut self, alone: &'static [Mechanism]) -> Self {
        self.alone = alone;
        self.real()
    }

    /// The processor may refuse it before the kernel does.
    #[cfg(target_arch = "x86_64")]
    pub(super) const fn or_fault(mut self) -> Self {
        self.expected = Expected::FilterOrFault;
        self
    }

    /// It has to fail with this error.
    pub(super) const fn fails(mut self, error: i32) -> Self {
        self.expected = Expected::Error(error);
        self
    }

    /// It has to end with this signal.
    pub(super) const fn dies(mut self, signal: i32) -> Self {
        self.expected = Expected::Signal(signal);
        self
    }

    /// It succeeds and reaches nobody but the parent.
    pub(super) const fn reaches_only_the_parent(mut self) -> Self {
        self.expected = Expected::OnlyTheParent;
        self
    }

    /// Makes the attempt. Only who was not killed returns.
    pub(super) fn make(&self, ground: &mut Ground) -> Result<i64, i32> {
        match self.act {
            Act::Call(number, arguments) => {
                let mut values = [0; 6];
                for (value, argument) in values.iter_mut().zip(arguments) {
                    *value = ground.value(*argument);
                }
                call(number, values)
            }
            Act::Own(act) => act(ground),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, name, what, .. } = self;
        write!(f, "{group}\t{}\t{what}\t", name.trim_start_matches("SYS_"))?;
        match self.expected {
            Expected::Filter => f.write_str("filter")?,
            #[cfg(target_arch = "x86_64")]
            Expected::FilterOrFault => f.write_str("filter-or-fault")?,
            Expected::Error(error) => write!(f, "errno {error}")?,
            Expected::Signal(signal) => write!(f, "signal {signal}")?,
            Expected::OnlyTheParent => f.write_str("only-the-parent")?,
        }
        f.write_str(match self.control {
            Control::Run => "\treal\t",
            Control::Skip => "\t-\t",
        })?;
        let names: Vec<&str> = self.alone.iter().map(|mechanism| mechanism.name()).collect();
        f.write_str(if names.is_empty() { "-" } else { "" })?;
        f.write_str(&names.join(","))
    }
}
