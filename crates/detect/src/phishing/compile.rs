//! Collects lists about links and writes their sections.

use super::section::{DigestRecord, ExpressionRecord, HostRecord, list_byte};
use super::{Expression, LinkSignature};
use crate::image::{Kind, Writer};
use crate::strings::Strings;

/// Collects lists.
#[derive(Default)]
pub(crate) struct Compiler {
    protected: Vec<(String, HostRecord)>,
    allowed: Vec<(String, HostRecord)>,
    protected_expressions: Vec<ExpressionRecord>,
    allowed_expressions: Vec<ExpressionRecord>,
    target_expressions: Vec<ExpressionRecord>,
    digests: Vec<DigestRecord>,
}

impl Compiler {
    /// Adds an entry.
    pub(crate) fn add(&mut self, signature: &LinkSignature, source: &str, strings: &mut Strings) {
        let source = strings.source(source);
        let mut host = |hosts: &String| (hosts.clone(), HostRecord { hosts: strings.add(hosts), source });
        match signature {
            LinkSignature::Protected(hosts) => self.protected.push(host(hosts)),
            LinkSignature::Allowed(hosts) => self.allowed.push(host(hosts)),
            LinkSignature::ProtectedExpression(text) => {
                self.protected_expressions.push(expression(text, source, strings));
            }
            LinkSignature::AllowedExpression(text) => {
                self.allowed_expressions.push(expression(text, source, strings));
            }
            LinkSignature::AllowedTarget(text) => {
                self.target_expressions.push(expression(text, source, strings));
            }
            LinkSignature::Blocked(list, digest) => {
                let list = list_byte(Some(*list));
                self.digests.push(DigestRecord { digest: *digest, list, source });
            }
            LinkSignature::NotBlocked(digest) => {
                self.digests.push(DigestRecord { digest: *digest, list: list_byte(None), source });
            }
        }
    }

    /// Bytes of the largest table.
    pub(crate) fn size(&self) -> usize {
        self.digests.len().saturating_mul(size_of::<DigestRecord>())
    }

    /// The number of expressions of the kind that has most.
    pub(crate) fn expressions(&self) -> usize {
        let all = [&self.protected_expressions, &self.allowed_expressions, &self.target_expressions];
        all.iter().map(|records| records.len()).max().unwrap_or(0)
    }

    /// Writes the sections.
    pub(crate) fn finish(mut self, writer: &mut Writer) {
        writer.section(Kind::ProtectedHosts, 0, &sorted(self.protected));
        writer.section(Kind::AllowedHosts, 0, &sorted(self.allowed));
        writer.section(Kind::ProtectedExpressions, 0, &self.protected_expressions);
        writer.section(Kind::AllowedExpressions, 0, &self.allowed_expressions);
        writer.section(Kind::AllowedTargets, 0, &self.target_expressions);
        // Of one digest what says that it is on no list comes first, and otherwise what was read first.
        self.digests.sort_by_key(|record| (record.digest, record.list != 0));
        self.digests.dedup_by_key(|record| record.digest);
        writer.section(Kind::BlockedAddresses, 0, &self.digests);
    }
}

fn sorted(mut hosts: Vec<(String, HostRecord)>) -> Vec<HostRecord> {
    hosts.sort_by(|one, other| one.0.cmp(&other.0));
    hosts.dedup_by(|later, first| later.0 == first.0);
    hosts.into_iter().map(|(_, record)| record).collect()
}

fn expression(
    text: &Expression,
    source: zerocopy::little_endian::U16,
    strings: &mut Strings,
) -> ExpressionRecord {
    let translated = strings.add(&text.translated);
    ExpressionRecord { translated, original: strings.add(&text.original), source }
}
