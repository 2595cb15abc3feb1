//! The gate: reads events and answers them from verdicts, without a privilege.
//!
//! Nothing here may open a file on a file system that is watched, nor wait for anybody who does: that would wait for
//! ourselves.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use std::{process, thread};

use candor_object::Decision;
use candor_policy::Policy;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ahead;
use crate::allowed::Allowed;
use crate::answers;
use crate::configuration::{Configuration, Mode};
use crate::exclusions::Exclusions;
use crate::generation::Generation;
use crate::group::{Access, Answer, Event, Group, Groups};
use crate::notes::{Note, Notes};
use crate::pending::{Count, Table};
use crate::requests::{Process, Supervisor};
use crate::scan::Scan;
use crate::verdicts::{Detection, Identity, Verdict, has_fine_times};
use crate::written;

/// The time between two signs of life.
const BEAT: Duration = Duration::from_millis(100);
/// Files of which it is known that the supervisor was told.
const MOST_TOLD: usize = 10_000;

/// Threads that ask the supervisor, so that whoever opens a file that is known waits for nobody.
const ASKERS: usize = 2;
/// The time between two files that are scanned and that nobody waits for.
const PACE: Duration = Duration::from_millis(5);
/// How often a verdict is asked for before the kernel keeps it.
const OFTEN: u32 = 1;

/// What takes longer than an answer from a verdict.
#[derive(Debug)]
enum Task {
    /// An access to a file that is not known, or known as bad.
    Look(Identity, Option<Verdict>, Waiting, Option<OwnedFd>),
    /// A file that is opened all the time.
    Keep(Identity, Arc<File>),
}

/// The gate, as its threads share it.
#[derive(Debug)]
pub(crate) struct Gate {
    groups: Groups,
    pub(crate) table: Table,
    pub(crate) supervisor: Supervisor,
    notes: Notes,
    configuration: Configuration,
    policy: Policy,
    exclusions: Exclusions,
    /// Whether the kernel has fine change times.
    pub(crate) has_fine_times: bool,
    /// The numbers of the gate, the keeper and the supervisor, who are exempt with their children.
    ours: [u32; 3],
    generation: RwLock<Option<Arc<Generation>>>,
    /// Accesses that wait for a scan of the file as it is.
    waiting: Mutex<HashMap<Identity, Vec<Waiting>>>,
    /// Scans that were asked for before there were workers.
    early: Mutex<Vec<Scan>>,
    removable: Mutex<HashMap<(u32, u32), bool>>,
    /// What was allowed, to be looked at again with newer databases.
    pub(crate) allowed: Allowed,
    tasks: (Sender<Task>, Mutex<Receiver<Task>>),
    /// Files in which something was found and that the supervisor knows of.
    told: Mutex<HashSet<Identity>>,
}

/// An access that waits for an answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    file: Arc<File>,
    number: RawFd,
    access: Access,
    process: i32,
    user: u32,
}

impl Gate {
    /// A gate that has no workers yet.
    pub(crate) fn new(
        groups: Groups,
        table: Table,
        supervisor: Supervisor,
        notes: Notes,
        configuration: Configuration,
        exclusions: Exclusions,
        [keeper, parent]: [u32; 2],
    ) -> Self {
        let policy = Policy { report_unwanted: configuration.protect.unwanted, ..Policy::default() };
        Self {
            groups,
            table,
            supervisor,
            notes,
            configuration,
            policy,
            exclusions,
            has_fine_times: has_fine_times(),
            ours: [process::id(), keeper, parent],
            generation: RwLock::default(),
            waiting: Mutex::default(),
            early: Mutex::default(),
            removable: Mutex::default(),
            allowed: Allowed::default(),
            tasks: {
                let (sender, receiver) = channel();
                (sender, Mutex::new(receiver))
            },
            told: Mutex::default(),
        }
    }

    /// Starts to read events.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(crate) fn start(self: &Arc<Self>) -> io::Result<()> {
        let gate = Arc::clone(self);
        thread::Builder::new().name("beat".to_owned()).spawn(move || {
            loop {
                gate.table.count(Count::Beats);
                thread::sleep(BEAT);
            }
        })?;
        let gate = Arc::clone(self);
        thread::Builder::new().name("written".to_owned()).spawn(move || written::hear(&gate))?;
        for number in 0..ASKERS {
            let gate = Arc::clone(self);
            let work = move || {
                loop {
                    let task = gate.tasks.1.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(task) = task else { return };
                    gate.work(task);
                }
            };
            thread::Builder::new().name(format!("asker-{number}")).spawn(work)?;
        }
        for (index, (_, readers)) in self.groups.each().into_iter().enumerate() {
            for number in 0..readers {
                let gate = Arc::clone(self);
                let name = format!("reader-{index}-{number}");
                thread::Builder::new().name(name).spawn(move || gate.read(index))?;
            }
        }
        Ok(())
    }

    /// Looks at what a gate that died has left.
    pub(crate) fn take_over(self: &Arc<Self>, left: Vec<(File, bool)>) {
        for (file, is_execution) in left {
            let identity = Identity::of(&file).ok().flatten();
            let access = if is_execution { Access::Execute } else { Access::Open };
            let (number, file) = (file.as_raw_fd(), Arc::new(file));
            self.table.adopt(number, is_execution);
            self.look(identity, Waiting { file, number, access, process: 0, user: 0 }, None);
        }
    }

    /// Puts workers with their databases into use, and has them look again at what the ones before allowed.
    pub(crate) fn use_generation(self: &Arc<Self>, generation: Generation) {
        let number = generation.number;
        let old =
            self.generation.write().unwrap_or_else(PoisonError::into_inner).replace(Arc::new(generation));
        // Its last scans hold it; nobody waits for its workers to end.
        thread::spawn(move || drop(old));
        for scan in std::mem::take(&mut *self.early.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.submit(scan);
        }
        let gate = Arc::clone(self);
        thread::spawn(move || gate.look_again(number));
    }

    /// Has files scanned again that were allowed, those first that were executed most recently, then programs that nobody
    /// opened yet.
    fn look_again(self: Arc<Self>, number: u64) {
        let allowed = self.allowed.by_use().into_iter().map(|(identity, path)| (Some(identity), path));
        let ahead = ahead::programs(&self.configuration.ahead.folders).into_iter().map(|path| (None, path));
        for (was, path) in allowed.chain(ahead) {
            // A few at a time, so that it ends when there are newer databases, and others have the worker as well.
            thread::sleep(PACE);
            while self
                .generation()
                .is_some_and(|generation| generation.number == number && generation.patient() > 0)
            {
                thread::sleep(PACE);
            }
            if self.generation().is_some_and(|generation| generation.number != number) {
                return;
            }
            if was.is_some_and(|was| self.knows(&was)) {
                continue;
            }
            let Some(file) = self.supervisor.open(&path) else { continue };
            let Some(identity) = Identity::of(&file).ok().flatten() else { continue };
            // What was changed since is scanned when it is opened again.
            if was.is_none_or(|was| was == identity) && !self.knows(&identity) {
                let why = if was.is_some() { "again" } else { "ahead" };
                self.submit(Scan::patient(&self, identity, Arc::new(file), why));
            }
        }
    }

    pub(crate) fn generation(&self) -> Option<Arc<Generation>> {
        self.generation.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the kernel ask about every file again.
    pub(crate) fn ask_about_all(&self) {
        let _ = self.groups.ignore_none();
    }

    /// What policy says of a report.
    pub(crate) fn decide(&self, report: &candor_object::Report) -> Decision {
        self.policy.decide(report)
    }

    fn read(self: Arc<Self>, index: usize) {
        let Some((group, _)) = self.groups.each().into_iter().nth(index) else { return };
        loop {
            match group.read() {
                Ok(events) => {
                    if index == 0 {
                        self.table.count(Count::Reads);
                    }
                    self.take(events);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Without events there is nothing to do; the supervisor starts another gate.
                    self.notes.tell(Note::Failed { reason: format!("reading events: {error}") });
                    thread::sleep(BEAT);
                    process::exit(1);
                }
            }
        }
    }

    /// Answers events, or has their files scanned. All are noted before the first is looked at.
    fn take(self: &Arc<Self>, events: Vec<Event>) {
        let mut seen = Vec::with_capacity(events.len());
        for event in events {
            // An event without a file is one that the kernel itself denies.
            let Ok(file) = event.file else { continue };
            let identity = Identity::of(&file).ok().flatten();
            if matches!(event.access, Access::Open | Access::Execute) {
                let is_removable = identity.is_some_and(|identity| self.is_removable(identity.device()));
                let strict = answers::is_strict(&self.configuration.late, event.access, is_removable);
                self.table.begin(event.number, event.access == Access::Execute, strict);
            }
            let file = Arc::new(file);
            let (number, access, process) = (event.number, event.access, event.process);
            seen.push((identity, Waiting { file, number, access, process, user: 0 }, event.handle));
        }
        for (identity, waiting, handle) in seen {
            self.look(identity, waiting, handle);
        }
    }

    /// Answers at once what is known, and leaves the rest to others.
    fn look(self: &Arc<Self>, identity: Option<Identity>, waiting: Waiting, handle: Option<OwnedFd>) {
        let access = waiting.access;
        match access {
            Access::Open => self.table.count(Count::Opens),
            Access::Execute => self.table.count(Count::Executions),
            Access::Written => {}
        }
        let has_content = |identity: &Identity| identity.size() > 0;
        let Some(identity) = identity.filter(has_content) else { return self.answer(&waiting, true) };
        if self.ours.contains(&waiting.process.cast_unsigned()) {
            return self.answer(&waiting, true);
        }
        if access == Access::Execute {
            self.allowed.executed(&identity);
        }
        let known = self.generation().and_then(|generation| generation.verdicts.ask(&identity));
        if let Some((verdict, asked)) = &known {
            self.table.count(Count::Known);
            if *verdict == Verdict::Undetected {
                self.answer(&waiting, true);
                if *asked == OFTEN {
                    let _ = self.tasks.0.send(Task::Keep(identity, waiting.file));
                }
                return;
            }
        }
        if self.configuration.protect.mode == Mode::Executions && access != Access::Execute {
            return self.answer(&waiting, true);
        }
        let _ = self.tasks.0.send(Task::Look(identity, known.map(|(verdict, _)| verdict), waiting, handle));
    }

    /// The group that tells of files that were written.
    pub(crate) fn written(&self) -> &Group {
        &self.groups.written
    }

    /// A file that somebody else wrote, and where it is, if it is to be scanned.
    pub(crate) fn is_to_be_scanned(&self, event: &Event) -> Option<(Identity, PathBuf)> {
        let file = event.file.as_ref().ok()?;
        let identity = Identity::of(file).ok().flatten()?;
        let is_ours = self.ours.contains(&event.process.cast_unsigned());
        let is_scanned = self.configuration.protect.mode != Mode::Executions;
        if identity.size() == 0 || is_ours || !is_scanned || self.knows(&identity) {
            return None;
        }
        let path = path_of(file);
        (!self.exclusions.has_path(&path)).then_some((identity, path))
    }

    /// Has a file scanned that was written, if it still is what it was then.
    pub(crate) fn look_at_written(self: &Arc<Self>, identity: Identity, path: &Path) {
        if self.knows(&identity) {
            return;
        }
        let file = self.supervisor.open(path);
        if let Some(file) = file.filter(|file| Identity::of(file).ok().flatten() == Some(identity)) {
            self.submit(Scan::patient(self, identity, Arc::new(file), "written"));
        }
    }

    fn knows(&self, identity: &Identity) -> bool {
        self.generation().is_some_and(|generation| generation.verdicts.knows(identity))
    }

    fn work(self: &Arc<Self>, task: Task) {
        let (identity, known, mut waiting, handle) = match task {
            Task::Look(identity, known, waiting, handle) => (identity, known, waiting, handle),
            Task::Keep(identity, file) => {
                let known = |generation: &Arc<Generation>| generation.verdicts.knows(&identity);
                if let Some(generation) = self.generation().filter(known) {
                    self.supervisor.keep(&file, identity, &generation.database);
                }
                return;
            }
        };
        let number = waiting.process.cast_unsigned();
        let (process, is_unwritten) = self.supervisor.opened(&waiting.file, number);
        // If it is gone, its number may be somebody else's.
        let process = if handle.as_ref().is_some_and(is_alive) { process } else { Process::default() };
        if self.is_exempt(&process, &waiting.file) {
            return self.answer(&waiting, true);
        }
        waiting.user = process.user;
        match known {
            Some(verdict) => self.conclude(&waiting, &verdict),
            None => self.wait(identity, waiting, is_unwritten),
        }
    }

    /// Whether somebody's access to a file is not looked at.
    fn is_exempt(&self, process: &Process, file: &File) -> bool {
        let is_ours = process.parent != 0 && self.ours.contains(&process.parent);
        is_ours || self.exclusions.has_process(process) || self.is_excluded(file)
    }

    fn is_excluded(&self, file: &File) -> bool {
        self.exclusions.has_paths() && self.exclusions.has_path(&path_of(file))
    }

    /// Lets an access wait for a scan of its file, and starts one if there is none.
    fn wait(self: &Arc<Self>, identity: Identity, waiting: Waiting, is_unwritten: bool) {
        if !answers::waits(self.configuration.protect.mode, waiting.access) {
            // It goes on, and what is found is told.
            self.answer(&waiting, true);
        }
        self.join(identity, vec![waiting], is_unwritten);
    }

    /// Adds accesses to those that wait for a scan of their file, and starts one if there is none.
    fn join(self: &Arc<Self>, identity: Identity, accesses: Vec<Waiting>, is_unwritten: bool) {
        let Some(file) = accesses.first().map(|first| Arc::clone(&first.file)) else { return };
        let is_first = match self.waiting().entry(identity) {
            Entry::Occupied(mut there) => {
                there.get_mut().extend(accesses);
                false
            }
            Entry::Vacant(place) => {
                place.insert(accesses);
                true
            }
        };
        if is_first {
            self.submit(Scan::new(self, identity, file, is_unwritten));
        }
    }

    /// Hands a scan to the workers.
    pub(crate) fn submit(&self, scan: Scan) {
        match self.generation() {
            Some(generation) => generation.submit(scan),
            None => self.early.lock().unwrap_or_else(PoisonError::into_inner).push(scan),
        }
    }

    /// Answers the one that began a scan, for whom it need not prove anything of the time after it began.
    pub(crate) fn answer_first(&self, identity: Identity, verdict: Option<&Verdict>) {
        let first = self.waiting().get_mut(&identity).filter(|all| !all.is_empty()).map(|all| all.remove(0));
        if let Some(first) = first {
            self.answer_scanned(&first, verdict);
        }
    }

    /// Answers the others. Where it proves nothing of the time after it began, they get another scan.
    pub(crate) fn answer_others(
        self: &Arc<Self>,
        identity: Identity,
        verdict: Option<&Verdict>,
        is_stable: bool,
    ) {
        let others = self.waiting().remove(&identity).unwrap_or_default();
        if !is_stable && !matches!(verdict, Some(Verdict::Detected(_))) {
            return self.join(identity, others, false);
        }
        for waiting in &others {
            self.answer_scanned(waiting, verdict);
        }
    }

    fn answer_scanned(&self, waiting: &Waiting, verdict: Option<&Verdict>) {
        match verdict {
            Some(verdict) => self.conclude(waiting, verdict),
            None => self.answer_unknown(waiting),
        }
    }

    /// Answers an access to a file with a verdict.
    fn conclude(&self, waiting: &Waiting, verdict: &Verdict) {
        let mode = self.configuration.protect.mode;
        let goes_on = answers::goes_on(mode, waiting.access, verdict);
        if let Verdict::Detected(detection) = verdict {
            self.table.count(if goes_on { Count::Reported } else { Count::Denied });
            self.tell(waiting, detection, !goes_on);
            self.hand_over(&waiting.file, detection);
        }
        if answers::waits(mode, waiting.access) {
            self.answer(waiting, goes_on);
        }
    }

    /// Answers an access to a file that could not be examined in time.
    fn answer_unknown(&self, waiting: &Waiting) {
        if !answers::waits(self.configuration.protect.mode, waiting.access) {
            return;
        }
        let device = Identity::of(&waiting.file).ok().flatten().map(|identity| identity.device());
        let is_removable = device.is_some_and(|device| self.is_removable(device));
        let strict = answers::is_strict(&self.configuration.late, waiting.access, is_removable);
        self.table.count(Count::Late);
        let path = path_of(&waiting.file).display().to_string();
        self.notes.tell(Note::Late { path, refused: strict });
        self.answer(waiting, !strict);
    }

    /// Tells of a file that was found when nobody waited for it.
    pub(crate) fn found(&self, file: &Arc<File>, detection: &Detection, why: &str) {
        self.table.count(Count::Reported);
        self.notes.tell(Note::Detected {
            path: path_of(file).display().to_string(),
            verdict: detection.verdict.to_owned(),
            names: detection.names.clone(),
            refused: false,
            access: why.to_owned(),
            process: 0,
            user: 0,
        });
        self.hand_over(file, detection);
    }

    /// Lets the supervisor do with a file what is wanted, once.
    fn hand_over(&self, file: &File, detection: &Detection) {
        let Some(identity) = Identity::of(file).ok().flatten() else { return };
        let is_new = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() > MOST_TOLD {
                told.clear();
            }
            told.insert(identity)
        };
        if is_new {
            self.supervisor.found(file, &detection.names);
        }
    }

    fn tell(&self, waiting: &Waiting, detection: &Detection, refused: bool) {
        let access = if waiting.access == Access::Execute { "execute" } else { "open" };
        self.notes.tell(Note::Detected {
            path: path_of(&waiting.file).display().to_string(),
            verdict: detection.verdict.to_owned(),
            names: detection.names.clone(),
            refused,
            access: access.to_owned(),
            process: waiting.process,
            user: waiting.user,
        });
    }

    /// Answers an access, unless it was too late and the supervisor did. Whatever waits for no answer is left alone.
    fn answer(&self, waiting: &Waiting, goes_on: bool) {
        if !matches!(waiting.access, Access::Open | Access::Execute) {
            return;
        }
        match self.table.claim(waiting.number) {
            Ok(()) => {
                // The opener may have been killed meanwhile.
                let answer = if goes_on { Answer::Allow } else { Answer::Deny };
                let _ = self.groups.answer(waiting.number, answer);
                self.table.end(waiting.number);
            }
            Err(refused) => {
                let path = path_of(&waiting.file).display().to_string();
                self.notes.tell(Note::Late { path, refused });
            }
        }
    }

    fn is_removable(&self, device: (u32, u32)) -> bool {
        let mut known = self.removable.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(device).or_insert_with(|| is_removable(device))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Identity, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a process has not ended.
fn is_alive(handle: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&now)) == Ok(0)
}

/// Where a file is, as far as can be seen from here.
pub(crate) fn path_of(file: &File) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default()
}

/// Whether the kernel says of a device, or of the one that it is a partition of, that it can be taken away.
fn is_removable((major, minor): (u32, u32)) -> bool {
    let device = Path::new("/sys/dev/block").join(format!("{major}:{minor}"));
    let says_so = |path: PathBuf| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
    says_so(device.join("removable"))
        || device.join("partition").exists() && says_so(device.join("../removable"))
}
