//! Where a pattern matches in a file, for `--test-sigs`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use candor_detect::{DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Content, FileType, Object};
use candor_signatures::Sources;

/// Largest file in bytes.
const MAX_FILE: u64 = 256 << 20;
/// Most places that are looked for.
const MAX_PLACES: usize = 1000;
/// Longest time for one pattern.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file in which patterns are looked for, as it lies.
pub(super) struct Sample(Content);

impl Sample {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidInput, reason);
        if !std::fs::metadata(path)?.is_file() {
            return Err(invalid("it is no regular file".to_owned()));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(invalid(format!("it is longer than {MAX_FILE} bytes")));
        }
        Ok(Self(Content::from_vec(bytes)))
    }

    /// The places where a pattern matches, wherever its signature would look, in order; or why it is no pattern.
    pub(super) fn matches(&self, hex: &str, modifiers: &str) -> Result<Vec<u64>, String> {
        let database = compiled(hex, modifiers)?;
        let deadline = Instant::now() + PATIENCE;
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(place) = first(&database, self.0.range(from, self.0.size() - from), deadline)? {
            places.push(from + place);
            from += place + 1;
            if places.len() == MAX_PLACES {
                return Err(format!("it matches at more than {MAX_PLACES} places"));
            }
        }
        Ok(places)
    }
}

fn compiled(hex: &str, modifiers: &str) -> Result<Database, String> {
    let mut sources = Sources::default();
    let modifiers = if modifiers.is_empty() { String::new() } else { format!("::{modifiers}") };
    sources.add_text("test.ldb", &format!("Test;Engine:51-255,Target:0;0;{hex}{modifiers}\n"));
    let mut problems = Vec::new();
    let built = sources.build(|problem| problems.push(problem.complaint.to_string()));
    match (built, problems.into_iter().next()) {
        (_, Some(problem)) => Err(problem),
        (Err(error), None) => Err(error.to_string()),
        (Ok(built), None) => Database::from_vec(built.image).map_err(|error| error.to_string()),
    }
}

/// The first place where the pattern of a database matches.
fn first(database: &Database, content: Content, deadline: Instant) -> Result<Option<u64>, String> {
    let object = Object::root(content, FileType::DATA);
    let digests = Digests::default();
    let inspection = Inspection::of(&object, &digests, deadline);
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(database, &inspection, &mut found).map_err(|error| error.to_string())?;
    }
    let evidence = found.findings.iter().flat_map(|finding| &finding.evidence);
    Ok(evidence.map(|evidence| evidence.offset).min())
}
