//! A mirror: a web server or a folder, with the same files below it.

use std::io::Write;

use crate::{Error, Folder, Http, Kind, Reply, Request, Url};

/// Where the files of a mirror come from.
pub trait Transport {
    /// Writes the file at `path`, which is relative and made of our own words, digits and hexadecimal digits, to
    /// `sink`. The length comes back, or nothing if there is no such file.
    ///
    /// # Errors
    /// When the file has more than `cap` bytes, and for everything else that prevents it; some of it may have been
    /// written then.
    fn get(&mut self, path: &str, cap: u64, sink: &mut dyn Write) -> Result<Option<u64>, Error>;
}

/// A mirror behind a URL.
#[derive(Debug)]
pub struct Mirror {
    http: Http,
    base: Url,
}

impl Mirror {
    /// The mirror whose files lie below `base`.
    pub fn new(http: Http, base: Url) -> Self {
        Self { http, base }
    }
}

impl Transport for Mirror {
    fn get(&mut self, path: &str, cap: u64, sink: &mut dyn Write) -> Result<Option<u64>, Error> {
        let url = self.base.below(path)?;
        let Reply { status, bytes, .. } = self.http.get(&Request { url: &url, range: None, cap }, sink)?;
        match status {
            200 => Ok(Some(bytes)),
            404 | 410 => Ok(None),
            status => Err(Error::new(Kind::Refused, format!("the server answers with status {status}"))),
        }
    }
}

impl Transport for Folder {
    fn get(&mut self, path: &str, cap: u64, sink: &mut dyn Write) -> Result<Option<u64>, Error> {
        self.read(path, cap, sink)
    }
}
