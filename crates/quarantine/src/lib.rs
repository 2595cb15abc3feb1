//! The vault: files that were found are taken in, listed, shown, restored, deleted and exported.
//!
//! A file that is taken can neither run nor be read by other programs: its bytes, its name and all that is
//! known of it are sealed with XChaCha20-Poly1305 and a key that only the vault's owner can read. It is taken
//! by its descriptor, so it is the one that was scanned. [`Vault::restore`] brings it back as it was.
//!
//! At any moment, whatever ends the program, the file is in its place or whole in the vault; what an
//! interrupted program left is finished by [`Vault::mend`]. Nothing here parses the content of a file, and
//! nothing is async: call it from a thread that may block.
//!
//! ```
//! # fn main() -> candor_quarantine::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path().canonicalize().unwrap();
//! # let path = folder.join("file");
//! # std::fs::write(&path, "content").unwrap();
//! use candor_quarantine::{Afterwards, Grounds, Protection, Vault, open};
//!
//! let vault = Vault::create(&folder.join("vault"))?;
//! let file = open(&path)?;
//! let grounds = Grounds { findings: vec!["Test.Known-1".to_owned()], database: None };
//! let taken = vault.take(&file, &path, &grounds, Protection::Packages)?;
//! assert!(!path.exists());
//! vault.restore(taken.entry.id, None, Afterwards::Remove)?;
//! assert!(path.exists());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod vault;

mod list;
mod mend;
mod restore;
mod take;

mod export;

pub mod elsewhere;

mod entry;
mod key;

mod attributes;
mod new_file;
mod place;
mod removal;
mod source;
mod whole_digest;

mod error;
mod id;
mod step;

pub use entry::record::{Attribute, Entry, Grounds, Time};
pub use error::{Error, Result};
pub use export::Form;
pub use id::{Id, NoId};
pub use list::{Listed, Listing};
pub use mend::{Ending, Mended, Mending};
pub use place::open;
pub use restore::{Afterwards, Restored};
#[doc(hidden)]
pub use step::Step;
pub use take::{Original, Protection, Taken};
pub use vault::{MOST_BYTES, Vault};

#[doc(hidden)]
pub mod fuzzing;
