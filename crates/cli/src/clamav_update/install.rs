//! From what was fetched to a container in its place. What cannot be verified is refused, and what is there stays.

use std::fs::File;
use std::io;
use std::path::Path;

use candor_detect::Database;
use candor_signatures::container::cdiff::Differences;
use candor_signatures::container::{Container, Header, Keys, Kind, Refusal, pack, unpack};
use candor_signatures::{Complaint, Programs, Settings, Sources, Unsigned, Unwanted, language};

use super::folder::Folder;
use super::{About, Failure, Standing};

/// Longest container in bytes.
const LONGEST: u64 = 2 << 30;
/// Longest file of differences in bytes.
const LONGEST_DIFFERENCES: u64 = 64 << 20;
/// Longest file of signatures beside another in bytes.
const LONGEST_SIGNATURE: u64 = 1 << 20;
/// Longest file of others in bytes.
const LONGEST_CUSTOM: u64 = 1 << 30;

/// Why nothing was installed.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Failure);

impl Refused {
    fn because(text: impl Into<String>) -> Self {
        Self(Failure::Refused(text.into()))
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self(Failure::Local(error.to_string()))
    }
}

/// Installs containers into a folder.
pub(super) struct Installer<'a> {
    pub(super) folder: &'a Folder,
    pub(super) keys: &'a Keys,
    pub(super) tried: bool,
}

impl Installer<'_> {
    /// What is installed already.
    pub(super) fn standing(&self, name: &str) -> Result<Standing, Refused> {
        let (file, header) = self
            .folder
            .newest(name)
            .ok_or_else(|| Refused::because(format!("there is no container {name}, and none was fetched")))?;
        Ok(Standing { file, is_new: false, is_signed_beside: false, about: Some(about(&header)) })
    }

    /// Installs a whole container of the staging folder.
    pub(super) fn take(&self, name: &str, staged: &str) -> Result<Standing, Refused> {
        let taken = self.take_verified(name, staged);
        self.folder.forget([&staged.to_owned()]);
        taken
    }

    fn take_verified(&self, name: &str, staged: &str) -> Result<Standing, Refused> {
        let extension = match Kind::of(staged) {
            Some(Kind::Cvd) => "cvd",
            Some(Kind::Cld) => "cld",
            _ => return Err(Refused::because(format!("{staged} is no container that is published"))),
        };
        let file = format!("{name}.{extension}");
        if staged != file {
            return Err(Refused::because(format!("{staged} was not asked for")));
        }
        let work = self.folder.work()?;
        let path = work.path().join(&file);
        self.folder.copy(&file, &path, LONGEST).map_err(|error| named(&file, &error))?;
        // The header tells the name of the signature beside it, and that what is fetched is the one that was opened.
        let version =
            Container::open(&path, self.keys).map_err(|refusal| refused(&file, &refusal))?.header().version;
        let signature = format!("{name}-{version}.{extension}.sign");
        let has_signature =
            self.folder.copy(&signature, &work.path().join(&signature), LONGEST_SIGNATURE).is_ok();
        let standing = self.install(name, &file, work.path())?;
        if has_signature {
            self.folder.install(&work.path().join(&signature), &signature)?;
        }
        self.folder.forget([&signature]);
        Ok(standing)
    }

    /// Applies differences of the staging folder to the container that is there, and installs the result.
    pub(super) fn patch(&self, name: &str, differences: &[String]) -> Result<Standing, Refused> {
        let patched = self.patch_verified(name, differences);
        self.folder.forget(differences);
        patched
    }

    fn patch_verified(&self, name: &str, differences: &[String]) -> Result<Standing, Refused> {
        let (old, header) = self.folder.newest(name).ok_or_else(|| {
            Refused::because(format!("there is no container {name} to apply differences to"))
        })?;
        let work = self.folder.work()?;
        let members = work.path().join("members");
        std::fs::create_dir(&members)?;
        let container =
            Container::open(&self.folder.at(&old), self.keys).map_err(|refusal| refused(&old, &refusal))?;
        signed(&old, container.unsigned())?;
        unpack(&container, &members).map_err(|refusal| refused(&old, &refusal))?;
        let mut version = header.version;
        for staged in differences {
            version = version.saturating_add(1);
            if *staged != format!("{name}-{version}.cdiff") {
                return Err(Refused::because(format!("{staged} does not come next")));
            }
            let path = work.path().join(staged);
            self.folder.copy(staged, &path, LONGEST_DIFFERENCES).map_err(|error| named(staged, &error))?;
            let signature = format!("{staged}.sign");
            // Where there is none the signature inside decides.
            let _ = self.folder.copy(&signature, &work.path().join(&signature), LONGEST_SIGNATURE);
            let differences =
                Differences::open(&path, self.keys).map_err(|refusal| refused(staged, &refusal))?;
            if differences.version() != version {
                let text = format!("{staged} leads to version {}", differences.version());
                return Err(Refused::because(text));
            }
            differences.apply(&members).map_err(|refusal| refused(staged, &refusal))?;
        }
        let file = format!("{name}.cld");
        let mut out = File::create_new(work.path().join(&file))?;
        pack(&members, name, &mut out).map_err(|refusal| refused(&file, &refusal))?;
        self.install(name, &file, work.path())
    }

    /// Verifies and tries the container in the folder for work, and puts it in its place.
    fn install(&self, name: &str, file: &str, work: &Path) -> Result<Standing, Refused> {
        let path = work.join(file);
        let container = Container::open(&path, self.keys).map_err(|refusal| refused(file, &refusal))?;
        signed(file, container.unsigned())?;
        let header = container.header();
        if let Some((old, known)) = self.folder.newest(name)
            && known.version >= header.version
        {
            let text = format!(
                "{file} has version {}, but {old} has version {}: an older one is not installed",
                header.version, known.version
            );
            return Err(Refused::because(text));
        }
        if self.tried {
            tried(self.keys, &path, Unsigned::Refused, header.signatures > 0)?;
        }
        self.folder.install(&path, file)?;
        self.folder.tidy(name, file, header.version)?;
        Ok(Standing {
            file: file.to_owned(),
            is_new: true,
            is_signed_beside: container.is_signed_beside(),
            about: Some(about(header)),
        })
    }

    /// Installs a file of others, if it is not what is there already.
    pub(super) fn replace(&self, name: &str) -> Result<Standing, Refused> {
        let work = self.folder.work()?;
        let path = work.path().join(name);
        let copied = self.folder.copy(name, &path, LONGEST_CUSTOM).map_err(|error| named(name, &error));
        self.folder.forget([&name.to_owned()]);
        copied?;
        let place = self.folder.at(name);
        let same = place.is_file() && same(&path, &place)?;
        if !same {
            // What its publisher has signed is not replaced by what nobody has.
            if let (Some(_), Ok(known)) = (Kind::of(name), Container::open(&place, self.keys))
                && known.unsigned().is_none()
            {
                return Err(Refused::because(format!(
                    "{name} is signed, and is updated by its mirrors only"
                )));
            }
            if self.tried {
                tried(self.keys, &path, Unsigned::Taken, true)?;
            }
            self.folder.install(&path, name)?;
        }
        Ok(Standing { file: name.to_owned(), is_new: !same, is_signed_beside: false, about: None })
    }
}

/// The name of the file behind a URL of others.
pub(super) fn custom_name(url: &str) -> Result<String, Failure> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '+');
    let usable = !name.starts_with('.') && name.len() <= 128 && name.chars().all(plain);
    if !usable || (language(name).is_none() && Kind::of(name).is_none()) {
        return Err(Failure::Refused(format!("{url} does not end in the name of a file of signatures")));
    }
    Ok(name.to_owned())
}

fn about(header: &Header) -> About {
    About {
        version: header.version,
        signatures: header.signatures,
        level: header.level,
        builder: header.builder.clone(),
        time: header.time,
    }
}

fn refused(file: &str, refusal: &Refusal) -> Refused {
    Refused::because(format!("{file}: {refusal}"))
}

fn named(file: &str, error: &io::Error) -> Refused {
    Refused(Failure::Local(format!("{file}: {error}")))
}

fn signed(file: &str, unsigned: Option<&str>) -> Result<(), Refused> {
    match unsigned {
        Some(reason) => {
            Err(Refused::because(format!("{file}: it is not signed by a key that is trusted: {reason}")))
        }
        None => Ok(()),
    }
}

/// Compiles a file as a scan would. A publisher's mistake is met here, and not when the next scan starts.
fn tried(keys: &Keys, path: &Path, unsigned: Unsigned, wanted: bool) -> Result<(), Refused> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let failed = |why: &dyn std::fmt::Display| Refused::because(format!("{name} was tried: {why}"));
    let settings = Settings {
        keys: keys.clone(),
        unsigned,
        unwanted: Unwanted::All,
        programs: Programs::All,
        clamav_rules: true,
    };
    let mut sources = Sources::new(settings);
    sources.add_path(path).map_err(|error| failed(&error))?;
    sources.accept_no_refusal().map_err(|error| failed(&error))?;
    let mut malformed = 0_u64;
    let built =
        sources.build(|problem| malformed += u64::from(matches!(problem.complaint, Complaint::Malformed(_))));
    let image = built.map_err(|error| failed(&error))?.image;
    let counts = Database::from_vec(image).and_then(|database| database.counts());
    let usable = counts.map_err(|error| failed(&error))?.total();
    if malformed > usable && wanted {
        return Err(failed(&format!("{malformed} of its signatures are malformed and {usable} can be used")));
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let digest = |file: &mut File| -> io::Result<[u8; 32]> {
        use sha2::Digest;
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match io::Read::read(file, &mut buffer)? {
                0 => return Ok(hasher.finalize().into()),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    Ok(digest(&mut one)? == digest(&mut other)?)
}
