//! Screening of parties: names against lists of parties, with a score, its parts, and a ruling.

#![forbid(unsafe_code)]

pub mod csv;
pub mod entry;
pub mod features;
mod forms;
pub mod marks;
pub mod model;
pub mod name;
pub mod ruling;
pub mod search;
mod words;
