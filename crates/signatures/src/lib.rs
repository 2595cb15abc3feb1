//! Signature languages: text in, a compiled database out. Only the building side links this crate.
//!
//! One file per language; [`LANGUAGES`] is the list, by file extension. A bad line is skipped and reported as
//! a [`Problem`] with its file, line and reason; it never costs the other lines.
//!
//! ```
//! use candor_signatures::Sources;
//!
//! let mut sources = Sources::default();
//! sources.add_text("mine.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\nnonsense\n");
//! let mut problems = Vec::new();
//! let built = sources.build(|problem| problems.push(problem.to_string()))?;
//! assert_eq!(built.counts.object_hashes, 1);
//! assert_eq!(problems, ["mine.hdb:2: malformed: 1 field, expected 3 to 5"]);
//! # Ok::<(), candor_signatures::Error>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::cast_possible_truncation
    )
)]

mod lines;
mod ignored;
mod output;
mod problem;
pub mod segment;
mod settings;
mod sources;

mod candor;
mod clamav;
mod hash_list;
mod yara;

use std::io;
use std::path::PathBuf;

pub use clamav::{container, ere};
pub use output::Output;
pub use problem::{Complaint, Problem};
pub use settings::{Programs, Settings, Unsigned, Unwanted};
pub use sources::{Built, Sources};

/// The languages. A file is read by the first that knows its extension.
pub static LANGUAGES: &[&dyn Language] = &[
    &clamav::Ignore,
    &clamav::ObjectHashes,
    &clamav::SectionHashes,
    &clamav::ImportHashes,
    &clamav::Legacy,
    &clamav::Extended,
    &clamav::Logical,
    &clamav::Icons,
    &clamav::Metadata,
    &clamav::OpenIoc,
    &clamav::Passwords,
    &clamav::Switches,
    &clamav::Magic,
    &clamav::Bytecode,
    &clamav::Publishers,
    &clamav::Catalogs,
    &candor::Candor,
    &hash_list::HashList,
    &yara::Yara,
    &clamav::ProtectedLinks,
    &clamav::AllowedLinks,
];

/// A signature language.
pub trait Language: Sync {
    /// What it is called, for people.
    fn name(&self) -> &'static str;

    /// Extensions of its files, in lower case.
    fn extensions(&self) -> &'static [&'static str];

    /// When its files are read.
    fn turn(&self) -> Turn {
        Turn::Second
    }

    /// Reads a file, adds its signatures to the output and reports what it cannot use.
    ///
    /// # Errors
    /// Those of reading the text; whatever is wrong in it is a [`Problem`].
    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()>;
}

/// When the files of a language are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Before all others: they say which signatures of others are not used.
    First,
    /// In between.
    Second,
    /// After all others: their signatures refer to patterns of others.
    Third,
}

impl Turn {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];
}

/// Whether a file of this name holds signatures of unwanted programs.
pub fn is_for_unwanted(name: &str) -> bool {
    /// Their extensions.
    const UNWANTED: [&str; 6] = ["hdu", "hsu", "mdu", "msu", "ndu", "ldu"];
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| UNWANTED.contains(&extension.to_ascii_lowercase().as_str()))
}

/// The language of a file with this name.
pub fn language(name: &str) -> Option<&'static dyn Language> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    LANGUAGES.iter().copied().find(|language| language.extensions().contains(&extension.as_str()))
}

/// Why signatures could not be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A container is not used: it is damaged, or nobody who is trusted has signed it.
    #[error("{}: {refusal}", path.display())]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        refusal: container::Refusal,
    },
    /// A file has an extension that belongs to no language.
    #[error("{}: no signature language has this extension; known are {}", path.display(), known_extensions())]
    UnknownLanguage {
        /// Which file.
        path: PathBuf,
    },
    /// A folder holds no signatures.
    #[error("{}: no signature files in this folder; known extensions are {}", path.display(), known_extensions())]
    NothingThere {
        /// Which folder.
        path: PathBuf,
    },
}

/// The extensions of all languages and containers, separated by spaces.
fn known_extensions() -> String {
    let languages = LANGUAGES.iter().flat_map(|language| language.extensions());
    let all: Vec<&str> = languages.copied().chain(container::Kind::EXTENSIONS).collect();
    all.join(" ")
}
