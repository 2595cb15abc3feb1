//! Compiles a segment as every client will, so that the statement can say what comes out.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, ensure};
use candor_loader::{Limits, Loader};
use candor_signatures::Sources;
use candor_signatures::segment::Segment;
use sha2::{Digest, Sha256};

/// What comes out of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Version of its layout.
    pub layout: u32,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// How many signatures it has.
    pub signatures: u64,
    /// Signatures that cannot be used.
    pub left_out: u64,
    /// The first reasons why.
    pub problems: Vec<String>,
}

/// How segments are compiled.
#[derive(Debug)]
pub enum Compiler {
    /// By the jailed program, as clients do it.
    Jailed(Loader),
    /// Here: for publishers who wrote their signatures themselves, and for tests.
    Here,
}

/// Problems that are told.
const MOST_PROBLEMS: usize = 100;

impl Compiler {
    /// Compiles a segment into a file.
    ///
    /// # Errors
    /// When it is no segment, or has no signature that can be used.
    pub fn compile(&self, segment: &File, image: &File) -> anyhow::Result<Image> {
        match self {
            Self::Jailed(loader) => {
                let loaded = loader.compile(segment, image, &Limits::default())?;
                Ok(Image {
                    layout: loaded.layout,
                    size: loaded.image_size,
                    digest: loaded.image_sha256,
                    signatures: loaded.signatures,
                    left_out: loaded.left_out,
                    problems: loaded.problems,
                })
            }
            Self::Here => here(segment, image),
        }
    }
}

fn here(segment: &File, image: &File) -> anyhow::Result<Image> {
    let (mut left_out, mut problems) = (0_u64, Vec::new());
    let segment = Segment::open(segment.try_clone()?)?;
    let compiler = Sources::of_segment(segment).compile(|problem| {
        left_out += 1;
        if problems.len() < MOST_PROBLEMS {
            problems.push(problem.to_string());
        }
    })?;
    let signatures = compiler.counts().total();
    ensure!(signatures > 0, "no signature in it can be used: {}", problems.join("; "));
    let mut hashing = Hashing { out: BufWriter::new(image), digest: Sha256::new(), size: 0 };
    compiler.write(&mut hashing).context("the database could not be written")?;
    hashing.flush()?;
    let digest = hashing.digest.finalize().into();
    let layout = candor_detect::LAYOUT;
    Ok(Image { layout, size: hashing.size, digest, signatures, left_out, problems })
}

struct Hashing<W> {
    out: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or(bytes));
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
