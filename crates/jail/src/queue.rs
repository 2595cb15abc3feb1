//! Jobs that wait for a worker.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::pool::Job;

/// A queue with a bound.
pub(crate) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    /// There is a job, or there will be none.
    work: Condvar,
    /// Half of the queue is free.
    room: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
    /// Threads that wait for room.
    submitting: usize,
    /// Threads that take jobs.
    attending: usize,
}

impl State {
    /// Whether nobody will ever take a job.
    fn is_deserted(&self) -> bool {
        self.attending == 0
    }
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { state: Mutex::default(), capacity, work: Condvar::new(), room: Condvar::new() }
    }

    /// From now on somebody takes jobs, until [`leave`](Self::leave).
    pub(crate) fn attend(&self) {
        let mut state = self.lock();
        state.attending = state.attending.saturating_add(1);
    }

    /// Somebody takes jobs no more. When the last one is gone, by a panic, jobs are dropped: nobody shall wait
    /// for ever.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        state.attending = state.attending.saturating_sub(1);
        if state.is_deserted() {
            let jobs = std::mem::take(&mut state.jobs);
            drop(state);
            drop(jobs);
            self.room.notify_all();
        }
    }

    /// Adds a job. Where there is no room, waits until half of the queue is free: to be woken for every place
    /// costs more than a small file.
    pub(crate) fn push(&self, job: Box<dyn Job>) {
        let mut state = self.lock();
        if state.jobs.len() >= self.capacity {
            state.submitting = state.submitting.saturating_add(1);
            let full = |state: &mut State| state.jobs.len() > self.capacity / 2 && !state.is_deserted();
            state = self.room.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
            state.submitting = state.submitting.saturating_sub(1);
        }
        if state.is_deserted() {
            return;
        }
        state.jobs.push_back(job);
        drop(state);
        self.work.notify_one();
    }

    /// Waits for jobs and takes some. None when the queue is closed and empty.
    pub(crate) fn wait(&self, most: usize) -> VecDeque<Box<dyn Job>> {
        let idle = |state: &mut State| state.jobs.is_empty() && !state.closed;
        let state = self.work.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        self.take(state, most)
    }

    /// Takes some jobs, unless there are so few that others who wait may want them.
    pub(crate) fn ahead(&self, most: usize) -> VecDeque<Box<dyn Job>> {
        let state = self.lock();
        if state.jobs.len() < state.attending { VecDeque::new() } else { self.take(state, most) }
    }

    /// Takes at most a fair share.
    fn take(&self, mut state: MutexGuard<'_, State>, most: usize) -> VecDeque<Box<dyn Job>> {
        let waiting = state.jobs.len();
        let share = waiting.div_ceil(state.attending.max(1)).min(most);
        let taken = state.jobs.drain(..share).collect();
        if state.submitting > 0 && state.jobs.len() <= self.capacity / 2 {
            drop(state);
            self.room.notify_all();
        }
        taken
    }

    /// Puts back what was taken and not needed: it is next.
    pub(crate) fn put_back(&self, mut jobs: VecDeque<Box<dyn Job>>) {
        if !jobs.is_empty() {
            let mut state = self.lock();
            jobs.append(&mut state.jobs);
            state.jobs = jobs;
            drop(state);
            self.work.notify_all();
        }
    }

    /// Jobs that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// No more jobs will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done in there.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use candor_object::Report;

    use super::*;
    use crate::Opened;

    struct Counted(Arc<AtomicUsize>);

    impl Job for Counted {
        fn open(&mut self) -> Option<Opened> {
            None
        }

        fn done(self: Box<Self>, _: Report) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_job_is_taken_once_whoever_waits_for_whom() {
        for capacity in [0, 1, 2, 3, 100] {
            let (queue, taken) = (Queue::new(capacity), Arc::new(AtomicUsize::new(0)));
            (0..3).for_each(|_| queue.attend());
            thread::scope(|scope| {
                let submitting: Vec<_> = (0..3)
                    .map(|_| {
                        scope.spawn(|| {
                            (0..500).for_each(|_| queue.push(Box::new(Counted(Arc::clone(&taken)))))
                        })
                    })
                    .collect();
                for _ in 0..3 {
                    scope.spawn(|| {
                        loop {
                            let mut jobs = queue.wait(5);
                            let Some(job) = jobs.pop_front() else { break };
                            queue.put_back(jobs);
                            job.done(Report::default());
                            queue.ahead(2).into_iter().for_each(|job| job.done(Report::default()));
                        }
                        queue.leave();
                    });
                }
                submitting.into_iter().for_each(|thread| thread.join().unwrap());
                queue.close();
            });
            assert_eq!((taken.load(Ordering::Relaxed), queue.len()), (1500, 0), "{capacity}");
        }
    }

    #[test]
    fn nobody_waits_for_those_who_are_gone() {
        let (queue, taken) = (Queue::new(2), Arc::new(AtomicUsize::new(0)));
        queue.attend();
        thread::scope(|scope| {
            let push = || (0..9).for_each(|_| queue.push(Box::new(Counted(Arc::clone(&taken)))));
            let submitting = scope.spawn(push);
            while queue.len() < 2 {
                thread::yield_now();
            }
            queue.leave();
            submitting.join().unwrap();
        });
        assert_eq!((Arc::strong_count(&taken), queue.len()), (1, 0));
    }
}
