//! The protocols of others, one file each.
//!
//! A front-end has `Settings`, its table of the configuration, and `serve`, which runs until it is told to stop.
//! It reads what its clients send as hostile input, puts content into a [`Spool`](crate::spool::Spool), asks the
//! [`Service`](crate::service::Service), and says what came of it in the words of its protocol. It judges nothing.
//!
//! A new front-end is its folder and three lines here: the module, its table in [`Tables`], and its place in
//! [`configured`], such as
//! `Frontend::new("clamd", &tables.clamd, |s| (&s.listen, s.connections, s.socket_mode), clamd::serve)`.
//! Settings are `Clone`, `Debug`, `Default`, `Serialize` and `Deserialize`: the configuration takes its keys, its
//! defaults and its complaints from them.

pub(crate) mod clamd;
mod http;
mod icap;
mod milter;
mod native;

/// What reads hostile bytes, for fuzz targets.
#[cfg(any(fuzzing, test))]
pub(crate) mod hostile {
    pub(crate) use super::clamd::hostile::commands;
    pub(crate) use super::http::hostile::form;
    pub(crate) use super::icap::hostile::requests;
    pub(crate) use super::milter::hostile::conversation;
}

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::listener::{Address, Listener};
use crate::metrics;
use crate::service::Service;

/// The tables of the front-ends, by the name that they have in the configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tables {
    /// ClamAV's daemon.
    pub(crate) clamd: clamd::Settings,
    /// Browsers and programs.
    pub(crate) http: http::Settings,
    /// Web proxies.
    pub(crate) icap: icap::Settings,
    /// Mail servers.
    pub(crate) milter: milter::Settings,
    /// Our own command line.
    pub(crate) native: native::Settings,
}

/// All ways in, as they are configured.
pub(crate) fn configured(configuration: &Configuration) -> Vec<Frontend> {
    let (metrics, tables) = (&configuration.metrics, &configuration.frontends);
    vec![
        Frontend::new("clamd", &tables.clamd, |s| (&s.listen, s.connections, s.socket_mode), clamd::serve),
        Frontend::new("http", &tables.http, |s| (&s.listen, s.connections, s.socket_mode), http::serve)
            .checked(&tables.http, http::Settings::check),
        Frontend::new("icap", &tables.icap, |s| (&s.listen, s.connections, s.socket_mode), icap::serve),
        Frontend::new("milter", &tables.milter, |s| (&s.listen, s.connections, s.socket_mode), milter::serve),
        Frontend::new("native", &tables.native, |s| (&s.listen, s.connections, s.socket_mode), native::serve)
            .checked(&tables.native, |settings| carry_descriptors(&settings.listen)),
        Frontend::new(metrics::NAME, metrics, |s| (&s.listen, s.connections, s.socket_mode), metrics::serve),
    ]
}

/// Refuses addresses that clients could reach and never use.
fn carry_descriptors(addresses: &[Address]) -> anyhow::Result<()> {
    match addresses.iter().find(|address| matches!(address, Address::Tcp(_))) {
        Some(address) => {
            bail!(
                "`native.listen`: {address}: descriptors travel through Unix sockets only; write unix:/PATH"
            )
        }
        None => Ok(()),
    }
}

/// A way in.
#[derive(Clone)]
pub(crate) struct Frontend {
    /// The name of its table.
    pub(crate) name: &'static str,
    /// Where its clients connect; nowhere means that it is off.
    pub(crate) listen: Vec<Address>,
    /// Clients at once, of each address.
    pub(crate) connections: usize,
    /// Permissions of its Unix sockets.
    pub(crate) socket_mode: u32,
    /// Serves the clients of one listener until it is told to stop.
    pub(crate) serve: Serve,
    /// Whether it can be served with its settings, and the files that they name.
    pub(crate) check: Check,
}

/// Says what is wrong with settings.
pub(crate) type Check = Arc<dyn Fn() -> anyhow::Result<()> + Send + Sync>;

/// Serves the clients of one listener until it is told to stop.
pub(crate) type Serve = Arc<
    dyn Fn(Service, Listener, CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync,
>;

impl Frontend {
    /// One with its settings: where it listens, for how many clients at once, with which permissions.
    pub(crate) fn new<Settings, Serving>(
        name: &'static str,
        settings: &Settings,
        sockets: impl Fn(&Settings) -> (&[Address], usize, u32),
        serve: impl Fn(Service, Listener, Arc<Settings>, CancellationToken) -> Serving + Send + Sync + 'static,
    ) -> Self
    where
        Settings: Clone + Send + Sync + 'static,
        Serving: Future<Output = ()> + Send + 'static,
    {
        let (listen, connections, socket_mode) = sockets(settings);
        let listen = listen.to_vec();
        let settings = Arc::new(settings.clone());
        let serve: Serve = Arc::new(move |service, listener, stop| {
            Box::pin(serve(service, listener, Arc::clone(&settings), stop))
        });
        Self { name, listen, connections, socket_mode, serve, check: Arc::new(|| Ok(())) }
    }

    /// The same, with something to check before it is served.
    fn checked<Settings>(
        self,
        settings: &Settings,
        check: impl Fn(&Settings) -> anyhow::Result<()> + Send + Sync + 'static,
    ) -> Self
    where
        Settings: Clone + Send + Sync + 'static,
    {
        let settings = settings.clone();
        Self { check: Arc::new(move || check(&settings)), ..self }
    }
}

impl fmt::Debug for Frontend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frontend")
            .field("name", &self.name)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
