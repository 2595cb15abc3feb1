//! One container: whether there is a newer one, the differences, or the whole of it.

use std::fmt;
use std::str::FromStr;

use super::{Answer, Asking, Problem};
use crate::{Error, Kind, Request, Url};

/// What a container begins with.
const MAGIC: &str = "ClamAV-VDB";
/// Length of its header in bytes.
const HEADER: u64 = 512;
/// Longest container in bytes. The largest official one has some 170 MB.
const LONGEST: u64 = 2 << 30;
/// Longest file of differences in bytes.
const LONGEST_DIFFERENCES: u64 = 64 << 20;
/// Longest file of signatures in bytes.
const LONGEST_SIGNATURE: u64 = 1 << 20;
/// Most differences in turn; with more of them the whole container is shorter.
const MOST_DIFFERENCES: u32 = 100;

/// The name of a container without an extension, such as `daily`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            return Err(Error::new(Kind::Local, format!("{text:?} is no name of a container")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A container that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: Name,
    /// The version that is there, if any is.
    pub have: Option<u32>,
    /// Whether differences are of no use.
    pub whole: bool,
}

impl FromStr for Database {
    type Err = Error;

    /// `NAME`, `NAME=VERSION`, or `NAME=VERSION!` where differences are of no use.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let whole = version.is_some_and(|version| version.ends_with('!'));
        let number = version.map(|version| version.trim_end_matches('!').parse()).transpose();
        let have = number.map_err(|_| Error::new(Kind::Local, format!("{text:?} has no version")))?;
        Ok(Self { name: name.parse()?, have, whole })
    }
}

/// Asks the mirrors for a container in turn.
pub(super) fn fetch(asking: &mut Asking<'_>, wanted: &Database, newest: Option<u32>) -> Answer {
    let mut notes = Vec::new();
    let mut last = None;
    for mirror in &asking.plan.mirrors {
        let mut answer = Answer { name: wanted.name.to_string(), newest, ..Answer::default() };
        answer.mirror = Some(mirror.to_string());
        match from_mirror(asking, mirror, wanted, &mut answer) {
            Ok(()) => {
                notes.append(&mut answer.notes);
                return Answer { notes, ..answer };
            }
            Err(problem) => {
                notes.append(&mut answer.notes);
                notes.push(format!("{mirror}: {}", problem.text));
                last = Some(Answer { problem: Some(problem), ..answer });
            }
        }
    }
    let none = || Answer {
        name: wanted.name.to_string(),
        problem: Some(Problem::new("local", "no mirror is named")),
        ..Answer::default()
    };
    Answer { notes, ..last.unwrap_or_else(none) }
}

fn from_mirror(
    asking: &mut Asking<'_>,
    mirror: &Url,
    wanted: &Database,
    answer: &mut Answer,
) -> Result<(), Problem> {
    let newest = match answer.newest {
        Some(newest) => newest,
        None => offered(asking, mirror, wanted)?,
    };
    answer.newest = Some(newest);
    if wanted.have.is_some_and(|have| have >= newest) {
        return Ok(());
    }
    if let Some(have) = wanted.have.filter(|_| !wanted.whole && !asking.plan.private) {
        match differences(asking, mirror, wanted, have, newest) {
            Ok(files) => {
                answer.differences = files;
                return Ok(());
            }
            // It is not asked for more then.
            Err(problem) if problem.is_final() => return Err(problem),
            Err(problem) => answer.notes.push(format!("no differences: {}", problem.text)),
        }
    }
    let (file, version) = whole(asking, mirror, wanted)?;
    answer.whole = Some(file);
    if version < newest {
        let text = format!("the mirror offers version {version}, but the newest is {newest}");
        if wanted.have.is_some_and(|have| have >= version) {
            return Err(Problem::new("behind", text));
        }
        answer.notes.push(text);
    }
    Ok(())
}

/// The version that a mirror has, by the header of its container.
fn offered(asking: &mut Asking<'_>, mirror: &Url, wanted: &Database) -> Result<u32, Problem> {
    let extensions: &[&str] = if asking.plan.private { &["cld", "cvd"] } else { &["cvd"] };
    for extension in extensions {
        let url = below(mirror, &format!("{}.{extension}", wanted.name))?;
        let mut header = Header(Vec::new());
        let request = Request { url: &url, range: Some(0..HEADER), cap: LONGEST };
        let reply = attempts(asking, |asking| {
            header.0.clear();
            // A server that does not know ranges sends all: the beginning is enough then.
            match asking.get(&request, &mut header) {
                Err(_) if header.0.len() as u64 == HEADER => Ok(Some(())),
                other => other.map(|reply| reply.map(drop)),
            }
        })?;
        if reply.is_some() {
            return version(&header.0);
        }
    }
    Err(missing(mirror, &wanted.name))
}

/// Keeps the first bytes and refuses more.
struct Header(Vec<u8>);

impl std::io::Write for Header {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = (HEADER as usize).saturating_sub(self.0.len());
        if room == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fetches the differences since a version; their files.
fn differences(
    asking: &mut Asking<'_>,
    mirror: &Url,
    wanted: &Database,
    have: u32,
    newest: u32,
) -> Result<Vec<String>, Problem> {
    if newest.saturating_sub(have) > MOST_DIFFERENCES {
        return Err(Problem::new("missing", format!("{have} is more than {MOST_DIFFERENCES} versions ago")));
    }
    let mut files = Vec::new();
    for version in have.saturating_add(1)..=newest {
        let name = format!("{}-{version}.cdiff", wanted.name);
        if !file(asking, mirror, &name, &name, LONGEST_DIFFERENCES)? {
            return Err(Problem::new("missing", format!("there is no {name}")));
        }
        signature(asking, mirror, &name)?;
        files.push(name);
    }
    Ok(files)
}

/// Fetches the whole container; its file and its version.
fn whole(asking: &mut Asking<'_>, mirror: &Url, wanted: &Database) -> Result<(String, u32), Problem> {
    let extensions: &[&str] = if asking.plan.private { &["cld", "cvd"] } else { &["cvd"] };
    for extension in extensions {
        let name = format!("{}.{extension}", wanted.name);
        if file(asking, mirror, &name, &name, LONGEST)? {
            let version = version(&asking.staging.beginning(&name, HEADER).unwrap_or_default())?;
            signature(asking, mirror, &format!("{}-{version}.{extension}", wanted.name))?;
            return Ok((name, version));
        }
    }
    Err(missing(mirror, &wanted.name))
}

/// Fetches the signature beside a file. That there is none is no problem here: who verifies knows what that is worth.
fn signature(asking: &mut Asking<'_>, mirror: &Url, name: &str) -> Result<(), Problem> {
    let name = format!("{name}.sign");
    if !file(asking, mirror, &name, &name, LONGEST_SIGNATURE)? {
        asking.staging.remove(&name, false);
    }
    Ok(())
}

/// Fetches a file into the staging folder; whether there is one.
fn file(asking: &mut Asking<'_>, mirror: &Url, path: &str, name: &str, cap: u64) -> Result<bool, Problem> {
    let url = below(mirror, path)?;
    let fetched = attempts(asking, |asking| {
        let mut problem = None;
        let (staging, progress) = (asking.staging, asking.progress);
        let written = staging.write(name, 0, |sink| {
            let request = Request { url: &url, range: None, cap };
            asking.get(&request, &mut progress.of(name, sink)).map_err(|told| {
                problem = Some(told);
                Error::new(Kind::Local, "the request")
            })
        });
        written.map_err(|error| problem.unwrap_or_else(|| Problem::of(&error)))
    })?;
    Ok(fetched.is_some())
}

/// Tries something as often as the plan says, unless the server does not want to be asked.
fn attempts<R>(
    asking: &mut Asking<'_>,
    mut attempt: impl FnMut(&mut Asking<'_>) -> Result<R, Problem>,
) -> Result<R, Problem> {
    let mut made = 1;
    loop {
        match attempt(asking) {
            Err(problem) if !problem.is_final() && made < asking.plan.attempts => made += 1,
            result => return result,
        }
    }
}

fn below(mirror: &Url, path: &str) -> Result<Url, Problem> {
    mirror.below(path).map_err(|error| Problem::of(&error))
}

fn missing(mirror: &Url, name: &Name) -> Problem {
    Problem::new("missing", format!("{mirror} has no container {name}"))
}

/// The version in a header.
fn version(header: &[u8]) -> Result<u32, Problem> {
    let wrong = || Problem::new("garbage", "what the mirror sends is no container");
    let text = header.get(..header.len().min(HEADER as usize)).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let mut fields = text.split(':');
    if fields.next() != Some(MAGIC) {
        return Err(wrong());
    }
    // The date is written with hyphens and has no colon in it.
    let version = fields.nth(1).ok_or_else(wrong)?;
    version.parse().map_err(|_| wrong())
}
