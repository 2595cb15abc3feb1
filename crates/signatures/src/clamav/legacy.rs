//! Signatures of the oldest kind (`db`): a name and a pattern for any type, anywhere.
//!
//! `Name=HexSig`

use std::io;

use candor_detect::logical::LogicalSignature;

use super::{each_signature, extended, name};
use crate::{Complaint, Language, Output};

/// Signatures of the oldest kind.
pub(crate) struct Legacy;

impl Language for Legacy {
    fn name(&self) -> &'static str {
        "ClamAV legacy signatures"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["db"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        each_signature(text, output, read)
    }
}

fn read(line: &str, output: &mut Output<'_>) -> Result<Option<LogicalSignature>, Complaint> {
    let (signature, hex) = line.split_once('=').ok_or_else(|| Complaint::malformed("it has no ="))?;
    extended::signature(name(signature)?, "*", "*", hex, line, output)
}

#[cfg(test)]
mod tests {
    use crate::Sources;

    /// Each line as `clamscan` 1.4.6 takes or refuses it.
    #[test]
    fn a_name_and_a_pattern() {
        let good = ["Foo.Bar=68656c6c6f", "Foo.Bar (Clam)=68656c6c6f", "Foo.Bar=6865*6c6c"];
        let bad = [
            "Foo.Bar=68656c6c6f:999",
            "Foo.Bar=6868",
            "Foo.Bar:68656c",
            "Foo=x=68656c",
            "Foo=",
            "=686568",
            "Foo=686568;",
        ];
        let mut sources = Sources::default();
        sources.add_text("a.db", &good.join("\n"));
        sources.add_text("b.db", &bad.join("\n"));
        let mut problems = Vec::new();
        let built = sources.build(|problem| problems.push(problem.to_string())).unwrap();
        assert_eq!((built.counts.logical, problems.len()), (3, bad.len()), "{problems:#?}");
        assert!(
            problems.iter().all(|problem| problem.starts_with("b.db:") && problem.contains(": malformed: "))
        );
    }
}
