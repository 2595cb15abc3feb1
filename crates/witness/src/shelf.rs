//! The folder in which evidence against logs is kept.
//!
//! `fork-LOG-DIGEST.txt` convicts the log on its own ([`candor_tlog::Evidence`]). `question-LOG-DIGEST.txt` has two
//! checkpoints that the log signed and a consistency proof that does not join them: no proof, since anybody can send
//! garbage with honest checkpoints, but a question that the log must be able to answer. Files of the second kind
//! make room for newer ones, those of the first stay.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use candor_tlog::{Evidence, Hash, Note};
use sha2::{Digest, Sha256};

/// Most files of each kind that are kept of a log. One is enough to convict it.
const MOST_OF_A_LOG: usize = 16;
/// Most bytes of all files together.
const MOST_BYTES: u64 = 64 << 20;

/// The folder.
#[derive(Debug)]
pub struct Shelf(PathBuf);

/// What became of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shelved {
    /// It is in this file now.
    New(PathBuf),
    /// It was there before.
    Known,
    /// There is no room for more.
    NoRoom,
}

impl Shelf {
    /// Makes the folder if there is none, and removes what an interrupted write left.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "new") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self(folder))
    }

    /// Keeps what convicts a log.
    pub(crate) fn convict(&self, origin: &str, evidence: &Evidence) -> io::Result<Shelved> {
        let bytes = evidence.to_bytes();
        let name = name("fork", origin, &bytes);
        if self.0.join(&name).exists() {
            return Ok(Shelved::Known);
        }
        let of_log = self.of_log("fork", origin)?;
        if of_log.len() >= MOST_OF_A_LOG || !self.has_room(bytes.len())? {
            return Ok(Shelved::NoRoom);
        }
        self.write(&name, &bytes)
    }

    /// Keeps what a log must explain.
    pub(crate) fn question(
        &self,
        origin: &str,
        kept: &Note,
        sent: &Note,
        proof: &[Hash],
    ) -> io::Result<Shelved> {
        // With other garbage it is the same question.
        let name = name("question", origin, &[kept.text(), sent.text()].concat().into_bytes());
        if self.0.join(&name).exists() {
            return Ok(Shelved::Known);
        }
        let mut text = "candor.tlog-question/v1\n".to_owned();
        for hash in proof {
            text.push_str(&format!("sent {}\n", hex::encode(hash)));
        }
        let bytes = [text.into_bytes(), kept.to_counted(), sent.to_counted()].concat();
        let mut of_log = self.of_log("question", origin)?;
        of_log.sort();
        for (_, oldest) in of_log.iter().take((of_log.len() + 1).saturating_sub(MOST_OF_A_LOG)) {
            fs::remove_file(oldest)?;
        }
        if !self.has_room(bytes.len())? {
            return Ok(Shelved::NoRoom);
        }
        self.write(&name, &bytes)
    }

    fn of_log(&self, kind: &str, origin: &str) -> io::Result<Vec<(SystemTime, PathBuf)>> {
        let beginning = beginning(kind, origin);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&beginning)) {
                found.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        Ok(found)
    }

    fn has_room(&self, length: usize) -> io::Result<bool> {
        let mut sum = length as u64;
        for entry in fs::read_dir(&self.0)? {
            sum += entry?.metadata()?.len();
        }
        Ok(sum <= MOST_BYTES)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<Shelved> {
        let passing = self.0.join(format!("{name}.new"));
        let write = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&passing)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&passing, self.0.join(name))
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&passing);
            return Err(error);
        }
        File::open(&self.0)?.sync_all()?;
        Ok(Shelved::New(self.0.join(name)))
    }
}

fn beginning(kind: &str, origin: &str) -> String {
    format!("{kind}-{}-", hex::encode(&Sha256::digest(origin)[..8]))
}

fn name(kind: &str, origin: &str, bytes: &[u8]) -> String {
    format!("{}{}.txt", beginning(kind, origin), hex::encode(&Sha256::digest(bytes)[..8]))
}

#[cfg(test)]
mod tests {
    use candor_tlog::{Checkpoint, KeyKind, SigningKey};

    use super::*;

    fn note(root: u8, key: &SigningKey) -> Note {
        let checkpoint = Checkpoint { origin: "o".to_owned(), size: 9, root: [root; 32] };
        let mut note = checkpoint.to_note().expect("a note");
        note.sign(key);
        note
    }

    #[test]
    fn forks_stay_and_questions_make_room() {
        let ground = tempfile::tempdir().expect("a folder");
        let folder = ground.path().join("evidence");
        let shelf = Shelf::open(folder.clone()).expect("a folder");
        let key = SigningKey::new("o", KeyKind::Note, &[1; 32]).expect("a key");
        let keys = [key.public().clone()];
        let known = note(0, &key);
        for root in 1..=20 {
            let evidence = Evidence::of(&known, &note(root, &key), &keys).expect("a fork");
            let first = shelf.convict("o", &evidence).expect("a folder");
            assert_eq!(matches!(first, Shelved::New(_)), root <= 16);
            let again = shelf.convict("o", &evidence).expect("a folder");
            assert_eq!(again, if root <= 16 { Shelved::Known } else { Shelved::NoRoom });
            for proof in [&[][..], &[[7; 32]]] {
                let shelved = shelf.question("o", &known, &note(root, &key), proof).expect("a folder");
                assert_eq!(shelved == Shelved::Known, !proof.is_empty());
            }
        }
        let count = |kind| shelf.of_log(kind, "o").expect("a folder").len();
        assert_eq!((count("fork"), count("question")), (16, 16));
        let evidence = Evidence::of(&known, &note(200, &key), &keys).expect("a fork");
        assert!(matches!(shelf.convict("another", &evidence), Ok(Shelved::New(_))));
        fs::write(folder.join("left.new"), "half").expect("room");
        Shelf::open(folder.clone()).expect("the folder");
        assert_eq!(fs::read_dir(folder).expect("a folder").count(), 33);
    }
}
