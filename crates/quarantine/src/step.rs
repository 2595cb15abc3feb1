//! The points of every action at which a test may end the process.

use std::fmt;

/// A point between two changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Taking: an empty entry with a passing name is in the vault.
    EntryBegun,
    /// Taking: some content is in it; comes once for each chunk.
    ChunkSealed,
    /// Taking: everything is in it.
    EntryWritten,
    /// Taking: everything is on the disk.
    EntrySynced,
    /// Taking: it has the name of one whose original is still there.
    EntryNamed,
    /// Taking: the vault's folder is on the disk.
    EntryDurable,
    /// Taking: entry and original were compared.
    EntryCompared,
    /// Taking: the original has its private name.
    OriginalSetAside,
    /// Taking: the original is gone.
    OriginalRemoved,
    /// Taking: the entry has its final name.
    EntryFinal,
    /// Restoring: an empty file without a name is there.
    FileBegun,
    /// Restoring: some content is in it; comes once for each chunk.
    ChunkRestored,
    /// Restoring: all content is in it.
    FileWritten,
    /// Restoring: owner, mode, times and attributes are set and it is on the disk.
    FileSynced,
    /// Restoring: it has its name.
    FileNamed,
    /// Restoring: its folder is on the disk.
    FileDurable,
    /// Restoring or deleting: the entry is gone.
    EntryRemoved,
}

/// What is called at each [`Step`].
#[derive(Default)]
pub(crate) struct Steps(pub(crate) Option<Box<dyn Fn(Step) + Send + Sync>>);

impl Steps {
    /// Tells that this point was reached.
    pub(crate) fn reached(&self, step: Step) {
        if let Some(hook) = &self.0 {
            hook(step);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(hook)" } else { "Steps" })
    }
}
