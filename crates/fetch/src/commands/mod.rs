//! The subcommands, and the options that they share.

pub(crate) mod clamav;
pub(crate) mod mirror;
pub(crate) mod source;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use candor_fetch::{
    Error, Folder, Http, Kind, Mirror, Pace, Settings, Source, Staging, Transport, Url, confine,
};
use candor_object::Escaped;

/// What every request says of itself. It has no version, which would tell which holes there are.
const USER_AGENT: &str = "candor-fetch";

/// How requests are made.
#[derive(clap::Args, Debug)]
pub(crate) struct Network {
    /// A proxy, http://HOST:PORT or https://HOST:PORT. Proxies of the environment are not asked.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Most seconds for everything.
    #[arg(long, value_name = "SECS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Most seconds in which nothing arrives, and over which the rate is taken.
    #[arg(long, value_name = "SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    /// The fewest bytes per second.
    #[arg(long, value_name = "BYTES", default_value_t = Pace::SLOWEST)]
    slowest: u64,
    /// Certificates of further authorities, in a file of the format PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Allow plain http to other machines: everybody on the way sees what is asked.
    #[arg(long)]
    insecure_http: bool,
}

impl Network {
    /// The settings for a user agent.
    pub(crate) fn settings(&self, user_agent: &str) -> Settings {
        let pace = Pace {
            window: Duration::from_secs(self.patience),
            slowest: self.slowest.max(1),
            ..Pace::within(Duration::from_secs(self.timeout))
        };
        Settings {
            user_agent: user_agent.to_owned(),
            proxy: self.proxy.clone(),
            authorities: self.ca.clone(),
            insecure_http: self.insecure_http,
            pace,
        }
    }

    /// The port of the proxy, to which connections must be left.
    pub(crate) fn proxy_port(&self) -> Result<Option<u16>, Error> {
        self.proxy.as_deref().map(|proxy| Url::of_proxy(proxy).map(|url| url.port())).transpose()
    }
}

/// A place as it is written on the command line.
pub(crate) enum Place {
    /// A URL.
    Url(Url),
    /// A folder or, for a single file, the file.
    Path(PathBuf),
}

impl Place {
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("file://") {
            return if path.starts_with('/') {
                Ok(Self::Path(PathBuf::from(path)))
            } else {
                Err(Error::new(Kind::Local, "a file URL names a path of this machine: file:///PATH"))
            };
        }
        if text.contains("://") {
            Url::parse(text).map(Self::Url)
        } else {
            Ok(Self::Path(PathBuf::from(text)))
        }
    }
}

/// Opens a place and confines the process to it.
pub(crate) fn open(place: &Place, network: &Network, staging: &Staging) -> Result<Box<dyn Transport>, Error> {
    match place {
        Place::Url(url) => {
            let http = Http::new(&network.settings(USER_AGENT))?;
            confine_and_tell(
                staging,
                Source::Network { urls: std::slice::from_ref(url), proxy: network.proxy_port()? },
            )?;
            Ok(Box::new(Mirror::new(http, url.clone())))
        }
        Place::Path(path) => {
            let folder = Folder::open(path)?;
            confine_and_tell(staging, Source::Folder(&folder))?;
            Ok(Box::new(folder))
        }
    }
}

/// Confines the process, and says in a line on standard error what the system lacks.
pub(crate) fn confine_and_tell(staging: &Staging, source: Source<'_>) -> Result<(), Error> {
    let missing = confine(staging, source)?;
    if !missing.is_empty() {
        // A terminal that is gone ends nothing.
        let _ =
            writeln!(io::stderr(), "candor-fetch: less confined than it could be: {}", missing.join("; "));
    }
    Ok(())
}

/// Writes an error for people.
pub(crate) fn complain(error: &Error) {
    let _ = writeln!(io::stderr(), "candor-fetch: {}", Escaped(&error.to_string()));
}

/// The folder and the name of a file.
pub(crate) fn split(path: &Path) -> Result<(&Path, &str), Error> {
    let wrong = || Error::new(Kind::Local, format!("{} is no name of a file", path.display()));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or_else(|| Path::new(".")), name))
}
