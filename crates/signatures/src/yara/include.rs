//! Files that rule files include: only from within the folder that the first of them lies in.

use std::fs;
use std::path::{Path, PathBuf};

use super::MAX_FILE;
use crate::problem::Complaint;

/// Most files that one file includes, in all depths. Stops files that include each other.
pub(super) const MAX_FILES: usize = 4096;
/// How deep files include files. Stops those that include themselves.
const MAX_DEPTH: usize = 16;

/// Where paths of includes begin, and what they must not leave.
pub(super) struct Place {
    /// The folder of the file, and the one that nothing may leave.
    folders: Option<(PathBuf, PathBuf)>,
    depth: usize,
}

/// A file that is included.
pub(super) struct Included {
    pub(super) name: String,
    pub(super) text: Vec<u8>,
    pub(super) place: Place,
}

impl Place {
    /// The place of a file in this folder.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        // The folder of a bare file name is empty.
        let folder = folder.and_then(|folder| Path::new(".").join(folder).canonicalize().ok());
        Self { folders: folder.map(|folder| (folder.clone(), folder)), depth: 0 }
    }

    /// Reads the file at a path.
    pub(super) fn open(&self, path: &[u8]) -> Result<Included, Complaint> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let wrong = |why: &str| Complaint::malformed(format!("include {shown:?}: {why}"));
        let Some((folder, root)) = &self.folders else { return Err(wrong("the file lies in no folder")) };
        if self.depth >= MAX_DEPTH {
            return Err(wrong("files include each other too deeply"));
        }
        let path = Path::new(std::str::from_utf8(path).map_err(|_| wrong("it is not UTF-8"))?);
        let found = folder.join(path).canonicalize().map_err(|error| wrong(&error.to_string()))?;
        if !found.starts_with(root) {
            return Err(wrong("it lies outside the folder of the rules"));
        }
        let metadata = fs::metadata(&found).map_err(|error| wrong(&error.to_string()))?;
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return Err(wrong("it is no regular file, or too long"));
        }
        let text = fs::read(&found).map_err(|error| wrong(&error.to_string()))?;
        let name = found.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = found.parent().map_or_else(|| root.clone(), Path::to_path_buf);
        let place = Self { folders: Some((folder, root.clone())), depth: self.depth.saturating_add(1) };
        Ok(Included { name, text, place })
    }
}
