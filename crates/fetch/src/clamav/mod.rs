//! Fetches ClamAV's containers, or the differences since those that are there, into the staging folder.
//!
//! The newest versions are told by a TXT record in the DNS ([`record`], asked for by [`dns`]) or by the header of each
//! container, of which 512 bytes are asked for ([`database`]). A server that refuses (403) or limits (429) is not asked
//! again until the time in [`state`] has passed. Nothing is verified here: that is for who has no network.

mod database;
mod dns;
mod record;
mod state;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Error, Http, Kind, Progress, Reply, Request, Staging, Url};

pub use database::{Database, Name};
pub use dns::Resolvers;
pub use record::Record;
pub use state::{Answer, Problem, State};

/// What ClamAV asks for the newest versions.
pub const DNS_NAME: &str = "current.cvd.clamav.net";
/// Where the publisher's containers are.
pub const MIRROR: &str = "https://database.clamav.net";
/// The file in the staging folder that says what was fetched, and whom not to ask before when.
pub const STATE: &str = "clamav.json";

/// What requests say of themselves: what we are and, as the publisher asks of all clients, for which system. There is no
/// number of this machine in it.
pub fn user_agent() -> String {
    let machine = std::env::consts::ARCH;
    format!("Candor/{} (OS: linux-gnu, ARCH: {machine}, CPU: {machine})", env!("CARGO_PKG_VERSION"))
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The mirrors, in the order in which they are asked.
    pub mirrors: Vec<Url>,
    /// Whether the mirrors are those of an organisation: a `.cld` is tried first, and no differences.
    pub private: bool,
    /// The containers that are wanted.
    pub databases: Vec<Database>,
    /// The name in the DNS that is asked for the newest versions; nothing to ask the mirrors.
    pub dns: Option<String>,
    /// How often a file is asked for.
    pub attempts: u32,
}

/// Fetches what the plan wants. What came of it is in the state, which was also written into the staging folder.
///
/// # Errors
/// When the staging folder cannot be written to; what mirrors do wrong is told of each container.
pub fn fetch(
    plan: &Plan,
    http: &Http,
    resolvers: &Resolvers,
    staging: &Staging,
    progress: &Progress,
) -> Result<State, Error> {
    let now = now();
    let mut state = State::read(staging, now);
    let record = plan.dns.as_deref().filter(|_| !plan.private).and_then(|name| {
        let text = resolvers.text(name);
        let record = text.and_then(|text| Record::parse(&text, now));
        record.map_err(|why| state.notes.push(format!("the DNS record of {name}: {why}"))).ok()
    });
    state.software = record.as_ref().map(|record| record.software.clone());
    let mut asking = Asking { plan, http, staging, progress, state: &mut state, now };
    for wanted in &plan.databases {
        let newest = record.as_ref().and_then(|record| record.version(wanted.name.as_str()));
        let answer = database::fetch(&mut asking, wanted, newest);
        asking.state.databases.push(answer);
        // Written after each, so that what was learnt is not lost when the next one ends the process.
        asking.state.write(staging)?;
    }
    state.write(staging)?;
    Ok(state)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

/// What all requests need.
struct Asking<'a> {
    plan: &'a Plan,
    http: &'a Http,
    staging: &'a Staging,
    progress: &'a Progress,
    state: &'a mut State,
    now: u64,
}

impl Asking<'_> {
    /// Makes a request, unless its server is not to be asked now, and remembers when one does not want to be asked.
    fn get(
        &mut self,
        request: &Request<'_>,
        sink: &mut dyn std::io::Write,
    ) -> Result<Option<Reply>, Problem> {
        let host = host(request.url);
        self.state.may_ask(&host, self.now)?;
        let reply = self.http.get(request, sink).map_err(|error| Problem::of(&error))?;
        match reply.status {
            200 | 206 => Ok(Some(reply)),
            404 | 410 => Ok(None),
            403 | 429 => Err(self.state.pause(&host, reply.status, reply.retry_after, self.now)),
            status => {
                let text = format!("the server answers with status {status}");
                Err(Problem::of(&Error::new(Kind::Refused, text)))
            }
        }
    }
}

/// A server, as it is remembered.
fn host(url: &Url) -> String {
    format!("{}:{}", url.host().to_ascii_lowercase(), url.port())
}
