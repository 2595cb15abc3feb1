//! `--decode-sigs` and `--test-sigs`: what a signature says, in words, or where it matches.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::matching::Sample;
use super::pattern::decoded;
use super::printer::{self, Printer};
use super::{Failure, Outcome};

/// Longest line in bytes.
const MAX_LINE: u64 = 256 << 10;
/// Names of target types, by number.
const TARGETS: [&str; 13] = [
    "ANY FILE",
    "PE",
    "OLE2",
    "HTML",
    "MAIL",
    "GRAPHICS",
    "ELF",
    "NORMALIZED ASCII TEXT",
    "DISASM DATA",
    "MACHO",
    "PDF",
    "FLASH",
    "JAVA CLASS",
];

/// Explains each line of standard input, up to an empty one.
pub(super) fn from_standard_input(printer: &mut Printer) -> Outcome {
    each_line(&mut io::stdin().lock(), &mut |line| Decoder { printer, sample: None }.signature(line))
}

/// Shows for each line of a signature file where it matches in a file.
pub(super) fn test(signatures: &Path, file: &Path, printer: &mut Printer) -> Outcome {
    let cannot = || Failure::Told(format!("ERROR: testsigs: Can't open file {}", signatures.display()));
    if !signatures.is_file() {
        return Err(cannot());
    }
    let mut lines = BufReader::new(File::open(signatures).map_err(|_| cannot())?);
    let sample = Sample::read(file).map_err(|error| {
        printer::error(&format!("{}: {error}", file.display()));
        cannot()
    })?;
    each_line(&mut lines, &mut |line| Decoder { printer, sample: Some(&sample) }.signature(line))
}

fn each_line(text: &mut dyn BufRead, take: &mut dyn FnMut(&str) -> Outcome) -> Outcome {
    let mut line = Vec::new();
    loop {
        line.clear();
        text.take(MAX_LINE).read_until(b'\n', &mut line)?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            return Ok(());
        }
        take(line)?;
    }
}

/// Explains signatures, or matches them.
struct Decoder<'a> {
    printer: &'a mut Printer,
    sample: Option<&'a Sample>,
}

impl Decoder<'_> {
    fn signature(&mut self, line: &str) -> Outcome {
        // `--find-sigs` writes the file in brackets before a line.
        let line = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some((_, line)) => line,
            None => line,
        };
        if line.contains(';') {
            self.logical(line)
        } else if line.contains(':') {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.len() {
                4..=6 => self.extended(&fields),
                10..=12 => self.metadata(&fields),
                count => {
                    self.printer.line(&format!("TOKENS COUNT: {count}"))?;
                    Err(unsupported())
                }
            }
        } else if let Some((name, hex)) = line.split_once('=') {
            self.say("VIRUS NAME", name)?;
            self.content(hex, "*", "SUBSIG", "DECODED SIGNATURE")
        } else {
            Err(Failure::Shown("decodesig: Not supported signature format".to_owned()))
        }
    }

    fn say(&mut self, what: &str, value: &str) -> io::Result<()> {
        self.printer.line(&format!("{what}: {value}"))
    }

    fn extended(&mut self, fields: &[&str]) -> Outcome {
        let [name, target, offset, hex, levels @ ..] = fields else { return Err(unsupported()) };
        self.say("VIRUS NAME", name)?;
        match levels {
            [lowest] => self.say("FUNCTIONALITY LEVEL", &format!(">={lowest}"))?,
            [lowest, highest] => self.say("FUNCTIONALITY LEVEL", &format!("{lowest}..{highest}"))?,
            _ => {}
        }
        let invalid = || Failure::Told("ERROR: decodesig: Invalid target type".to_owned());
        if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        self.printer.part("TARGET TYPE: ")?;
        let number: usize = target.parse().map_err(|_| invalid())?;
        let Some(target) = TARGETS.get(number) else { return Err(invalid()) };
        self.printer.line(target)?;
        self.say("OFFSET", offset)?;
        self.content(hex, offset, "SUBSIG", "DECODED SIGNATURE")
    }

    /// The last lines of a signature of one pattern: what it is, or where it matches.
    fn content(&mut self, hex: &str, offset: &str, shown: &str, decoded_as: &str) -> Outcome {
        match self.sample {
            Some(sample) => {
                self.say(shown, hex)?;
                self.matches(sample.matches(hex, ""), offset == "*")
            }
            None => {
                self.printer.line(&format!("{decoded_as}:"))?;
                self.decode(hex)
            }
        }
    }

    fn decode(&mut self, hex: &str) -> Outcome {
        match decoded(hex) {
            Ok(bytes) => {
                self.printer.bytes(&bytes)?;
                Ok(self.printer.text("\n")?)
            }
            Err(reason) => {
                self.printer.flush()?;
                printer::error(&format!("ERROR: {reason}\nERROR: Decoding failed"));
                Ok(())
            }
        }
    }

    fn matches(&mut self, matches: Result<Vec<u64>, String>, anywhere: bool) -> Outcome {
        let places = match matches {
            Ok(places) => places,
            Err(reason) => {
                self.printer.flush()?;
                printer::error(&format!("{reason}\nERROR: matchsig: Can't parse signature"));
                return Ok(());
            }
        };
        let answer = match places.as_slice() {
            [] => "** NO **".to_owned(),
            [place] => format!("{} (1 match at offset: {place})", yes(anywhere)),
            // As ClamAV has them: the last comes first.
            _ => {
                let listed: Vec<String> = places.iter().rev().map(u64::to_string).collect();
                format!("{} ({} matches at offsets: {})", yes(anywhere), places.len(), listed.join(" "))
            }
        };
        Ok(self.say("MATCH", &answer)?)
    }

    fn metadata(&mut self, fields: &[&str]) -> Outcome {
        let [name, container, container_size, file, packed, real, encrypted, position, crc, ..] = fields
        else {
            return Err(unsupported());
        };
        let size = |text: &str| match text.split_once('-') {
            _ if text == "*" => "ANY".to_owned(),
            Some((low, high)) => format!("WITHIN RANGE {low} to {high}"),
            None => text.to_owned(),
        };
        self.say("VIRUS NAME", name)?;
        self.say("CONTAINER TYPE", if *container == "*" { "ANY" } else { container })?;
        self.say("CONTAINER SIZE", &size(container_size))?;
        self.say("FILENAME REGEX", file)?;
        self.say("COMPRESSED FILESIZE", &size(packed))?;
        self.say("UNCOMPRESSED FILESIZE", &size(real))?;
        let encryption = match *encrypted {
            "*" => "IGNORED",
            "0" => "NO",
            _ => "YES",
        };
        self.say("ENCRYPTION", encryption)?;
        self.say("FILE POSITION", &size(position))?;
        // The field is reserved, and ClamAV says only that there is nothing in it.
        if *crc == "*" { Ok(self.say("CRC SUM", "ANY")?) } else { Ok(()) }
    }

    fn logical(&mut self, line: &str) -> Outcome {
        let fields = split_logical(line);
        let [name, description, expression, subsignatures @ ..] = fields.as_slice() else {
            return Err(unsupported());
        };
        if subsignatures.is_empty() {
            return Err(unsupported());
        }
        self.say("VIRUS NAME", name)?;
        self.say("TDB", description)?;
        self.say("LOGICAL EXPRESSION", expression)?;
        let told = |message: String| Failure::Told(format!("ERROR: decodesig: {message}"));
        let wanted = members(expression).ok_or_else(|| told("Broken logical expression".to_owned()))?;
        if wanted != subsignatures.len() {
            return Err(told(format!(
                "The number of subsignatures (=={}) doesn't match the IDs in the logical expression (=={wanted})",
                subsignatures.len()
            )));
        }
        for (number, subsignature) in subsignatures.iter().enumerate() {
            self.printer.line(&format!(" * SUBSIG ID {number}"))?;
            self.subsignature(subsignature)?;
        }
        Ok(())
    }

    fn subsignature(&mut self, text: &str) -> Outcome {
        if let Some((before, regex)) = text.split_once('/') {
            let (offset, trigger) = before.split_once(':').unwrap_or(("ANY", before));
            let (regex, flags) = regex.rsplit_once('/').unwrap_or((regex, ""));
            self.say(" +-> OFFSET", offset)?;
            self.printer.line(" +-> SIGMOD: NONE")?;
            self.printer.line(" +-> DECODED SUBSIGNATURE:")?;
            self.say("     +-> TRIGGER", trigger)?;
            self.say("     +-> REGEX", regex)?;
            return Ok(self.say("     +-> CFLAGS", if flags.is_empty() { "null" } else { flags })?);
        }
        let (content, modifiers) = match text.split_once("::") {
            Some((content, modifiers)) => (content, Some(modifiers)),
            None => (text, None),
        };
        let (offset, hex) = content.split_once(':').unwrap_or(("ANY", content));
        self.say(" +-> OFFSET", offset)?;
        self.printer.part(" +-> SIGMOD:")?;
        let mut known = true;
        for letter in modifiers.unwrap_or_default().chars() {
            let word = match letter {
                'i' => " NOCASE",
                'f' => " FULLWORD",
                'w' => " WIDE",
                'a' => " ASCII",
                _ => " UNKNOWN",
            };
            self.printer.part(word)?;
            known = word != " UNKNOWN";
            if !known {
                break;
            }
        }
        self.printer.text(match (modifiers, known) {
            (None, _) => " NONE\n",
            (Some(_), true) => "\n",
            // ClamAV ends no line here.
            (Some(_), false) => "",
        })?;
        match self.sample {
            Some(sample) => {
                self.say(" +-> SUBSIG", hex)?;
                self.matches(sample.matches(hex, modifiers.unwrap_or_default()), false)
            }
            None => {
                self.printer.line(" +-> DECODED SUBSIGNATURE:")?;
                self.decode(hex)
            }
        }
    }
}

fn yes(anywhere: bool) -> &'static str {
    if anywhere { "** YES **" } else { "** YES/CHECK OFFSET **" }
}

fn unsupported() -> Failure {
    Failure::Told("ERROR: decodesig: Invalid or not supported signature format".to_owned())
}

/// The fields of a logical signature; a semicolon within a regular expression separates nothing.
fn split_logical(line: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut start = 0;
    let (mut in_regex, mut escaped) = (false, false);
    for (place, character) in line.char_indices() {
        match character {
            '/' if !escaped => in_regex = !in_regex,
            ';' if !in_regex => {
                fields.push(&line[start..place]);
                start = place + 1;
            }
            _ => {}
        }
        escaped = character == '\\' && !escaped;
    }
    fields.push(&line[start..]);
    fields
}

/// How many subsignatures an expression speaks of; nothing if it is broken.
fn members(expression: &str) -> Option<usize> {
    let mut highest: Option<usize> = None;
    let mut depth = 0_usize;
    let mut before = ' ';
    let mut digits = String::new();
    for character in expression.chars().chain([' ']) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        if !digits.is_empty() {
            let number: usize = digits.parse().ok()?;
            // What follows a comparison or a comma is a count.
            if !matches!(before, '=' | '<' | '>' | ',') {
                highest = highest.max(Some(number));
            }
            digits.clear();
        }
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        before = character;
    }
    (depth == 0).then_some(highest? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_no_members() {
        assert_eq!(members("0&(1|2)>3,1"), Some(3));
        assert_eq!(members("0=12"), Some(1));
        for broken in ["", "(0", "0)", "a", "99999999999999999999999"] {
            assert_eq!(members(broken), None, "{broken}");
        }
    }

    #[test]
    fn semicolons_in_regular_expressions_separate_nothing() {
        assert_eq!(split_logical("a;b;0;1/x;\\/;y/i;67"), ["a", "b", "0", "1/x;\\/;y/i", "67"]);
    }
}
