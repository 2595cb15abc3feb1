//! Plain lists of digests: one MD5, SHA-1 or SHA-256 to a line, as `sha256sum` and threat feeds write them.
//!
//! The digest is the first word of the line; what follows (a file name, a family) becomes the detection name.
//! Commas and semicolons separate as white space does. Extensions: `md5`, `sha1`, `sha256`, `hashes`.

use std::io;

use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_object::Category;

use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// Plain lists of digests.
pub(crate) struct HashList;

impl Language for HashList {
    fn name(&self) -> &'static str {
        "hash list"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["md5", "sha1", "sha256", "hashes"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let source = output.source().to_owned();
        each_line(text, output, |line, output| {
            if line.trim().is_empty() {
                return Ok(());
            }
            let mut words = line.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty());
            let digest = words.next().unwrap_or_default();
            let rest: Vec<&str> = words.collect();
            let digest = hex::decode(digest.trim_matches('"'))
                .ok()
                .and_then(|bytes| Digest::from_bytes(&bytes))
                .ok_or_else(|| Complaint::malformed("the first word is no MD5, SHA-1 or SHA-256"))?;
            let joined = rest.join(" ");
            // `sha256sum` marks binary mode with an asterisk.
            let name = match joined.trim_start_matches('*').trim_matches('"') {
                "" => format!("Listed.{}", hex::encode(digest.bytes())),
                name => name.to_owned(),
            };
            let (category, subject) = (Category::Malware, Subject::Object);
            output.hash(&HashSignature {
                name: &name,
                source: &source,
                category,
                subject,
                size: None,
                digest,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Sources;

    #[test]
    fn lines_of_sha256sum_and_of_feeds() {
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let text =
            format!("# feed\n{digest}\n{digest} *evil.exe\n\"{}\",Family\nnothing here\n", &digest[..32]);
        let mut sources = Sources::default();
        sources.add_text("feed.hashes", &text);
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
        assert_eq!(built.counts.object_hashes, 3);
        assert_eq!(problems, ["feed.hashes:5: malformed: the first word is no MD5, SHA-1 or SHA-256"]);
    }
}
