//! Has a segment of signatures compiled by a jailed process, and believes nothing of what that process says.
//!
//! The program `candor-loader` gets two descriptors: the segment to read and one file to write. What is in that file
//! afterwards is looked at here, when the process is gone: its digest, its identity and its counts are not hearsay.
//! Whatever goes wrong is a [`LoadError`], and the output is empty then; nobody can use half a database.

#![forbid(unsafe_code)]

mod child;
mod error;

use std::env;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use candor_detect::{Counts, Database, LAYOUT};
use candor_protocol::Compile;
use sha2::{Digest, Sha256};

pub use candor_jail::NOBODY;
pub use error::LoadError;

/// Where packages put the program.
const INSTALLED: &str = "/usr/libexec/candor/candor-loader";

/// The program `candor-loader`: what the environment variable `CANDOR_LOADER` names, else what lies beside the
/// running program, else where packages put it.
///
/// # Errors
/// [`LoadError::NoProgram`] where it should be and is not.
pub fn loader_program() -> Result<PathBuf, LoadError> {
    if let Some(named) = env::var_os("CANDOR_LOADER").map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(LoadError::NoProgram(named)) };
    }
    let beside = env::current_exe()?.with_file_name("candor-loader");
    let installed = PathBuf::from(INSTALLED);
    match (beside.is_file(), installed.is_file()) {
        (true, _) => Ok(beside),
        (false, true) => Ok(installed),
        (false, false) => Err(LoadError::NoProgram(beside)),
    }
}

/// What compiling one segment may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of private memory. Seven million signatures take about one GiB.
    pub memory: u64,
    /// Time on the processor. Seven million signatures take some ten seconds.
    pub processor_time: Duration,
    /// Time until the process is killed, whatever it does.
    pub time: Duration,
    /// Bytes of the compiled database.
    pub image: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 1536 << 20,
            processor_time: Duration::from_secs(10 * 60),
            time: Duration::from_secs(30 * 60),
            image: 2 << 30,
        }
    }
}

/// A segment, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// SHA-256 of the file.
    pub image_sha256: [u8; 32],
    /// Its length in bytes.
    pub image_size: u64,
    /// Version of its layout.
    pub layout: u32,
    /// What names the database: see [`Database::identity`].
    pub identity: [u8; 32],
    /// All signatures together.
    pub signatures: u64,
    /// Signatures by kind.
    pub counts: Counts,
    /// Signatures that are not used, as the confined process says.
    pub left_out: u64,
    /// The first reasons why, as it says; hostile text.
    pub problems: Vec<String>,
    /// What its confinement lacks on this system, in words.
    pub missing: Vec<String>,
}

/// Compiles segments.
#[derive(Clone, Debug)]
pub struct Loader {
    program: PathBuf,
    user: Option<(u32, u32)>,
}

impl Loader {
    /// With this program: see [`loader_program`].
    pub fn new(program: PathBuf) -> Self {
        Self { program, user: Some(NOBODY) }
    }

    /// Whom the process becomes if we are root, by user and group; [`NOBODY`] if this is never called.
    pub fn with_user(mut self, user: Option<(u32, u32)>) -> Self {
        self.user = user;
        self
    }

    /// Compiles a segment into a file and waits for that. Both are regular files; the output is open for reading and
    /// writing, and what was in it is gone. The segment should be one that nobody else can change, though all that a
    /// change can do is to spoil the result. The file is not synchronised.
    ///
    /// # Errors
    /// When the segment is refused, the process costs too much or dies, or what it wrote is no database. The output is
    /// empty then, unless even that fails.
    pub fn compile(&self, segment: &File, output: &File, limits: &Limits) -> Result<Loaded, LoadError> {
        let loaded = self.try_compile(segment, output, limits);
        if loaded.is_err() {
            // What led here is worth more than that emptying failed as well.
            let _ = output.set_len(0);
        }
        loaded
    }

    fn try_compile(&self, segment: &File, output: &File, limits: &Limits) -> Result<Loaded, LoadError> {
        output.set_len(0)?;
        let compile = Compile {
            user: self.user,
            memory: limits.memory,
            processor_time: limits.processor_time,
            output: limits.image,
        };
        let said = child::run(&self.program, &compile, segment, output, limits)?;
        let (image_sha256, image_size) = digest(output)?;
        let unusable = |error: candor_detect::Error| LoadError::Image(error.to_string());
        let database = Database::from_file(output).map_err(unusable)?;
        database.verify().map_err(unusable)?;
        let counts = database.counts().map_err(unusable)?;
        Ok(Loaded {
            image_sha256,
            image_size,
            layout: LAYOUT,
            identity: database.identity(),
            signatures: counts.total(),
            counts,
            left_out: said.left_out,
            problems: said.problems,
            missing: said.missing,
        })
    }
}

/// SHA-256 and length of a file, whatever its offset is.
fn digest(file: &File) -> io::Result<([u8; 32], u64)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0_u64;
    loop {
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok((digest.finalize().into(), at)),
            Ok(count) => {
                digest.update(buffer.get(..count).unwrap_or_default());
                at = at.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
