//! `candor-worker`, the confined program: takes descriptors, scans, answers.

#![forbid(unsafe_code)]

fn main() {}
