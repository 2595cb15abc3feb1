//! Fetches bytes from places that nobody trusts.
//!
//! [`Http`] makes one GET request at a time, [`Folder`] reads one file of a folder, and [`Transport`] is what
//! fetching a mirror needs of either. All of them are given how many bytes they may bring and how long they may
//! take; what they bring is written to a sink as it arrives and believed by nobody here.
//!
//! A program reads its arguments, makes its [`Http`] (which reads the certificates), and is then confined.

pub mod clamav;
mod confined;
mod error;
mod folder;
mod http;
pub mod mirror;
mod outcome;
mod pace;
mod progress;
mod staging;
mod transport;

pub use confined::{Source, confine};
pub use error::{Error, Kind};
pub use folder::Folder;
pub use http::{Http, Reply, Request, Settings, Url};
pub use outcome::{Failure, Outcome};
pub use pace::Pace;
pub use progress::Progress;
pub use staging::Staging;
pub use transport::{Mirror, Transport};
