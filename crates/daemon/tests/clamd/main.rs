//! `candord` as clamd: what it answers, compared with clamd itself, and what clamd's clients make of it.

#![allow(unreachable_pub, reason = "a test has nobody to publish to")]
#![allow(clippy::print_stdout, reason = "it says what is skipped")]

#[path = "../program/mod.rs"]
mod program;

mod conversation;
mod files;
mod protocol;
mod reference;
mod limits;
mod configuration;
mod rspamd;
mod milter;
mod clients;
