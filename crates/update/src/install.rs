//! Puts a believed release into use: segments, databases, the clean-file gate, and one rename.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use crate::check::Believed;
use crate::refusal::{About, Kind, Refusal};
use crate::segments::{Way, gather};
use crate::staging::Staging;
use crate::state::{Held, State};
use crate::statement::{Segment, Statement};
use crate::store::{Incoming, Store, digest_of};

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
    let (ways, not_compared) = used.inspect_err(|_| store.give_up(state))?;
    Ok(Installed { statement, ways, not_compared })
}

/// Makes a release and puts it among the others; how each segment came, and which databases could not be compared.
fn make(
    staging: &Staging,
    store: &Store,
    state: &mut State,
    believed: &Believed,
    statement: &Statement,
    workshop: &mut dyn Workshop,
) -> Result<(Vec<Way>, Vec<String>), Refusal> {
    let sequence = statement.sequence;
    let incoming = store.begin()?;
    let ways = gather(staging, store, state, &believed.vouched, statement, &incoming)?;
    let mut not_compared = Vec::new();
    for segment in &statement.segments {
        if !compiled(segment, &incoming, workshop)? {
            not_compared.push(segment.name.clone());
        }
    }
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
    store.admit(&incoming, statement)?;
    Ok((ways, not_compared))
}

/// Makes a segment's database; whether it is the published one could be told.
fn compiled(segment: &Segment, incoming: &Incoming, workshop: &mut dyn Workshop) -> Result<bool, Refusal> {
    let image = incoming.image(&segment.name);
    if digest_of(&image).is_ok_and(|digest| digest == segment.image) {
        return Ok(true);
    }
    let what = format!("the database of segment {}", segment.name);
    let place = format!("{}: {what}", image.display());
    // A link to one of another release must not be written through.
    match fs::remove_file(&image) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).about(Kind::Local, &place);
        }
        _ => {}
    }
    let archive = File::open(incoming.segment(&segment.name)).about(Kind::Local, &place)?;
    let database = File::options().read(true).write(true).create_new(true).open(&image);
    let database = database.about(Kind::Local, &place)?;
    let compiled =
        workshop.compile(&archive, &database).map_err(|reason| match too_small_for(segment, &database) {
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
    if compiled.layout != segment.layout {
        return Ok(false);
    }
    if compiled.image != segment.image {
        let text = format!("{what} is not the published one, though it is made of the published signatures");
        return Err(Refusal::new(Kind::NotLoaded, text));
    }
    Ok(true)
}

/// How many bytes are free on the file system of the database, if that is too little for it.
fn too_small_for(segment: &Segment, database: &File) -> Option<u64> {
    let system = rustix::fs::fstatvfs(database).ok()?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    (free < segment.image_size.saturating_add(BLOCKS)).then_some(free)
}
