//! Scans that a client asks for now and about which it hears later.
//!
//! Jobs lie in memory. How many there are, how much their reports weigh, and how long they are kept is bounded;
//! where there is no room, the oldest finished job is forgotten, and never one that waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::task::AbortHandle;

use super::answer::{Content, Pieces, json};
use super::authentication::Owner;
use super::problem::Problem;
use super::records::{Scanned, bytes, result};
use super::upload::{self, Wishes};
use super::{Caller, Settings, Site};
use crate::spool::Spooled;

/// 128 bits from the kernel: nobody guesses them.
type Id = [u8; 16];

/// The jobs of one listener.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<HashMap<Id, Job>>);

#[derive(Debug)]
struct Job {
    owner: Owner,
    created: SystemTime,
    objects: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The content is still arriving, or its scan waits or is under way.
    Waiting(Option<AbortHandle>),
    Finished {
        at: Instant,
        outcome: Result<Arc<Scanned>, Problem>,
        weight: usize,
    },
}

/// A place among the jobs. It is free again when this is dropped before the scan began.
struct Place<'a> {
    jobs: &'a Jobs,
    id: Id,
    begun: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.begun {
            self.jobs.lock().remove(&self.id);
        }
    }
}

/// Takes content in, begins its scan, and answers with the address of the job.
pub(super) async fn create(
    site: &Arc<Site>,
    caller: &Caller,
    owner: Owner,
    request: Request<Incoming>,
) -> Result<Response<Content>, Problem> {
    upload::reachable(caller, request.headers())?;
    let wishes = Wishes::parse(request.uri().query())?;
    if upload::form(request.headers()).is_some() {
        let detail = "a job has one file; send it as it is";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).closing());
    }
    // The place comes before the content, so that content without a job takes no room.
    let mut place = site.jobs.reserve(&site.settings, owner, wishes.objects)?;
    let (file, size) = upload::take(site, caller, request).await?;
    let id = place.id;
    place.begun = true;
    let task = tokio::spawn(run(Arc::clone(site), caller.clone(), id, wishes.name, file, size));
    site.jobs.begun(id, task.abort_handle());
    let address = format!("/v1/jobs/{}", hex::encode(id));
    let record = serde_json::json!({ "id": hex::encode(id), "address": address });
    let mut response = json(StatusCode::ACCEPTED, bytes(&record));
    if let Ok(address) = HeaderValue::try_from(address) {
        response.headers_mut().insert(LOCATION, address);
    }
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}

/// Answers with what is known of a job.
pub(super) fn show(site: &Site, owner: Owner, id: &str) -> Result<Response<Content>, Problem> {
    let id = parse(id).ok_or_else(Problem::not_found)?;
    let jobs = site.jobs.lock();
    let job = jobs.get(&id).filter(|job| job.owner == owner && !job.is_over(&site.settings));
    let job = job.ok_or_else(Problem::not_found)?;
    let head =
        format!("{{\"id\":\"{}\",\"created\":\"{}\",", hex::encode(id), candor_object::utc(job.created));
    let (head, rest, end): (String, Pieces, &[u8]) = match &job.state {
        State::Waiting(_) => (head + "\"state\":\"waiting\"}", Box::new(std::iter::empty()), b""),
        State::Finished { outcome: Ok(scanned), .. } => {
            let pieces = result(Arc::clone(scanned), job.objects);
            (head + "\"state\":\"finished\",\"result\":", pieces, b"}")
        }
        State::Finished { outcome: Err(problem), .. } => {
            let problem = bytes(&problem.record());
            (head + "\"state\":\"failed\",\"problem\":", Box::new(std::iter::once(problem)), b"}")
        }
    };
    let waiting = matches!(job.state, State::Waiting(_));
    let pieces = std::iter::once(head.into_bytes()).chain(rest).chain(std::iter::once(end.to_vec()));
    let mut response = json(StatusCode::OK, site.pieces(Box::new(pieces)));
    if waiting {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// Forgets a job; if it waits, it is not done.
pub(super) fn remove(site: &Site, owner: Owner, id: &str) -> Result<Response<Content>, Problem> {
    let id = parse(id).ok_or_else(Problem::not_found)?;
    let mut jobs = site.jobs.lock();
    let live = jobs.get(&id).is_some_and(|job| job.owner == owner && !job.is_over(&site.settings));
    if !live {
        return Err(Problem::not_found());
    }
    if let Some(Job { state: State::Waiting(Some(task)), .. }) = jobs.remove(&id) {
        task.abort();
    }
    let mut response = json(StatusCode::NO_CONTENT, Vec::new());
    response.headers_mut().remove(CONTENT_TYPE);
    Ok(response)
}

async fn run(site: Arc<Site>, caller: Caller, id: Id, name: String, content: Spooled, size: u64) {
    let outcome = site.scan(&caller, name, content, size).await.map(Arc::new);
    site.jobs.finished(&site.settings, id, outcome);
}

fn parse(text: &str) -> Option<Id> {
    let mut id = Id::default();
    // Only one writing of an address is an address.
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    hex::decode_to_slice(text, &mut id).ok().filter(|()| lower)?;
    Some(id)
}

impl Job {
    /// Whether it was kept long enough.
    fn is_over(&self, settings: &Settings) -> bool {
        matches!(self.state, State::Finished { at, .. } if at.elapsed() > settings.keep_jobs.0)
    }

    fn weight(&self) -> usize {
        match self.state {
            State::Waiting(_) => 0,
            State::Finished { weight, .. } => weight,
        }
    }
}

impl Jobs {
    /// Forgets what was kept long enough. To be called now and then.
    pub(super) fn expire(&self, settings: &Settings) {
        self.lock().retain(|_, job| !job.is_over(settings));
    }

    /// Ends all.
    pub(super) fn abort(&self) {
        for (_, job) in self.lock().drain() {
            if let State::Waiting(Some(task)) = job.state {
                task.abort();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reserve(&self, settings: &Settings, owner: Owner, objects: usize) -> Result<Place<'_>, Problem> {
        let mut id = Id::default();
        getrandom(&mut id, GetRandomFlags::empty()).map_err(|error| {
            Problem::busy(format!("no random number for the address of the job: {error}"))
        })?;
        let mut jobs = self.lock();
        let waiting = |job: &&Job| matches!(job.state, State::Waiting(_));
        if jobs.values().filter(waiting).filter(|job| job.owner == owner).count() >= settings.jobs_per_client
        {
            let detail = format!("{} jobs of this client wait already", settings.jobs_per_client);
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).later().closing());
        }
        if jobs.values().filter(waiting).count() >= settings.jobs {
            return Err(Problem::busy("too many jobs are waiting; try again later").closing());
        }
        make_room(&mut jobs, |jobs| jobs.len() < settings.jobs);
        let job = Job { owner, created: SystemTime::now(), objects, state: State::Waiting(None) };
        jobs.insert(id, job);
        Ok(Place { jobs: self, id, begun: false })
    }

    fn begun(&self, id: Id, task: AbortHandle) {
        if let Some(Job { state: State::Waiting(place), .. }) = self.lock().get_mut(&id) {
            *place = Some(task);
        }
    }

    fn finished(&self, settings: &Settings, id: Id, outcome: Result<Arc<Scanned>, Problem>) {
        let weight = outcome.as_ref().map_or(0, |scanned| scanned.weight());
        let mut jobs = self.lock();
        // It may have been removed in the meantime.
        if !jobs.contains_key(&id) {
            return;
        }
        make_room(&mut jobs, |jobs| {
            let kept: usize = jobs.values().map(Job::weight).sum();
            kept.saturating_add(weight) <= settings.answers_bytes()
        });
        if let Some(job) = jobs.get_mut(&id) {
            job.state = State::Finished { at: Instant::now(), outcome, weight };
        }
    }
}

/// Forgets the oldest finished jobs until there is room or no more of them.
fn make_room(jobs: &mut HashMap<Id, Job>, enough: impl Fn(&HashMap<Id, Job>) -> bool) {
    while !enough(jobs) {
        let finished = jobs.iter().filter_map(|(id, job)| match job.state {
            State::Waiting(_) => None,
            State::Finished { at, .. } => Some((at, *id)),
        });
        let Some((_, oldest)) = finished.min() else {
            return;
        };
        jobs.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { jobs: 3, jobs_per_client: 2, ..Settings::default() }
    }

    fn failed() -> Result<Arc<Scanned>, Problem> {
        Err(Problem::busy("test"))
    }

    #[test]
    fn a_client_has_a_bound_and_all_have_one() {
        let jobs = Jobs::default();
        let places: Vec<_> = (0..2).map(|_| jobs.reserve(&settings(), Owner::Anybody, 0).unwrap()).collect();
        assert!(jobs.reserve(&settings(), Owner::Anybody, 0).is_err());
        let other = jobs.reserve(&settings(), Owner::User(1), 0).unwrap();
        assert!(jobs.reserve(&settings(), Owner::User(2), 0).is_err());
        drop((places, other));
        assert!(jobs.lock().is_empty());
    }

    #[test]
    fn finished_jobs_make_room_and_waiting_ones_do_not() {
        let jobs = Jobs::default();
        let mut ids = Vec::new();
        for number in 0..3 {
            let mut place = jobs.reserve(&settings(), Owner::User(number), 0).unwrap();
            place.begun = true;
            ids.push(place.id);
        }
        jobs.finished(&settings(), ids[1], failed());
        jobs.finished(&settings(), ids[2], failed());
        let mut place = jobs.reserve(&settings(), Owner::User(9), 0).unwrap();
        place.begun = true;
        let left = jobs.lock();
        assert!(left.contains_key(&ids[0]) && !left.contains_key(&ids[1]) && left.contains_key(&ids[2]));
    }

    #[test]
    fn only_addresses_that_were_given_are_addresses() {
        let id = "00112233445566778899aabbccddeeff";
        assert_eq!(parse(id).map(hex::encode).as_deref(), Some(id));
        for wrong in ["", "00", "00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddeeff0", "é"]
        {
            assert!(parse(wrong).is_none());
        }
    }
}
