//! `candor-fetch clamav`: ClamAV's containers, or the differences since those that are there.

use std::path::PathBuf;

use candor_fetch::clamav::{DNS_NAME, Database, MIRROR, Plan, Resolvers, State, fetch, user_agent};
use candor_fetch::{Error, Failure, Http, Outcome, Progress, Source, Staging, Url};

use super::{Network, complain, confine_and_tell};

/// What to fetch.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// A mirror (repeatable, asked in turn) [default: the publisher's].
    #[arg(long, value_name = "URL")]
    mirror: Vec<String>,
    /// The mirror of an organisation (repeatable): its .cld or .cvd are fetched whole, and no other mirror is asked.
    #[arg(long, value_name = "URL")]
    private_mirror: Vec<String>,
    /// The staging folder.
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// A container that is wanted and the version that is there, as in daily=27800 (repeatable); with ! behind the version
    /// the whole container is fetched.
    #[arg(long, value_name = "NAME[=VERSION[!]]", required = true)]
    database: Vec<String>,
    /// The name in the DNS that tells the newest versions, or none.
    #[arg(long, value_name = "NAME|none", default_value = DNS_NAME)]
    dns: String,
    /// Fetch no differences.
    #[arg(long)]
    whole: bool,
    /// How often a file is asked for.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    attempts: u32,
    #[command(flatten)]
    network: Network,
}

/// Fetches it.
pub(crate) fn run(options: &Options) -> Outcome {
    let progress = Progress::on_terminal();
    let result = run_through(options, &progress);
    progress.end();
    let failure = match &result {
        Ok(state) => state.databases.iter().find_map(|answer| {
            let problem = answer.problem.as_ref()?;
            Some(Failure { kind: "refused", text: format!("{}: {}", answer.name, problem.text) })
        }),
        Err(error) => {
            complain(error);
            Some(error.into())
        }
    };
    let files = result.as_ref().map_or(0, |state: &State| {
        let count = |answer: &candor_fetch::clamav::Answer| {
            answer.differences.len() as u64 + u64::from(answer.whole.is_some())
        };
        state.databases.iter().map(count).sum()
    });
    let mirror = options.private_mirror.first().or_else(|| options.mirror.first());
    Outcome {
        mirror: mirror.cloned().unwrap_or_else(|| MIRROR.to_owned()),
        files,
        error: failure,
        ..Outcome::default()
    }
}

fn run_through(options: &Options, progress: &Progress) -> Result<State, Error> {
    let private = !options.private_mirror.is_empty();
    let mut mirrors = if private { options.private_mirror.clone() } else { options.mirror.clone() };
    if mirrors.is_empty() {
        mirrors.push(MIRROR.to_owned());
    }
    let mut databases =
        options.database.iter().map(|text| text.parse()).collect::<Result<Vec<Database>, Error>>()?;
    for database in &mut databases {
        database.whole |= options.whole;
    }
    let plan = Plan {
        mirrors: mirrors.iter().map(|mirror| Url::parse(mirror)).collect::<Result<_, _>>()?,
        private,
        databases,
        dns: Some(options.dns.clone()).filter(|name| name != "none"),
        attempts: options.attempts,
    };
    let staging = Staging::open(&options.into)?;
    let http = Http::new(&options.network.settings(&user_agent()))?;
    let resolvers = Resolvers::of_the_system();
    let proxy = options.network.proxy_port()?;
    confine_and_tell(&staging, Source::Network { urls: &plan.mirrors, proxy })?;
    fetch(&plan, &http, &resolvers, &staging, progress)
}
