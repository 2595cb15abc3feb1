//! Ignore lists (`ign2`): names of signatures that are not used.
//!
//! `SigName[:MD5 of the database line]`, or `File:Line:SigName`. The digest would bind the entry to one version of the signature; the
//! name is ignored whatever the digest says, since a changed signature of an ignored name is no more wanted.

use std::io;

use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// Ignore lists.
pub(crate) struct Ignore;

impl Language for Ignore {
    fn name(&self) -> &'static str {
        "ClamAV ignore list"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ign2"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, output| {
            let line = line.trim_end_matches(' ');
            let (name, digest) = match line.split(':').collect::<Vec<_>>().as_slice() {
                // As old lists (`ign`) have it: file, line, name.
                [_, _, name] => (*name, None),
                [name, digest] => (*name, Some(*digest)),
                _ => (line, None),
            };
            if digest.is_some_and(|digest| hex::decode(digest).map(|bytes| bytes.len()) != Ok(16)) {
                return Err(Complaint::malformed("what follows the name is no MD5"));
            }
            let name = super::name(name)?;
            output.ignore(name.split_once(".{").map_or(name, |(stem, _)| stem));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Sources;

    #[test]
    fn named_signatures_are_left_out_and_reported() {
        let mut sources = Sources::default();
        let hash = "44d88612fea8a8f36de82e1278abb02f:68";
        sources.add_text("a.hdb", &format!("{hash}:One.{{2}}\n{hash}:Two\n"));
        sources.add_text("local.ign2", "One\nThree:beef\n");
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
        assert_eq!(built.counts.object_hashes, 1);
        assert_eq!(
            problems,
            ["local.ign2:2: malformed: what follows the name is no MD5", "a.hdb:1: an ignore list names it"]
        );
    }
}
