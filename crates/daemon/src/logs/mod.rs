//! The log: one line for each event, for people or as JSON, to standard error or a file.
//!
//! Events quote what clients send, so everything that controls or confuses a terminal is escaped in both forms,
//! values are cut, and a complaint that repeats itself is told a few times and then counted.

mod fields;
mod line;
mod repetition;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use anyhow::Context;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{self, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::configuration::{Format, Level, Log};
use fields::Fields;
use repetition::Repetitions;

/// Where the log goes; cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Output(Arc<Mutex<Destination>>);

#[derive(Debug)]
enum Destination {
    StandardError,
    File { path: PathBuf, file: File },
}

/// Begins to write what is told from now on.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn start(settings: &Log) -> anyhow::Result<Output> {
    let destination = match &settings.file {
        None => Destination::StandardError,
        Some(path) => Destination::File { path: path.clone(), file: open(path)? },
    };
    let output = Output(Arc::new(Mutex::new(destination)));
    let journal = settings.file.is_none() && std::env::var_os("JOURNAL_STREAM").is_some();
    let style = match settings.format {
        Format::Json => Style::Json,
        Format::Human if journal => Style::Journal,
        Format::Human => Style::Human,
    };
    let level = match settings.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let writer = Writer { output: output.clone(), style, repetitions: Repetitions::default() };
    // Events of the libraries below us are for those who debug them.
    let ours = tracing_subscriber::filter::Targets::new().with_target("candor", level);
    let subscriber = tracing_subscriber::registry().with(writer.with_filter(ours));
    tracing::subscriber::set_global_default(subscriber).context("the log")?;
    Ok(output)
}

fn open(path: &PathBuf) -> anyhow::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
    file.with_context(|| format!("the log file {}", path.display()))
}

impl Output {
    /// Opens the log file again, since somebody has moved it away.
    ///
    /// # Errors
    /// When it cannot be opened; then the old one stays.
    pub(crate) fn reopen(&self) -> anyhow::Result<()> {
        let mut destination = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Destination::File { path, file } = &mut *destination {
            *file = open(path)?;
        }
        Ok(())
    }

    fn write(&self, line: &str) -> io::Result<()> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Destination::StandardError => io::stderr().lock().write_all(line.as_bytes()),
            Destination::File { file, .. } => file.write_all(line.as_bytes()),
        }
    }
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Time, level, message and fields.
    Human,
    /// The same for the journal, which knows the time and reads the level from a prefix.
    Journal,
    /// A JSON object.
    Json,
}

/// Writes events.
struct Writer {
    output: Output,
    style: Style,
    repetitions: Repetitions,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Writer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: layer::Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: layer::Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: layer::Context<'_, S>) {
        let metadata = event.metadata();
        let Some(unsaid) = self.repetitions.count(metadata, Instant::now()) else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.add_missing(outer);
            }
        }
        fields.add_unsaid(unsaid);
        let line = line::written(self.style, SystemTime::now(), metadata, &fields);
        // Where nobody takes the log, there is nobody to complain to.
        let _ = self.output.write(&line);
    }
}
