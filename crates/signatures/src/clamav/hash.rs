//! Hash files: whole objects (`hdb`, `hsb`), sections (`mdb`, `msb`), import tables (`imp`), trusted objects
//! (`fp`, `sfp`), and the same for unwanted programs (`hdu`, `hsu`, `mdu`, `msu`).
//!
//! ```text
//! hdb hsb hdu hsu fp sfp   HashHex:Size|*:Name[:MinFL[:MaxFL]]
//! mdb msb mdu msu          SectionSize|*:HashHex:Name[:MinFL[:MaxFL]]
//! imp                      HashHex:Length|*:Name[:MinFL[:MaxFL]]
//! ```

use std::io;

use candor_detect::hash::{Digest, HashSignature, Subject};
use candor_object::Category;

use super::{category, functionality_level, name, number, number_or_zero};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// The first level at which a hash without a size may be used.
const WILDCARD_LEVEL: u32 = 73;

/// Hashes of whole objects.
pub(crate) struct ObjectHashes;

impl Language for ObjectHashes {
    fn name(&self) -> &'static str {
        "ClamAV hashes of objects"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["hdb", "hsb", "hdu", "hsu", "fp", "sfp"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let trusted = output.source().to_ascii_lowercase().ends_with("fp");
        read(text, output, Subject::Object, trusted.then_some(Category::Trusted))
    }
}

/// Hashes of sections of executables.
pub(crate) struct SectionHashes;

impl Language for SectionHashes {
    fn name(&self) -> &'static str {
        "ClamAV hashes of sections"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["mdb", "msb", "mdu", "msu"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        read(text, output, Subject::Section, None)
    }
}

/// Hashes of import tables.
pub(crate) struct ImportHashes;

impl Language for ImportHashes {
    fn name(&self) -> &'static str {
        "ClamAV hashes of imports"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["imp"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        read(text, output, Subject::Imports, None)
    }
}

fn read(
    text: &mut dyn io::BufRead,
    output: &mut Output<'_>,
    subject: Subject,
    fixed: Option<Category>,
) -> io::Result<()> {
    let source = output.source().to_owned();
    let extension = source.rsplit_once('.').map_or("", |(_, extension)| extension);
    let unwanted = extension.to_ascii_lowercase().ends_with('u');
    each_line(text, output, |line, output| {
        let fields: Vec<&str> = line.split(':').collect();
        let (digest, size, signature, levels) = match (subject, fields.as_slice()) {
            (_, all) if all.len() > 5 || all.len() < 3 => {
                let plural = if all.len() == 1 { "" } else { "s" };
                return Err(Complaint::malformed(format!("{} field{plural}, expected 3 to 5", all.len())));
            }
            (Subject::Section, [size, digest, name, levels @ ..])
            | (_, [digest, size, name, levels @ ..]) => (*digest, *size, *name, levels),
            _ => return Err(Complaint::malformed("too few fields")),
        };
        let digest = hex::decode(digest)
            .map_err(|_| Complaint::malformed(format!("the digest {digest:?} is not hexadecimal")))
            .and_then(|bytes| {
                let count = bytes.len();
                Digest::from_bytes(&bytes).ok_or_else(|| {
                    Complaint::malformed(format!("a digest of {count} bytes is no MD5, SHA-1 or SHA-256"))
                })
            })?;
        let name = name(signature)?;
        let size = size_field(size, levels.first().copied(), subject)?;
        functionality_level(
            levels.first().map(|level| digits(level)),
            levels.get(1).map(|level| digits(level)),
        )?;
        let by_name = || if unwanted { Category::Unwanted } else { category(name) };
        let category = fixed.unwrap_or_else(by_name);
        output.hash(&HashSignature { name, source: &source, category, subject, size, digest })
    })
}

/// The digits that a level begins with: ClamAV does not look at what follows in lines of digests.
fn digits(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn size_field(text: &str, level: Option<&str>, subject: Subject) -> Result<Option<u64>, Complaint> {
    if text == "*" {
        let level =
            level.map_or(Ok(0), |level| number_or_zero::<u32>(digits(level), "functionality level"))?;
        if level < WILDCARD_LEVEL && subject != Subject::Imports {
            let reason = format!("a hash of any size needs functionality level {WILDCARD_LEVEL} or more");
            return Err(Complaint::Malformed(reason));
        }
        return Ok(None);
    }
    let plain = text.trim_start_matches(' ');
    match number::<u64>(plain.strip_prefix('+').unwrap_or(plain), "size")? {
        0 => Err(Complaint::malformed("the size is 0")),
        size if size >= u64::from(u32::MAX) => {
            Err(Complaint::malformed(format!("the size {size} is too large")))
        }
        size => Ok(Some(size)),
    }
}
