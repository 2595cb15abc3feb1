//! Puts a believed release into use: segments, databases, the clean-file gate, and one rename.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use crate::check::Believed;
use crate::refusal::{About, Kind, Refusal};
use crate::segments::{Found, Sources, Way, found};
use crate::staging::Staging;
use crate::state::{Held, State};
use crate::statement::{Segment, Sha, Statement};
use crate::store::{Incoming, Store};

/// What a file costs on a file system beyond its bytes.
const BLOCKS: u64 = 16 << 10;

/// What is done elsewhere: in a jail, and by workers.
pub trait Workshop {
    /// Compiles a segment's archive into a database. The file is there and empty.
    ///
    /// # Errors
    /// Why not, for people.
    fn compile(&mut self, archive: &File, database: &File) -> Result<Compiled, String>;

    /// Lets the databases look at what is known to be clean, and at what they must find.
    ///
    /// # Errors
    /// What they would have done, for people.
    fn vet(&mut self, databases: &[PathBuf]) -> Result<(), Vetted>;
}

/// Why the clean-file gate does not let databases pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vetted {
    /// They find what is clean, or miss what they must find. This release is never tried again by itself.
    Held(String),
    /// It could not be told.
    Failed(String),
}

/// A database that was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// Version of its layout.
    pub layout: u32,
    /// SHA-256 of the file.
    pub image: [u8; 32],
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The release that is in use now.
    pub statement: Statement,
    /// How each segment came; nothing if the release was in the store.
    pub ways: Vec<Way>,
    /// Segments whose database could not be compared with the published one, since that has another layout.
    pub not_compared: Vec<String>,
}

/// Installs a release. What was seen is already remembered.
///
/// # Errors
/// Why not; what was in use stays in use.
pub fn install(
    staging: &Staging,
    store: &Store,
    state: &mut State,
    believed: &Believed,
    statement: Statement,
    workshop: &mut dyn Workshop,
    kept: usize,
) -> Result<Installed, Refusal> {
    let sequence = statement.sequence;
    if state.installed.contains(&sequence) && store.is_whole(sequence) {
        store.switch(state, sequence, kept)?;
        return Ok(Installed { statement, ways: Vec::new(), not_compared: Vec::new() });
    }
    let made = make(staging, store, state, believed, &statement, workshop);
    let used = made.and_then(|made| store.switch(state, sequence, kept).map(|()| made));
    let made = used.inspect_err(|_| store.give_up(state))?;
    let named = statement.segments.iter().zip(&made);
    let not_compared = named.filter(|(_, made)| !made.compared).map(|(segment, _)| segment.name.clone());
    Ok(Installed {
        not_compared: not_compared.collect(),
        ways: made.iter().map(|made| made.way).collect(),
        statement,
    })
}

/// Makes a release and puts it among the others.
fn make(
    staging: &Staging,
    store: &Store,
    state: &mut State,
    believed: &Believed,
    statement: &Statement,
    workshop: &mut dyn Workshop,
) -> Result<Vec<Made>, Refusal> {
    let sequence = statement.sequence;
    let incoming = store.begin()?;
    let sources = Sources::new(staging, store, &believed.vouched, state);
    let made = Making { sources, incoming: &incoming, workshop: &mut *workshop }.all(&statement.segments)?;
    let databases: Vec<PathBuf> =
        statement.segments.iter().map(|segment| incoming.image(&segment.name)).collect();
    if let Err(vetted) = workshop.vet(&databases) {
        let (kind, reason) = match vetted {
            Vetted::Held(reason) => (Kind::Held, reason),
            Vetted::Failed(reason) => (Kind::NotLoaded, reason),
        };
        if kind == Kind::Held {
            state.held.retain(|held| held.sequence != sequence);
            state.held.push(Held { sequence, reason: reason.clone() });
            store.remember(state)?;
        }
        return Err(Refusal::new(kind, format!("release {sequence} is not put into use: {reason}")));
    }
    let images: Vec<Sha> = made.iter().map(|made| made.image).collect();
    store.admit(&incoming, statement, &images)?;
    Ok(made)
}

/// A segment in the incoming release, with its database.
struct Made {
    way: Way,
    image: Sha,
    /// Whether the database is known to be the published one.
    compared: bool,
}

struct Making<'m> {
    sources: Sources<'m>,
    incoming: &'m Incoming,
    workshop: &'m mut dyn Workshop,
}

impl Making<'_> {
    /// Makes all segments and their databases. What the store has already is read while the rest is made: a day changes
    /// little, and reading half a gigabyte takes longer than that.
    fn all(mut self, segments: &[Segment]) -> Result<Vec<Made>, Refusal> {
        let taken: Vec<bool> =
            segments.iter().map(|segment| self.sources.take_over(segment, self.incoming)).collect();
        let incoming = self.incoming;
        let (kept, new) = thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let each = segments.iter().zip(&taken);
                each.map(|(segment, taken)| taken.then(|| found(segment, incoming))).collect::<Vec<_>>()
            });
            let each = segments.iter().zip(&taken);
            let new: Result<Vec<_>, Refusal> =
                each.map(|(segment, taken)| (!taken).then(|| self.brought(segment)).transpose()).collect();
            (reading.join(), new)
        });
        let kept = kept.map_err(|_| Refusal::new(Kind::Local, "a fault of ours: a thread panicked"))?;
        let each = segments.iter().zip(kept).zip(new?);
        each.map(|((segment, kept), new)| match (new, kept) {
            (Some(made), _) => Ok(made),
            (None, Some(found)) => self.kept(segment, &found),
            (None, None) => self.brought(segment),
        })
        .collect()
    }

    fn brought(&mut self, segment: &Segment) -> Result<Made, Refusal> {
        let way = self.sources.bring(segment, self.incoming)?;
        self.compiled(segment, way)
    }

    fn kept(&mut self, segment: &Segment, found: &Found) -> Result<Made, Refusal> {
        if !found.archive {
            remove(&self.incoming.segment(&segment.name), &segment.name)?;
            return self.brought(segment);
        }
        match found.image {
            Some(image) if image == segment.image => Ok(Made { way: Way::Kept, image, compared: true }),
            _ => self.compiled(segment, Way::Kept),
        }
    }

    /// Makes the database of a segment that is there.
    fn compiled(&mut self, segment: &Segment, way: Way) -> Result<Made, Refusal> {
        let path = self.incoming.image(&segment.name);
        let what = format!("the database of segment {}", segment.name);
        let place = format!("{}: {what}", path.display());
        // A link to one of another release must not be written through.
        remove(&path, &place)?;
        let archive = File::open(self.incoming.segment(&segment.name)).about(Kind::Local, &place)?;
        let database = File::options().read(true).write(true).create_new(true).open(&path);
        let database = database.about(Kind::Local, &place)?;
        let compiled = self.workshop.compile(&archive, &database);
        let Compiled { layout, image } =
            compiled.map_err(|reason| match too_small_for(segment, &database) {
                // Whoever compiles it has no say in what kind of trouble it was.
                Some(free) => Refusal::new(
                    Kind::Local,
                    format!(
                        "{place}: no space left: it has {} bytes, and {free} are free ({reason})",
                        segment.image_size
                    ),
                ),
                None => Refusal::new(Kind::NotLoaded, format!("{what}: {reason}")),
            })?;
        database.sync_all().about(Kind::Local, &place)?;
        let compared = layout == segment.layout;
        if compared && image != segment.image {
            let text =
                format!("{what} is not the published one, though it is made of the published signatures");
            return Err(Refusal::new(Kind::NotLoaded, text));
        }
        Ok(Made { way, image, compared })
    }
}

fn remove(path: &Path, what: &str) -> Result<(), Refusal> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).about(Kind::Local, what),
        _ => Ok(()),
    }
}

/// How many bytes are free on the file system of the database, if that is too little for it.
fn too_small_for(segment: &Segment, database: &File) -> Option<u64> {
    let system = rustix::fs::fstatvfs(database).ok()?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    (free < segment.image_size.saturating_add(BLOCKS)).then_some(free)
}
