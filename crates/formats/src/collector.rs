//! A sink that keeps what a format hands over: for tests, fuzz targets and people who look into files.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::Instant;

use candor_object::{
    Budget, Child, Content, FileType, Flow, Form, Limit, Password, Reason, Relation, Sink, Stop,
};

/// A child as the collector keeps it.
#[derive(Clone, Debug)]
pub struct Collected {
    /// Its name in the container.
    pub name: String,
    /// How it came out.
    pub relation: Relation,
    /// Its type, where the format gives it.
    pub file_type: Option<FileType>,
    /// Its bytes, as far as they could be taken out.
    pub content: Content,
}

/// Keeps children, gaps and anomalies of one container; nested containers stay closed.
#[derive(Debug)]
pub struct Collector {
    /// The children in order.
    pub children: Vec<Collected>,
    /// The gaps in order, with their details.
    pub gaps: Vec<(Reason, String)>,
    /// The anomalies in order, with their details.
    pub anomalies: Vec<(&'static str, String)>,
    passwords: Arc<[Password]>,
    budget: Budget,
}

impl Collector {
    /// An empty collector that spends `budget`.
    pub fn new(budget: Budget) -> Self {
        let (children, gaps, anomalies) = (Vec::new(), Vec::new(), Vec::new());
        Self { children, gaps, anomalies, passwords: Arc::default(), budget }
    }

    /// The same collector, with passwords for what is encrypted.
    #[must_use]
    pub fn with_passwords(self, passwords: &[&str]) -> Self {
        let password =
            |text: &&str| Password { origin: "a test".to_owned(), bytes: text.as_bytes().to_vec() };
        Self { passwords: passwords.iter().map(password).collect(), ..self }
    }

    fn spent(&mut self, limit: Limit) -> Stop {
        self.gap(Reason::Limit(limit), "");
        Stop::Spent
    }

    fn keep(&mut self, child: Child<'_>, content: Content) {
        let Child { name, relation } = child;
        self.children.push(Collected { name: name.to_owned(), relation, file_type: None, content });
    }
}

impl Sink for Collector {
    fn child(&mut self, child: Child<'_>, body: &mut dyn Read) -> Flow {
        self.budget.spend_object(1).map_err(|limit| self.spent(limit))?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 16 << 10];
        let stop = loop {
            let count = match body.read(&mut chunk) {
                Ok(0) => break Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = match error.kind() {
                        ErrorKind::UnexpectedEof => Reason::Truncated,
                        ErrorKind::Unsupported => Reason::Unsupported,
                        _ => Reason::Damaged,
                    };
                    self.gap(reason, &error.to_string());
                    break Ok(());
                }
            };
            if let Err(limit) = self.budget.spend_bytes(bytes.len() as u64, count as u64) {
                let stop = self.spent(limit);
                // A child that is too large for itself does not end the container.
                break if limit == Limit::ObjectBytes { Ok(()) } else { Err(stop) };
            }
            bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        };
        self.keep(child, Content::from_vec(bytes));
        stop
    }

    fn range(&mut self, child: Child<'_>, content: Content) -> Flow {
        self.budget.spend_object(1).map_err(|limit| self.spent(limit))?;
        self.keep(child, content);
        Ok(())
    }

    fn form(&mut self, form: Form<'_>, body: &mut dyn Read) -> Flow {
        self.child(Child { name: form.name, relation: Relation::Normalized }, body)?;
        if let Some(kept) = self.children.last_mut() {
            kept.file_type = Some(form.file_type);
        }
        Ok(())
    }

    fn gap(&mut self, reason: Reason, detail: &str) {
        self.gaps.push((reason, detail.to_owned()));
    }

    fn anomaly(&mut self, name: &'static str, detail: &str) {
        self.anomalies.push((name, detail.to_owned()));
    }

    fn passwords(&self, _container: FileType) -> Arc<[Password]> {
        Arc::clone(&self.passwords)
    }

    fn hold(&mut self, bytes: u64) -> bool {
        self.budget.hold_decoder(bytes).is_ok()
    }

    fn release(&mut self, bytes: u64) {
        self.budget.release(bytes);
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.budget.deadline())
    }

    fn pulse(&mut self) -> Flow {
        self.budget.time_left().map_err(|limit| self.spent(limit))
    }
}
