//! Container metadata (`cdb`, and `zmd` and `rmd` of old): what an archive says of a member.
//!
//! ```text
//! cdb      Name:ContainerType|*:ContainerSize:FileNameRegex:SizeInContainer:RealSize:Encrypted:Position:Res1:Res2[:MinFL[:MaxFL]]
//! zmd rmd  Name:Encrypted:FileNameRegex:RealSize:SizeInContainer:CRC32:Method:Position:MaxDepth
//! ```
//!
//! Sizes of `cdb` are `n`, `a-b` or `*`; names are POSIX extended regular expressions. `zmd` is for zip, `rmd` for RAR.
//! The detection is of the archive. Positions are known in zip only.

use std::io;

use candor_detect::MAGIC;
use candor_detect::member::{ANY, MemberSignature};

use super::{category, ere, functionality_level, name, number, target};
use crate::lines::each_line;
use crate::{Complaint, Language, Output};

/// Container metadata.
pub(crate) struct Metadata;

impl Language for Metadata {
    fn name(&self) -> &'static str {
        "ClamAV container metadata"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["cdb", "zmd", "rmd"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        // Our own compiled databases are mostly called so as well.
        if text.fill_buf()?.starts_with(&MAGIC) {
            let what = "a compiled database and no signature file; name it as a database";
            output.problem(0, Complaint::unsupported(what));
            return Ok(());
        }
        let old = !output.source().to_ascii_lowercase().ends_with("cdb");
        let read = if old { read_old } else { read };
        let rar = output.source().to_ascii_lowercase().ends_with("rmd");
        each_line(text, output, |line, output| {
            let mut signature = read(line)?;
            if rar {
                signature.container = Some("rar".to_owned());
            }
            let source = output.source().to_owned();
            output.listed(&MemberSignature { source, text: line.to_owned(), ..signature })
        })
    }
}

fn read(line: &str) -> Result<MemberSignature, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let [signature, container, container_size, file, packed, real, encrypted, position, _, _, levels @ ..] =
        fields.as_slice()
    else {
        return Err(Complaint::malformed(format!("{} fields, expected 10 to 12", fields.len())));
    };
    if levels.len() > 2 {
        return Err(Complaint::malformed(format!("{} fields, expected 10 to 12", fields.len())));
    }
    let level = |place: usize| levels.get(place).copied().filter(|level| !level.is_empty());
    functionality_level(level(0), level(1))?;
    if !matches!(*container, "*") && !target::is_type(container) {
        return Err(Complaint::malformed(format!("the container type {container:?} is unknown")));
    }
    let position = if *position == "*" { None } else { Some(numbers(position, "position")?) };
    let signature = MemberSignature {
        container_size: numbers(container_size, "size of the container")?,
        file_name: file_name(file)?,
        packed: numbers(packed, "size in the container")?,
        size: numbers(real, "size")?,
        encrypted: flag(encrypted)?,
        position,
        ..of_any_member(signature)?
    };
    let container = match *container {
        "*" | "CL_TYPE_ANY" => None,
        known => Some(target::container(known)?.to_owned()),
    };
    Ok(MemberSignature { container, ..signature })
}

fn read_old(line: &str) -> Result<MemberSignature, Complaint> {
    let fields: Vec<&str> = line.split(':').collect();
    let [signature, encrypted, file, real, packed, crc, method, position, depth] = fields.as_slice() else {
        return Err(Complaint::malformed(format!("{} fields, expected 9", fields.len())));
    };
    if *crc != "*" && (crc.is_empty() || u32::from_str_radix(crc, 16).is_err()) {
        return Err(Complaint::malformed(format!("the CRC {crc:?} is no number")));
    }
    for (value, what) in [(method, "method"), (depth, "depth")] {
        if *value != "*" {
            number::<u32>(value, what)?;
        }
    }
    let position = if *position == "*" { None } else { Some(numbers(position, "position")?) };
    let signature = MemberSignature {
        container: Some("zip".to_owned()),
        file_name: file_name(file)?,
        packed: numbers(packed, "size in the container")?,
        size: numbers(real, "size")?,
        encrypted: flag(encrypted)?,
        position,
        ..of_any_member(signature)?
    };
    // ClamAV regards the method no more; what only a checksum tells apart would find too much without it.
    if *crc != "*" {
        return Err(Complaint::unsupported("the checksum of a member"));
    }
    Ok(signature)
}

/// A signature of this name that any member of any archive has.
fn of_any_member(signature: &str) -> Result<MemberSignature, Complaint> {
    let name = name(signature)?;
    Ok(MemberSignature {
        name: name.to_owned(),
        source: String::new(),
        text: String::new(),
        category: category(name),
        container: None,
        container_size: ANY,
        file_name: None,
        packed: ANY,
        size: ANY,
        encrypted: None,
        position: None,
    })
}

/// `n`, `a-b` or `*`. A range that runs backwards fits nothing, as in ClamAV.
fn numbers(text: &str, what: &str) -> Result<(u64, u64), Complaint> {
    if text == "*" {
        return Ok(ANY);
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Ok((number(low, what)?, number(high, what)?))
}

/// The expression for a name in the syntax that detection reads.
fn file_name(text: &str) -> Result<Option<String>, Complaint> {
    if text == "*" {
        return Ok(None);
    }
    ere::compile(text.as_bytes()).map_err(Complaint::Malformed)?;
    ere::translated(text.as_bytes()).map(Some).map_err(Complaint::Malformed)
}

fn flag(text: &str) -> Result<Option<bool>, Complaint> {
    match text {
        "0" => Ok(Some(false)),
        "1" => Ok(Some(true)),
        "*" => Ok(None),
        _ => Err(Complaint::malformed(format!("{text:?} does not say whether the member is encrypted"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as `clamscan` 1.4.6 takes or refuses it, but for a range that runs backwards, which it takes.
    #[test]
    fn lines_are_read() {
        let kind = |result: Result<MemberSignature, Complaint>| {
            result.err().map_or("good", |complaint| complaint.kind())
        };
        for (line, expected) in [
            ("C.One:CL_TYPE_ZIP:*:a.exe:*:*:*:*:*:*", "good"),
            ("C.One:*:1-9999:^a\\.exe$:31:104:0:1:*:*", "good"),
            ("C.One:CL_TYPE_ANY:*:*:*:*:1:1-2:b2646a84:xx:1:", "good"),
            ("C.One:CL_TYPE_ZIP:0-500:.*\\.(exe|scr)$:*:*:*:*:*:*:1", "good"),
            ("C.One:CL_TYPE_ZIP:*:a.exe:*:*:*:*:*:*:", "good"),
            ("C.One:CL_TYPE_ZIP:*:a.exe:*:*:*:*:*:*:1:5", "not for us"),
            ("C.One:CL_TYPE_ZIP:*:a.exe:*:*:*:*:*:*:999", "not for us"),
            ("C.One:CL_TYPE_ZIP:*:a.exe:*:*:*:*:*", "malformed"),
            ("C.One:CL_TYPE_FOO:*:a.exe:*:*:*:*:*:*", "malformed"),
            ("C.One:ZIP:*:a.exe:*:*:*:*:*:*", "malformed"),
            ("C.One:CL_TYPE_ZIP:1-:a.exe:*:*:*:*:*:*", "malformed"),
            ("C.One:CL_TYPE_ZIP:-9999:a.exe:*:*:*:*:*:*", "malformed"),
            ("C.One:CL_TYPE_ZIP:*:a(exe:*:*:*:*:*:*", "malformed"),
            ("C.One:CL_TYPE_ZIP:*::*:*:*:*:*:*", "malformed"),
            ("C.One:CL_TYPE_ZIP:*:*:*:*:2:*:*:*", "malformed"),
            ("C.One:CL_TYPE_ZIP:*:*:*:*:*:x:*:*", "malformed"),
            (":CL_TYPE_ZIP:*:a.exe:*:*:*:*:*:*", "malformed"),
        ] {
            assert_eq!(kind(read(line)), expected, "{line}");
        }
        for (line, expected) in [
            ("Z.One:0:a.exe:104:31:*:8:1:*", "good"),
            ("Z.One:0:a.exe:104:31:b2646a84:8:1:*", "unsupported"),
            ("Z.One:*:*:*:*:*:*:*:*", "good"),
            ("Z.One:0:a.exe:*:*:*:*:1:0", "good"),
            ("Z.One:0:a.exe:*:*:*:*:*", "malformed"),
            ("Z.One:0:a.exe:*:*:*:*:*:*:*", "malformed"),
            ("Z.One:0:a.exe:x:*:*:*:*:*", "malformed"),
            ("Z.One:0:a.exe:*:*:xyz:*:*:*", "malformed"),
        ] {
            assert_eq!(kind(read_old(line)), expected, "{line}");
        }
    }
}
