//! Edits of the members in a folder.
//!
//! A member is read and written once for all edits between OPEN and CLOSE, line by line, so that memory holds a script
//! and one line. What all that may cost is bounded by the bytes that are read and written.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::super::Refusal;
use super::script::{Command, Place, command};

/// Longest line of a member in bytes.
const MAX_LINE: u64 = 32 << 20;
/// Most bytes that one script has read and written: some twenty times all official containers. Stops a script that
/// opens and closes a long member again and again.
const MAX_WORK: u64 = 16 << 30;
/// What a member is called while it is written anew; no command can name it.
const PARTIAL: &str = ".partial";
/// What moved lines are called on their way.
const MOVED: &str = ".moved";

/// Runs a script in a folder.
///
/// # Errors
/// What is wrong, with the number of the script's line.
pub(super) fn run(script: &[u8], folder: &Path) -> Result<(), Refusal> {
    let mut editor = Editor { folder, open: None, work: MAX_WORK };
    let mut lines = script.split(|byte| *byte == b'\n').zip(1_u64..).peekable();
    while let Some((line, number)) = lines.next() {
        // What follows the last line's end.
        if line.is_empty() && lines.peek().is_none() {
            break;
        }
        let done = command(line).map_err(Failure::Wrong).and_then(|command| match command {
            Some(command) => editor.obey(command),
            None => Ok(()),
        });
        done.map_err(|failure| failure.at(number))?;
    }
    match editor.open {
        Some(open) => Err(Refusal::damaged(format!("the script ends before {} is closed", open.name))),
        None => Ok(()),
    }
}

/// Why a command cannot be obeyed.
enum Failure {
    Wrong(String),
    Unreadable(io::Error),
}

impl Failure {
    fn at(self, line: u64) -> Refusal {
        match self {
            Self::Wrong(reason) => Refusal::damaged(format!("line {line} of the script: {reason}")),
            Self::Unreadable(error) => Refusal::Unreadable(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

fn wrong<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Wrong(reason.into()))
}

struct Editor<'a> {
    folder: &'a Path,
    open: Option<Edits<'a>>,
    work: u64,
}

/// What is to be done with the member that is open.
struct Edits<'a> {
    name: &'a str,
    /// By line. Of several edits of one line the last is done.
    lines: BTreeMap<u64, Edit<'a>>,
    added: Vec<&'a [u8]>,
}

/// What is done with a line: it is taken away, or another comes in its place.
struct Edit<'a> {
    place: Place<'a>,
    new: Option<&'a [u8]>,
}

impl<'a> Editor<'a> {
    fn obey<'s: 'a>(&mut self, command: Command<'s>) -> Result<(), Failure> {
        match command {
            Command::Open(name) => {
                if let Some(open) = &self.open {
                    return wrong(format!("{} is still open", open.name));
                }
                self.open = Some(Edits { name, lines: BTreeMap::new(), added: Vec::new() });
            }
            Command::Add(line) => self.opened()?.added.push(line),
            Command::Delete(place) => {
                self.opened()?.lines.insert(place.line, Edit { place, new: None });
            }
            Command::Exchange(place, new) => {
                self.opened()?.lines.insert(place.line, Edit { place, new: Some(new) });
            }
            Command::Close => {
                let Some(edits) = self.open.take() else { return wrong("no member is open") };
                self.rewrite(&edits)?;
                self.append(&edits)?;
            }
            Command::Unlink(name) => fs::remove_file(self.existing(name)?)?,
            Command::Move { from, to, first, last } => self.carry(from, to, first, last)?,
        }
        Ok(())
    }

    fn opened(&mut self) -> Result<&mut Edits<'a>, Failure> {
        self.open.as_mut().ok_or_else(|| Failure::Wrong("no member is open".to_owned()))
    }

    /// The path of a member that is there, while none is open.
    fn existing(&self, name: &str) -> Result<PathBuf, Failure> {
        if let Some(open) = &self.open {
            return wrong(format!("{} is still open", open.name));
        }
        self.member(name)
    }

    fn member(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(path),
            _ => wrong(format!("there is no member {name}")),
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Failure> {
        match self.work.checked_sub(bytes) {
            Some(left) => self.work = left,
            None => return wrong(format!("the script reads and writes more than {MAX_WORK} bytes")),
        }
        Ok(())
    }

    /// Writes a member anew, with its edited lines.
    fn rewrite(&mut self, edits: &Edits<'_>) -> Result<(), Failure> {
        if edits.lines.is_empty() {
            return Ok(());
        }
        let path = self.member(edits.name)?;
        let mut lines = self.lines(&path)?;
        let partial = self.folder.join(PARTIAL);
        let mut out = BufWriter::new(File::create(&partial)?);
        let mut waiting = edits.lines.values().peekable();
        while let Some(number) = lines.next_line()? {
            let Some(edit) = waiting.next_if(|edit| edit.place.line == number) else {
                out.write_all(&lines.line)?;
                continue;
            };
            expect(&edit.place, lines.text()?, edits.name)?;
            if let Some(new) = edit.new {
                self.spend(new.len() as u64)?;
                out.write_all(new)?;
                out.write_all(b"\n")?;
            }
        }
        if let Some(edit) = waiting.next() {
            return wrong(format!("{} has no line {}", edits.name, edit.place.line));
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(partial, path)?;
        Ok(())
    }

    /// Adds lines behind those of a member, which need not be there.
    fn append(&mut self, edits: &Edits<'_>) -> Result<(), Failure> {
        if edits.added.is_empty() {
            return Ok(());
        }
        let path = self.folder.join(edits.name);
        let file = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => File::create_new(path)?,
            _ => OpenOptions::new().append(true).open(self.member(edits.name)?)?,
        };
        let mut out = BufWriter::new(file);
        for line in &edits.added {
            self.spend(line.len() as u64)?;
            out.write_all(line)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Moves the lines from `first` to `last`.
    fn carry(&mut self, from: &str, to: &str, first: Place<'_>, last: Place<'_>) -> Result<(), Failure> {
        let (source, target) = (self.existing(from)?, self.existing(to)?);
        let mut lines = self.lines(&source)?;
        let (partial, moved) = (self.folder.join(PARTIAL), self.folder.join(MOVED));
        let mut kept_out = BufWriter::new(File::create(&partial)?);
        let mut moved_out = BufWriter::new(File::create(&moved)?);
        let mut ended = false;
        while let Some(number) = lines.next_line()? {
            if number == first.line {
                expect(&first, lines.text()?, from)?;
            }
            if number == last.line {
                expect(&last, lines.text()?, from)?;
                ended = true;
            }
            let out = if (first.line..=last.line).contains(&number) { &mut moved_out } else { &mut kept_out };
            out.write_all(&lines.line)?;
        }
        if !ended {
            return wrong(format!("{from} has no line {}", last.line));
        }
        kept_out.into_inner().map_err(io::IntoInnerError::into_error)?;
        moved_out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(partial, source)?;
        self.spend(fs::metadata(&moved)?.len())?;
        let mut target = OpenOptions::new().append(true).open(target)?;
        io::copy(&mut File::open(&moved)?, &mut target)?;
        fs::remove_file(moved)?;
        Ok(())
    }

    /// The lines of a member; all of it is counted as read and written.
    fn lines(&mut self, path: &Path) -> Result<Lines, Failure> {
        let file = File::open(path)?;
        self.spend(file.metadata()?.len())?;
        Ok(Lines {
            reader: BufReader::with_capacity(super::super::BUFFER, file),
            line: Vec::new(),
            number: 0,
        })
    }
}

fn expect(place: &Place<'_>, line: &[u8], name: &str) -> Result<(), Failure> {
    if place.is(line) {
        return Ok(());
    }
    wrong(format!("line {} of {name} begins otherwise", place.line))
}

/// The lines of a file, one at a time.
struct Lines {
    reader: BufReader<File>,
    /// The last line that was read, with its end.
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Reads a line; its number.
    fn next_line(&mut self) -> Result<Option<u64>, Failure> {
        self.line.clear();
        (&mut self.reader).take(MAX_LINE.saturating_add(1)).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        if self.line.len() as u64 > MAX_LINE {
            return wrong(format!("a line of a member is longer than {MAX_LINE} bytes"));
        }
        self.number = self.number.saturating_add(1);
        Ok(Some(self.number))
    }

    /// The line without its end, which an edited line must have.
    fn text(&self) -> Result<&[u8], Failure> {
        match self.line.strip_suffix(b"\n") {
            Some(text) => Ok(text),
            None => wrong("the last line of the member has no end"),
        }
    }
}
