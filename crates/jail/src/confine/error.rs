//! Why a process could not be confined.

use rustix::io::Errno;

/// Why a process could not be confined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotConfined {
    /// The system refused something that every system has.
    #[error("the system refuses {0}: {1}")]
    System(&'static str, Errno),
    /// The socket could reach others than the process at its other end, or cannot be kept.
    #[error("the socket cannot be kept: {0}")]
    Socket(&'static str),
    /// The file that may be written would be more than a file, or cannot be kept.
    #[error("the output cannot be kept: {0}")]
    Output(&'static str),
    /// A thread would stay unconfined.
    #[error("the process has more than one thread; confine it before it starts others")]
    Threads,
    /// The process would keep the rights of root.
    #[error("root was named as the user to become; name an ordinary user and group")]
    Root,
    /// Something that was given up is still there.
    #[error("{0} was given up and is still there; the system does not do as it says")]
    Kept(&'static str),
    /// Landlock exists and does not do as it is told.
    #[error("Landlock is there and refuses: {0}")]
    Landlock(String),
    /// The filter could not be made or loaded.
    #[error("the filter of system calls: {0}; the kernel needs CONFIG_SECCOMP_FILTER")]
    Filter(String),
}
