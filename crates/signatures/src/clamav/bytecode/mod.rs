//! Programs in ClamAV's bytecode (`cbc`).
//!
//! A file holds one program, in lines. The first is a header, the second the trigger: a logical signature, or a
//! name where there is none. Of the others the first letter says what they hold: `T` types, `E` functions of the
//! host, `G` globals, `A` the head of a function, `B` a block of it. `D` is for debuggers, and with the first `S`
//! the source begins, which goes on to the end.
//!
//! Written from the programs that ClamAV publishes, from the documentation of its bytecode compiler, and from what
//! `clambc --info` and `clambc --printbcir` say of programs.

mod digits;
mod parts;
#[cfg(test)]
mod tests;

use std::io;

use candor_detect::bytecode::{BytecodeSignature, Draft, FIRST_TYPE, Fault, Kind, Program};
use candor_detect::logical::Outcome;

use super::{FUNCTIONALITY_LEVEL, logical};
use crate::sources::whole;
use crate::{Complaint, Language, Output};
use digits::Digits;

/// Longest file in bytes; the longest of ClamAV's programs has 30 kB.
const MAX_SIZE: u64 = 4 << 20;
/// What stands before the length of the longest line in a header.
const MAGIC: &str = "p`clamcoincidencejb:";

/// Programs.
pub(crate) struct Bytecode;

impl Language for Bytecode {
    fn name(&self) -> &'static str {
        "ClamAV bytecode"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["cbc"]
    }

    fn read(&self, text: &mut dyn io::BufRead, output: &mut Output<'_>) -> io::Result<()> {
        let bytes = match whole(text, MAX_SIZE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                output.problem(1, Complaint::malformed(format!("the program is {error}")));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let source = output.source().to_owned();
        let added = read(&bytes, &source)
            .and_then(|signature| add(&signature, output).map_err(|complaint| Wrong { line: 2, complaint }));
        if let Err(Wrong { line, complaint }) = added {
            output.problem(line, complaint);
        }
        Ok(())
    }
}

/// Adds a program and what triggers it. One whose trigger cannot be used is there and never runs.
fn add(signature: &BytecodeSignature, output: &mut Output<'_>) -> Result<(), Complaint> {
    let number = output.program(signature)?;
    if signature.trigger.is_empty() {
        return Ok(());
    }
    let Some(mut trigger) = logical::read(&signature.trigger, output)? else { return Ok(()) };
    trigger.name.clone_from(&signature.name);
    trigger.outcome = Outcome::Program(number);
    output.logical(&trigger)
}

/// What is wrong with a program, and in which line.
#[derive(Debug)]
struct Wrong {
    line: u64,
    complaint: Complaint,
}

fn read(bytes: &[u8], source: &str) -> Result<BytecodeSignature, Wrong> {
    let wrong = |line: u64, complaint: Complaint| Wrong { line, complaint };
    let malformed = |line: u64, reason: String| wrong(line, Complaint::Malformed(reason));
    let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "the program is not UTF-8".to_owned()))?;
    let mut lines = text.lines().zip(1_u64..);
    let (header, _) = lines.next().ok_or_else(|| malformed(1, "there is no header".to_owned()))?;
    let kind = kind(header).map_err(|complaint| wrong(1, complaint))?;
    let (trigger, _) = lines.next().ok_or_else(|| malformed(2, "there is no trigger".to_owned()))?;
    let name = trigger.split(';').next().unwrap_or(trigger);
    let stem = name.split_once(".{").map_or(name, |(stem, _)| stem);
    if stem.is_empty() {
        return Err(malformed(2, "the name is empty".to_owned()));
    }
    let trigger = if trigger.contains(';') { trigger } else { "" };
    let mut draft =
        Draft { kind, types: Vec::new(), imports: Vec::new(), globals: Vec::new(), functions: Vec::new() };
    for (line, number) in lines.take_while(|(line, _)| !line.starts_with('S')) {
        parts::line(line, &mut draft).map_err(|reason| malformed(number, reason))?;
    }
    Program::new(&draft).map_err(|Fault { place, reason }| malformed(2, format!("{place}: {reason}")))?;
    Ok(BytecodeSignature {
        name: stem.to_owned(),
        source: source.to_owned(),
        trigger: trigger.to_owned(),
        draft,
    })
}

/// Reads the header and returns what makes the program run.
fn kind(header: &str) -> Result<Kind, Complaint> {
    let fields = header.strip_prefix("ClamBC").ok_or_else(|| Complaint::malformed("this is no bytecode"))?;
    let mut digits = Digits::new(fields);
    let mut read = || -> Result<_, String> {
        let format = digits.number()?;
        let _time = digits.number()?;
        let _maker = digits.text()?;
        let _excluded = digits.number()?;
        let kind = digits.number()?;
        let levels = (digits.number()?, digits.number()?);
        let _unused = digits.number()?;
        let _compiler = digits.text()?;
        let _types = digits.number()?;
        let _functions = digits.number()?;
        Ok((format, kind, levels))
    };
    let (format, kind, (low, high)) = read().map_err(Complaint::Malformed)?;
    let ends_well = digits.rest().strip_prefix(MAGIC).is_some_and(|length| length.parse::<u32>().is_ok());
    if !ends_well {
        return Err(Complaint::malformed("the header does not end as it should"));
    }
    if format != 6 && format != 7 {
        return Err(Complaint::unsupported(format!("format level {format}, known are 6 and 7")));
    }
    let level = u64::from(FUNCTIONALITY_LEVEL);
    if low > level || (high != 0 && high < level) {
        return Err(Complaint::NotForUs(format!("for functionality level {low} to {high}, ours is {level}")));
    }
    u32::try_from(kind)
        .ok()
        .and_then(Kind::from_number)
        .ok_or_else(|| Complaint::unsupported(format!("a program of kind {kind}")))
}

/// The number of the type at a place of a draft.
fn type_number(place: usize) -> u32 {
    FIRST_TYPE.saturating_add(u32::try_from(place).unwrap_or(u32::MAX))
}
