//! Ignore lists (`ign2`, and `ign` of old): names of signatures that are not used.
//!
//! ```text
//! SigName[:MD5 of the database line]
//! database:line:SigName                of old; ClamAV regards the name only, and so do we
//! ```

use std::io;

use crate::lines::each_line;
use crate::{Complaint, Language, Output, Turn};

/// Ignore lists.
pub(crate) struct Ignore;

impl Language for Ignore {
    fn name(&self) -> &'static str {
        "ClamAV ignore list"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ign2", "ign"]
    }

    fn turn(&self) -> Turn {
        Turn::First
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_line(text, output, |line, output| {
            let line = line.trim_end_matches(' ');
            let fields: Vec<&str> = line.split(':').collect();
            let (name, digest) = match fields.as_slice() {
                [name] | [_, _, name] => (*name, None),
                [name, digest] => (*name, Some(digest_of_line(digest)?)),
                _ => return Err(Complaint::malformed(format!("{} fields, expected 1 to 3", fields.len()))),
            };
            output.ignore(super::name(name)?, digest);
            Ok(())
        })
    }
}

fn digest_of_line(text: &str) -> Result<[u8; 16], Complaint> {
    let digest = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| Complaint::malformed("what follows the name is no MD5"))
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

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

    #[test]
    fn a_digest_binds_the_name_to_one_line() {
        let line = "44d88612fea8a8f36de82e1278abb02f:68:One";
        let left = |list: &str, file: &str| {
            let mut sources = Sources::default();
            sources.add_text("a.hdb", file);
            sources.add_text("local.ign", list);
            sources.build(|_| {}).unwrap().counts.object_hashes
        };
        let digest = hex::encode(Md5::digest(line));
        assert_eq!(left(&format!("One:{digest}\n"), &format!("{line}\n")), 0);
        assert_eq!(left(&format!("One:{}", digest.to_uppercase()), &format!("{line}\r\n")), 0);
        assert_eq!(left(&format!("One:{digest}\n"), &format!("{line}:1\n")), 1);
        assert_eq!(left(&format!("One:{digest}\nOne\n"), &format!("{line}:1\n")), 0);
        assert_eq!(left("main.db:17:One\n", line), 0);
        assert_eq!(left("a:b:c:One\n", line), 1);
    }
}
