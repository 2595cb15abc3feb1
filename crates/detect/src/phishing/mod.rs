//! Links of mails that show one address and lead to another, and addresses that are on a list.
//!
//! The signatures are lists: hosts that are worth imitating, pairs of addresses that are in order, and digests of
//! addresses that are known to be bad. `address` reads what a link says as the one who clicks on it would, `canonical`
//! what lists of digests are about, `judge` is the chain of decisions.
//!
//! ClamAV's manual calls this phishing signatures (<https://docs.clamav.net/manual/Signatures/PhishSigs.html>). Names and
//! decisions are those of `clamscan` 1.4.6, but for what gets past it: see `docs/phishing.md`.

mod address;
mod canonical;
mod compile;
mod expressions;
mod judge;
mod section;

pub(crate) use compile::Compiler;
pub(crate) use expressions::Expressions;
pub(crate) use judge::inspect;
pub(crate) use section::LinkTables;

/// The technique, as findings call it.
pub const DETECTOR: &str = "phishing";

/// Most expressions of each kind in a database: all of them are searched for in each link.
pub const MAX_EXPRESSIONS: usize = 1 << 12;
/// Longest text that a list of hosts has in bytes: two names of hosts, which have 253 each, and a colon.
pub const MAX_HOSTS: usize = 512;

/// A line of a list about links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkSignature {
    /// A host that is worth imitating, and all below it. Links that show it are examined.
    Protected(String),
    /// An expression for such links, searched for in `REAL:SHOWN/` and in `HOST/` of what is shown.
    ProtectedExpression(Expression),
    /// `REALHOST:SHOWNHOST` of links that are in order; what is before may be longer by labels.
    Allowed(String),
    /// An expression for links that are in order, searched for in `REAL:SHOWN/` and `REALHOST:SHOWNHOST/`.
    AllowedExpression(Expression),
    /// An expression for addresses that links may lead to whatever they show, searched for in `REAL/`.
    AllowedTarget(Expression),
    /// SHA-256 of a part of an address as Google Safe Browsing 2 makes it.
    Blocked(List, [u8; 32]),
    /// The same, of what is on no list whatever they say.
    NotBlocked([u8; 32]),
}

/// A regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// In the syntax of the crate `regex-automata`; it must match up to the end.
    pub translated: String,
    /// As its author wrote it, for people.
    pub original: String,
}

/// What a list of digests says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// It spreads malware.
    Malware,
    /// It imitates another.
    Imitation,
    /// It is blocked.
    Blocked,
}

impl Expression {
    /// Compiles it and throws the result away.
    ///
    /// # Errors
    /// What is wrong with it: it is malformed or too large.
    pub fn check(&self) -> Result<(), String> {
        expressions::check(&self.translated)
    }
}
