//! SARIF 2.1.0: findings are results, objects are artifacts, gaps and errors are notifications.
//!
//! Specification: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>. Results are written as
//! they come; artifacts and notifications wait in temporary files, so that memory holds only the rules.

use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};

use candor_object::{Category, Finding, Gap, ObjectId, Report, Verdict, utc};
use serde_json::{Value, json};
use tempfile::SpooledTempFile;

use super::human::sentence;
use super::json::write;
use super::{Output, Run, Summary, Target, reason_name};
use crate::escape::Escaped;
use crate::examine::Scanned;
use crate::exit_status::Outcome;
use crate::version;

/// Bytes of the waiting parts that stay in memory.
const IN_MEMORY: usize = 1 << 20;

/// The report for code scanning tools.
pub(crate) struct Sarif {
    writer: Box<dyn Write>,
    run: Run,
    results: u64,
    artifacts: Waiting,
    notifications: Waiting,
    /// Detection names in the order of their numbers.
    rules: Vec<(String, Category)>,
    numbers: BTreeMap<String, usize>,
}

/// Elements of an array that is written later.
struct Waiting {
    file: SpooledTempFile,
    count: u64,
}

impl Waiting {
    fn new() -> Self {
        Self { file: SpooledTempFile::new(IN_MEMORY), count: 0 }
    }

    /// Adds an element; its number.
    fn push(&mut self, value: &Value) -> io::Result<u64> {
        if self.count > 0 {
            self.file.write_all(b",\n")?;
        }
        write(&mut self.file, value)?;
        self.count += 1;
        Ok(self.count - 1)
    }

    fn copy_to(&mut self, writer: &mut dyn Write) -> io::Result<()> {
        self.file.flush()?;
        self.file.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.file, writer)?;
        Ok(())
    }
}

impl Sarif {
    /// A report that goes to `target`.
    pub(crate) fn new(mut target: Target, run: &Run) -> io::Result<Self> {
        let schema =
            "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
        write!(target.writer, "{{\"$schema\":\"{schema}\",\"version\":\"2.1.0\",\"runs\":[{{\"results\":[")?;
        Ok(Self {
            writer: target.writer,
            run: run.clone(),
            results: 0,
            artifacts: Waiting::new(),
            notifications: Waiting::new(),
            rules: Vec::new(),
            numbers: BTreeMap::new(),
        })
    }

    /// Adds the objects that findings and gaps are about, with their containers; their numbers.
    fn artifacts(&mut self, scanned: &Scanned) -> io::Result<BTreeMap<ObjectId, u64>> {
        let report = &scanned.report;
        let mut numbers = BTreeMap::new();
        for id in report.concerned() {
            let Some(seen) = report.object(id) else {
                continue;
            };
            let parent = seen.parent.and_then(|parent| numbers.get(&parent)).copied();
            let mut artifact = json!({
                "length": seen.size,
                "roles": ["analysisTarget"],
                "properties": { "fileType": seen.file_type.name(), "relation": seen.relation.name() },
            });
            if let Some(parent) = parent {
                artifact["parentIndex"] = json!(parent);
                artifact["location"] = json!({ "uri": segment(&seen.name, id) });
            } else {
                artifact["location"] = json!({ "uri": root_uri(scanned) });
            }
            if let Some(digest) = seen.sha256 {
                artifact["hashes"] = json!({ "sha-256": hex::encode(digest) });
            }
            numbers.insert(id, self.artifacts.push(&artifact)?);
        }
        Ok(numbers)
    }

    fn rule(&mut self, finding: &Finding) -> usize {
        if let Some(number) = self.numbers.get(&finding.name) {
            return *number;
        }
        let number = self.rules.len();
        self.rules.push((finding.name.clone(), finding.category));
        self.numbers.insert(finding.name.clone(), number);
        number
    }

    fn result(
        &mut self,
        scanned: &Scanned,
        number: usize,
        finding: &Finding,
        artifacts: &BTreeMap<ObjectId, u64>,
    ) -> io::Result<()> {
        let counts = scanned.decision.detections.contains(&number);
        let path = scanned.report.path(finding.object);
        let rule = self.rule(finding);
        let level = match (counts, scanned.decision.verdict) {
            (false, _) => "none",
            (true, Verdict::Malicious | Verdict::Prohibited) => "error",
            (true, _) => "warning",
        };
        let locations: Vec<Value> = locations(scanned, finding, artifacts);
        let text = format!("{} in {}", Escaped(&finding.name), Escaped(&path));
        let mut result = json!({
            "ruleId": finding.name,
            "ruleIndex": rule,
            "kind": if counts { "fail" } else { "informational" },
            "level": level,
            "message": { "text": text },
            "locations": locations,
            "properties": {
                "verdict": scanned.decision.verdict.name(),
                "category": finding.category.name(),
                "detector": finding.detector,
                "source": finding.source,
                "signature": finding.text,
            },
        });
        let digest = scanned.report.object(finding.object).and_then(|seen| seen.sha256);
        if let Some(digest) = digest {
            let print = format!("{}:{}", hex::encode(digest), finding.name);
            result["partialFingerprints"] = json!({ "objectAndName/v1": print });
        }
        if self.results > 0 {
            self.writer.write_all(b",\n")?;
        }
        self.results += 1;
        write(&mut self.writer, &result)
    }

    fn gap(&mut self, scanned: &Scanned, gap: &Gap, artifacts: &BTreeMap<ObjectId, u64>) -> io::Result<()> {
        let reason = reason_name(gap.reason);
        let path = scanned.report.path(gap.object);
        let text = format!("not examined: {} ({})", Escaped(&path), sentence(&reason, &gap.detail));
        let notification = json!({
            "level": "warning",
            "message": { "text": text },
            "descriptor": { "id": reason },
            "locations": [location(scanned, gap.object, artifacts, &Value::Null)],
        });
        self.notifications.push(&notification).map(drop)
    }

    fn tool(&self, summary: &Summary) -> Value {
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|(name, category)| json!({ "id": name, "properties": { "category": category.name() } }))
            .collect();
        let databases: Vec<Value> = self
            .run
            .databases
            .iter()
            .map(|used| {
                json!({
                    "name": used.origin,
                    "version": hex::encode(used.identity),
                    "properties": { "signatures": used.signatures, "skippedSignatures": used.skipped },
                })
            })
            .collect();
        let reasons = summary.gaps.keys().map(String::as_str);
        let notifications: Vec<Value> = reasons.chain(["error"]).map(|id| json!({ "id": id })).collect();
        json!({
            "driver": {
                "name": "Candor",
                "version": version::VERSION,
                "rules": rules,
                "notifications": notifications,
            },
            "extensions": databases,
        })
    }
}

impl Output for Sarif {
    fn scanned(&mut self, scanned: &Scanned) -> io::Result<()> {
        if !scanned.has_something_to_tell() {
            return Ok(());
        }
        let artifacts = self.artifacts(scanned)?;
        for (number, finding) in scanned.report.findings.iter().enumerate() {
            self.result(scanned, number, finding, &artifacts)?;
        }
        for gap in &scanned.report.gaps {
            self.gap(scanned, gap, &artifacts)?;
        }
        Ok(())
    }

    fn error(&mut self, message: &str) -> io::Result<()> {
        let text = Escaped(message).to_string();
        let descriptor = json!({ "id": "error" });
        let notification = json!({ "level": "error", "message": { "text": text }, "descriptor": descriptor });
        self.notifications.push(&notification).map(drop)
    }

    fn finish(&mut self, summary: &Summary, outcome: Outcome) -> io::Result<()> {
        self.writer.write_all(b"],\n\"artifacts\":[")?;
        self.artifacts.copy_to(&mut self.writer)?;
        let options: BTreeMap<&str, &String> =
            self.run.options.iter().map(|(name, value)| (*name, value)).collect();
        let invocation = json!({
            "executionSuccessful": summary.errors == 0 && summary.all_gaps() == 0,
            "startTimeUtc": utc(self.run.started),
            "endTimeUtc": utc(self.run.started + summary.time),
            "exitCode": outcome.status(),
            "exitCodeDescription": outcome.meaning(),
            "properties": {
                "options": options,
                "files": summary.files,
                "objects": summary.objects,
                "bytes": summary.bytes,
                "skippedSpecialFiles": summary.special,
                "skippedSymbolicLinks": summary.links,
                "excluded": summary.excluded,
            },
        });
        // The invocation's object is left open for the notifications, which are too many for memory.
        let mut text = Vec::new();
        write(&mut text, &invocation)?;
        text.pop();
        self.writer.write_all(b"],\n\"invocations\":[")?;
        self.writer.write_all(&text)?;
        self.writer.write_all(b",\n\"toolExecutionNotifications\":[")?;
        self.notifications.copy_to(&mut self.writer)?;
        self.writer.write_all(b"]}],\n\"tool\":")?;
        let tool = self.tool(summary);
        write(&mut self.writer, &tool)?;
        self.writer.write_all(b"}]}\n")?;
        self.writer.flush()
    }
}

/// A location for each piece of evidence, at least one.
fn locations(scanned: &Scanned, finding: &Finding, artifacts: &BTreeMap<ObjectId, u64>) -> Vec<Value> {
    let regions = finding.evidence.iter().map(|evidence| {
        json!({
            "byteOffset": evidence.offset,
            "byteLength": evidence.size,
            "snippet": { "rendered": { "text": hex::encode(&evidence.excerpt) } },
            "message": { "text": Escaped(&evidence.what).to_string() },
        })
    });
    let mut locations: Vec<Value> =
        regions.map(|region| location(scanned, finding.object, artifacts, &region)).collect();
    if locations.is_empty() {
        locations.push(location(scanned, finding.object, artifacts, &Value::Null));
    }
    locations
}

fn location(
    scanned: &Scanned,
    object: ObjectId,
    artifacts: &BTreeMap<ObjectId, u64>,
    region: &Value,
) -> Value {
    let report: &Report = &scanned.report;
    let mut artifact = match report.object(object).filter(|_| object != ObjectId::ROOT) {
        Some(seen) => json!({ "uri": segment(&seen.name, object) }),
        None => json!({ "uri": root_uri(scanned) }),
    };
    if let Some(number) = artifacts.get(&object) {
        artifact["index"] = json!(number);
    }
    let mut physical = json!({ "artifactLocation": artifact });
    if !region.is_null() {
        physical["region"] = region.clone();
    }
    let path = report.path(object);
    json!({
        "physicalLocation": physical,
        "logicalLocations": [{ "fullyQualifiedName": path, "kind": "member" }],
    })
}

/// The root object's path as a URI.
fn root_uri(scanned: &Scanned) -> String {
    let bytes = scanned.raw_path.as_deref().unwrap_or(scanned.path.as_bytes());
    let encoded = percent_encoded(bytes);
    if bytes.starts_with(b"/") { format!("file://{encoded}") } else { encoded }
}

/// The name of an object in its container as a URI.
fn segment(name: &str, id: ObjectId) -> String {
    match name {
        "" => format!("object-{}", id.0),
        // Two slashes at the beginning would name a host.
        name => match name.strip_prefix('/') {
            Some(rest) => format!("%2F{}", percent_encoded(rest.as_bytes())),
            None => percent_encoded(name.as_bytes()),
        },
    }
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(*byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
