//! Names of signatures that are not used.

use std::collections::HashMap;

/// Names of signatures that are not used, some only where their line has a certain MD5.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    names: HashMap<String, Lines>,
    digests: bool,
}

/// The lines of a name that are not used.
#[derive(Debug)]
enum Lines {
    All,
    These(Vec<[u8; 16]>),
}

impl Ignored {
    /// Adds a name; with a digest, only for the line that has it.
    pub(crate) fn add(&mut self, name: &str, line: Option<[u8; 16]>) {
        let lines = self.names.entry(stem(name).to_owned()).or_insert_with(|| Lines::These(Vec::new()));
        match (line, lines) {
            (None, lines) => *lines = Lines::All,
            (Some(_), Lines::All) => {}
            (Some(line), Lines::These(these)) => {
                these.push(line);
                self.digests = true;
            }
        }
    }

    /// Whether the digest of a line matters for any name.
    pub(crate) fn has_digests(&self) -> bool {
        self.digests
    }

    /// Whether a signature of this name is not used; `md5` is that of its line.
    pub(crate) fn names(&self, name: &str, md5: impl FnOnce() -> [u8; 16]) -> bool {
        if self.names.is_empty() {
            return false;
        }
        match self.names.get(stem(name)) {
            None => false,
            Some(Lines::All) => true,
            Some(Lines::These(these)) => these.contains(&md5()),
        }
    }
}

/// The name that the variants of one signature, `Name.{1,2}`, have in common.
fn stem(name: &str) -> &str {
    name.split_once(".{").map_or(name, |(stem, _)| stem)
}
