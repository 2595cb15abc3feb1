//! Batch files: carets taken away, variables put in, parts of them cut out.
//!
//! Observed behaviour of `cmd.exe`, as told in <https://ss64.com/nt/syntax-substring.html> and
//! <https://stackoverflow.com/a/4095133>. Nothing is run.

use std::borrow::Cow;
use std::collections::HashMap;

/// Most variables, and the longest value of one.
const MOST: usize = 4096;
const LONGEST: usize = 8192;

/// Variables that every Windows has and that scripts cut letters out of.
const KNOWN: &[(&[u8], &[u8])] = &[
    (b"comspec", b"C:\\Windows\\system32\\cmd.exe"),
    (b"systemroot", b"C:\\Windows"),
    (b"windir", b"C:\\Windows"),
    (b"programfiles", b"C:\\Program Files"),
    (b"public", b"C:\\Users\\Public"),
    (b"programdata", b"C:\\ProgramData"),
    (b"allusersprofile", b"C:\\ProgramData"),
    (b"pathext", b".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC"),
    (b"os", b"Windows_NT"),
];

/// The batch file with its variables put in, if that changes it.
pub(super) fn expand(text: &[u8]) -> Option<Vec<u8>> {
    let mut variables: HashMap<Vec<u8>, Vec<u8>> =
        KNOWN.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let most = text.len().saturating_mul(2).saturating_add(LONGEST);
    let mut out = Vec::with_capacity(text.len());
    let mut changed = false;
    for line in text.split(|byte| *byte == b'\n') {
        let mut shown = Cow::Borrowed(line);
        if out.len() < most {
            // Most lines have nothing to be put in.
            if memchr::memchr3(b'%', b'!', b'^', line).is_some() {
                let mut with_values = substituted(line, &variables);
                with_values.truncate(most);
                shown = Cow::Owned(without_carets(&with_values));
                changed |= shown != line;
            }
            set_variables(&shown, &mut variables);
        }
        out.extend_from_slice(&shown);
        out.push(b'\n');
    }
    out.pop();
    changed.then_some(out)
}

/// The line without carets outside of quotes.
fn without_carets(line: &[u8]) -> Vec<u8> {
    let (mut out, mut quoted, mut escaped) = (Vec::with_capacity(line.len()), false, false);
    for byte in line {
        match byte {
            b'^' if !quoted && !escaped => {
                escaped = true;
                continue;
            }
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = false;
        out.push(*byte);
    }
    out
}

/// Remembers what `set` sets; several commands may stand in a line.
fn set_variables(line: &[u8], variables: &mut HashMap<Vec<u8>, Vec<u8>>) {
    if memchr::memchr(b'=', line).is_none() {
        return;
    }
    for command in line.split(|byte| matches!(byte, b'&' | b'|' | b'(' | b')')) {
        let command = command.trim_ascii();
        let command = command.strip_prefix(b"@").unwrap_or(command);
        let Some((word, rest)) = command.split_at_checked(3) else { continue };
        if !word.eq_ignore_ascii_case(b"set") || !rest.first().is_some_and(|byte| b" \t\",;=".contains(byte))
        {
            continue;
        }
        let rest = rest.trim_ascii();
        let rest = rest.strip_prefix(b"\"").map_or(rest, |rest| {
            let end = rest.iter().rposition(|byte| *byte == b'"').unwrap_or(rest.len());
            rest.get(..end).unwrap_or(rest)
        });
        let Some(equals) = memchr::memchr(b'=', rest) else { continue };
        let (name, value) = (rest.get(..equals), rest.get(equals.saturating_add(1)..));
        if let (Some(name), Some(value)) = (name, value)
            && variables.len() < MOST
            && value.len() <= LONGEST
            && !name.is_empty()
        {
            variables.insert(name.to_ascii_lowercase(), value.to_vec());
        }
    }
}

/// The line with the values of variables.
fn substituted(line: &[u8], variables: &HashMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let most = line.len().saturating_mul(64).saturating_add(LONGEST);
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        let found = matches!(byte, b'%' | b'!').then(|| {
            let size = memchr::memchr(*byte, after.get(..after.len().min(256)).unwrap_or_default())?;
            let value = reference(after.get(..size)?, variables)?;
            Some((value, size.saturating_add(1)))
        });
        match found.flatten() {
            Some((value, size)) if out.len().saturating_add(value.len()) < most => {
                out.extend(value);
                rest = after.get(size..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

/// `name`, `name:~3,2`, `name:from=to`.
fn reference(text: &[u8], variables: &HashMap<Vec<u8>, Vec<u8>>) -> Option<Vec<u8>> {
    let colon = memchr::memchr(b':', text).unwrap_or(text.len());
    let value = variables.get(&text.get(..colon)?.to_ascii_lowercase())?;
    let Some(what) = text.get(colon.saturating_add(1)..).filter(|what| !what.is_empty()) else {
        return Some(value.clone());
    };
    if let Some(place) = what.strip_prefix(b"~") {
        let mut numbers =
            std::str::from_utf8(place).ok()?.split(',').map(|number| number.trim().parse::<i64>());
        let length = i64::try_from(value.len()).ok()?;
        let start = numbers.next()?.ok()?;
        let start = if start < 0 { length.saturating_add(start) } else { start }.clamp(0, length);
        let end = match numbers.next() {
            None => length,
            Some(count) => {
                let count = count.ok()?;
                if count < 0 { length.saturating_add(count) } else { start.saturating_add(count) }
            }
        };
        let end = end.clamp(start, length);
        return Some(value.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?.to_vec());
    }
    let equals = memchr::memchr(b'=', what)?;
    super::functions::replaced(value, what.get(..equals)?, what.get(equals.saturating_add(1)..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in() {
        for (text, expected) in [
            (
                b"set a=power\nset b=shell\n%a%%b% -c".as_slice(),
                b"set a=power\nset b=shell\npowershell -c".as_slice(),
            ),
            (b"p^ow^er\"^\"", b"power\"^\""),
            (b"@set \"x=abcdef\"\n%x:~1,2%%x:~-1%%x:~0,-4%", b"@set \"x=abcdef\"\nbcfab"),
            (b"set x=aZb&call\n!x:Z=-!", b"set x=aZb&call\na-b"),
        ] {
            assert_eq!(expand(text).unwrap().escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
        assert_eq!(expand(b"echo 100% of it"), None);
    }
}
