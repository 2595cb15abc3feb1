//! What happened, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::content::{Expected, Judged};

/// Different texts of errors that are kept.
const MOST_TEXTS: usize = 20;

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Bytes that were sent.
    pub(crate) bytes: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    asked: u64,
    right: u64,
    wrong: u64,
    errors: u64,
    lost: u64,
    refused: u64,
    ended: u64,
    texts: BTreeMap<String, u64>,
    microseconds: Vec<u32>,
}

impl Figures {
    /// A request was answered after some time; `answer` has neither number nor delimiter.
    pub(crate) fn answered(&self, expected: Expected, answer: &str, time: Duration) {
        let judged = expected.judge(answer);
        self.change(|kept| {
            kept.asked += 1;
            kept.microseconds.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
            match judged {
                Judged::Right => kept.right += 1,
                Judged::Error => kept.errors += 1,
                Judged::Wrong => kept.wrong += 1,
            }
            if judged != Judged::Right {
                kept.text(&format!("{expected:?}: {answer}"));
            }
        });
    }

    /// A request got no answer: the connection ended without a word.
    pub(crate) fn lost(&self, why: &str) {
        self.change(|kept| {
            kept.asked += 1;
            kept.lost += 1;
            kept.text(why);
        });
    }

    /// No connection could be made.
    pub(crate) fn refused(&self, why: &str) {
        self.change(|kept| {
            kept.refused += 1;
            kept.text(why);
        });
    }

    /// A client that misbehaves was answered as it should be.
    pub(crate) fn handled(&self, how: &str) {
        self.change(|kept| {
            kept.ended += 1;
            kept.text(how);
        });
    }

    /// A client that misbehaves was told a verdict that it must not get.
    pub(crate) fn wrong(&self, how: &str) {
        self.change(|kept| {
            kept.wrong += 1;
            kept.text(how);
        });
    }

    /// Everything, for people and scripts.
    pub(crate) fn told(&self, time: Duration) -> Value {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.microseconds.sort_unstable();
        let times = &kept.microseconds;
        let part = |hundredths: usize| {
            let place = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
            times.get(place).copied().map(f64::from).map(|microseconds| microseconds / 1000.0)
        };
        json!({
            "seconds": time.as_secs_f64(),
            "bytes": self.bytes.load(Ordering::Relaxed),
            "asked": kept.asked,
            "right": kept.right,
            "wrong": kept.wrong,
            "errors": kept.errors,
            "lost": kept.lost,
            "refused": kept.refused,
            "handled": kept.ended,
            "per_second": times.len() as f64 / time.as_secs_f64(),
            "p50_ms": part(50),
            "p95_ms": part(95),
            "p99_ms": part(99),
            "most_ms": part(100),
            "texts": kept.texts,
        })
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Kept {
    fn text(&mut self, text: &str) {
        if self.texts.len() < MOST_TEXTS || self.texts.contains_key(text) {
            *self.texts.entry(text.to_owned()).or_default() += 1;
        }
    }
}
