//! The move from one product to another, as pure functions of plain data: the settings of the incumbent in our own
//! words ([`import`]), a dated plan that people edit ([`plan`]), how far it is ([`status`]), the evidence that an
//! auditor can verify ([`pack`]), and how the incumbent is removed ([`removal`]).
//!
//! Nothing here reads a file, runs a program or knows what time it is: the command line does, and passes it on.

#![forbid(unsafe_code)]

pub mod import;
pub mod ini;
pub mod inventory;
pub mod plan;
pub mod when;
pub mod status;
pub mod pack;
pub mod removal;

pub use jiff::Timestamp;
pub use jiff::civil::Date;

/// The day of an instant, in UTC.
pub fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}
