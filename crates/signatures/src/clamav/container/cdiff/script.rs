//! The lines of a script.

use super::digits;

/// Longest name of a member.
const MAX_NAME: usize = 64;

/// What one line says to do. Lines of members are counted from 1, as they were before the first edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// The edits that follow are of this member.
    Open(&'a str),
    /// This line comes behind all others.
    Add(&'a [u8]),
    /// A line is taken away, if it begins so.
    Delete(Place<'a>),
    /// A line is replaced, if it begins so.
    Exchange(Place<'a>, &'a [u8]),
    /// Lines are taken away from one member and come behind those of another.
    Move { from: &'a str, to: &'a str, first: Place<'a>, last: Place<'a> },
    /// The edits since the member was opened are done.
    Close,
    /// The member is removed.
    Unlink(&'a str),
}

/// A line of a member, and what it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) line: u64,
    pub(super) beginning: &'a [u8],
}

impl Place<'_> {
    /// Whether this is the line. What a script tells of it may be longer than the line.
    pub(super) fn is(&self, line: &[u8]) -> bool {
        line.starts_with(self.beginning) || self.beginning.starts_with(line) && !line.is_empty()
    }
}

/// The command of a line; nothing for a comment.
pub(super) fn command(line: &[u8]) -> Result<Option<Command<'_>>, String> {
    if line.starts_with(b"#") {
        return Ok(None);
    }
    let (verb, rest) = word(line);
    let missing = || format!("{} lacks a part", String::from_utf8_lossy(verb).escape_debug());
    let rest = |wanted: bool| if wanted { rest.ok_or_else(missing) } else { Ok(&[][..]) };
    Ok(Some(match verb {
        b"OPEN" => Command::Open(name(rest(true)?)?),
        b"ADD" => Command::Add(rest(true)?),
        b"DEL" => {
            let (line, beginning) = word(rest(true)?);
            Command::Delete(place(line, beginning.ok_or_else(missing)?)?)
        }
        b"XCHG" => {
            let (line, more) = word(rest(true)?);
            let (beginning, new) = word(more.ok_or_else(missing)?);
            Command::Exchange(place(line, beginning)?, new.ok_or_else(missing)?)
        }
        b"MOVE" => {
            let parts: Vec<&[u8]> = rest(true)?.split(|byte| *byte == b' ').take(7).collect();
            let [from, to, first, first_beginning, last, last_beginning] = parts[..] else {
                return Err("MOVE has not six parts".to_owned());
            };
            let (first, last) = (place(first, first_beginning)?, place(last, last_beginning)?);
            if first.line >= last.line {
                return Err("MOVE has no lines".to_owned());
            }
            Command::Move { from: name(from)?, to: name(to)?, first, last }
        }
        b"CLOSE" => Command::Close,
        b"UNLINK" => Command::Unlink(name(rest(true)?)?),
        _ => return Err(format!("unknown command {:?}", String::from_utf8_lossy(verb))),
    }))
}

/// What is before the first space, and what follows that.
fn word(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == b' ');
    (parts.next().unwrap_or_default(), parts.next())
}

fn place<'a>(line: &[u8], beginning: &'a [u8]) -> Result<Place<'a>, String> {
    let line = std::str::from_utf8(line).ok().and_then(digits).filter(|line| *line > 0);
    Ok(Place { line: line.ok_or("the number of a line is none")?, beginning })
}

/// The name of a member: letters, digits and dots, and neither hidden nor of a folder.
fn name(text: &[u8]) -> Result<&str, String> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
    let usable =
        !text.is_empty() && text.len() <= MAX_NAME && !text.starts_with(b".") && text.iter().all(plain);
    let name = std::str::from_utf8(text).ok().filter(|_| usable);
    name.ok_or_else(|| format!("{:?} is no name of a member", String::from_utf8_lossy(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64, beginning: &str) -> Place<'_> {
        Place { line, beginning: beginning.as_bytes() }
    }

    #[test]
    fn each_command_is_read() {
        for (line, expected) in [
            ("OPEN daily.ldb", Command::Open("daily.ldb")),
            ("ADD a b ", Command::Add(b"a b ")),
            ("ADD ", Command::Add(b"")),
            ("DEL 4 four and", Command::Delete(at(4, "four and"))),
            ("DEL 4 ", Command::Delete(at(4, ""))),
            ("XCHG 2 two  new line", Command::Exchange(at(2, "two"), b" new line")),
            (
                "MOVE a.ndb b.ndb 2 two 4 four",
                Command::Move { from: "a.ndb", to: "b.ndb", first: at(2, "two"), last: at(4, "four") },
            ),
            ("CLOSE", Command::Close),
            ("UNLINK a.ndb", Command::Unlink("a.ndb")),
        ] {
            assert_eq!(command(line.as_bytes()), Ok(Some(expected)), "{line}");
        }
        assert_eq!(command(b"# a comment"), Ok(None));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for line in [
            "",
            "add x",
            "ADD",
            "OPEN",
            "OPEN ",
            "OPEN .",
            "OPEN ..",
            "OPEN .hidden",
            "OPEN ../a.ndb",
            "OPEN /etc/x",
            "OPEN a\\b",
            "OPEN a b",
            "OPEN a_b.ndb",
            "DEL",
            "DEL 1",
            "DEL -1 x",
            "DEL +1 x",
            "DEL 0 x",
            "DEL  1 x",
            "DEL 99999999999999999999 x",
            "XCHG 1 x",
            "MOVE a b 1 x 2",
            "MOVE a b 2 x 2 x",
            "MOVE a b 3 x 2 y",
            "MOVE a b 1 x 2 y z",
            "MOVE ../a b 1 x 2 y",
            "UNLINK ../a",
            " CLOSE",
        ] {
            assert!(command(line.as_bytes()).is_err(), "{line:?}");
        }
        assert!(command(format!("OPEN {}", "a".repeat(65)).as_bytes()).is_err());
        assert!(command(b"OPEN \xff").is_err());
    }
}
