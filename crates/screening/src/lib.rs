//! Screening of parties: names against lists of parties, with a score, its parts, and a ruling.

#![forbid(unsafe_code)]

pub mod entry;
pub mod features;
mod forms;
pub mod index;
pub mod lists;
pub mod marks;
pub mod model;
pub mod name;
pub mod ownership;
pub mod ruling;
pub mod search;
mod several;
mod synonyms;
mod weights;
mod words;
