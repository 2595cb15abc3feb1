//! `candor quarantine show`: all that is known of one file, and whether it is whole.

use std::io::{self, Write};

use candor_quarantine::Listed;
use serde::Serialize;

use super::record::{self, AttributeRecord, EntryRecord, point};
use super::{Format, Where, shown, write_json};
use crate::escape::Escaped;
use crate::exit_status::Outcome;
use crate::numbers::counted;

/// What to show.
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit status: 0 the entry is whole, 2 it is damaged or not there.")]
pub(super) struct Options {
    /// The id, or the beginning of it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: Where,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    entry: EntryRecord<'a>,
    attributes: Vec<AttributeRecord>,
    unread_attributes: &'a [String],
    file: String,
    unfinished: bool,
    place_is_taken: bool,
}

/// Shows an entry.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let (vault, _) = options.place.open()?;
    let id = vault.find(&options.id).map_err(shown)?;
    let listed = vault.show(id).map_err(shown)?;
    vault.verify(id).map_err(shown)?;
    match options.place.format {
        Format::Human => write_human(&listed)?,
        Format::Json => write_json(&Report {
            entry: EntryRecord::new(&listed.entry),
            attributes: record::attributes(&listed.entry),
            unread_attributes: &listed.entry.unread_attributes,
            file: listed.file.to_string_lossy().into_owned(),
            unfinished: listed.unfinished,
            place_is_taken: listed.place_is_taken,
        })?,
    }
    Ok(Outcome::default())
}

fn write_human(listed: &Listed) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let entry = &listed.entry;
    writeln!(stdout, "id        {}", entry.id)?;
    writeln!(stdout, "path      {}", record::path(entry))?;
    for finding in &entry.grounds.findings {
        writeln!(stdout, "finding   {}", Escaped(finding))?;
    }
    if let Some(database) = &entry.grounds.database {
        writeln!(stdout, "database  {}", Escaped(database))?;
    }
    writeln!(stdout, "taken     {} by user {}", point(entry.taken), entry.taken_by)?;
    writeln!(stdout, "size      {}", counted(entry.size, "byte", "bytes"))?;
    writeln!(stdout, "sha256    {}", hex::encode(entry.sha256))?;
    writeln!(stdout, "owner     {}", entry.owner)?;
    writeln!(stdout, "group     {}", entry.group)?;
    writeln!(stdout, "mode      {:04o}", entry.mode)?;
    writeln!(stdout, "modified  {}", point(entry.modified))?;
    writeln!(stdout, "accessed  {}", point(entry.accessed))?;
    writeln!(stdout, "changed   {}", point(entry.changed))?;
    for attribute in &entry.attributes {
        let name = String::from_utf8_lossy(&attribute.name);
        let length = counted(attribute.value.len() as u64, "byte", "bytes");
        writeln!(stdout, "attribute {}, {length}", Escaped(&name))?;
    }
    for name in &entry.unread_attributes {
        writeln!(stdout, "attribute {}, could not be read", Escaped(name))?;
    }
    writeln!(stdout, "packages  {}", Escaped(&entry.packages))?;
    if let Some(names) = record::other_names(entry) {
        writeln!(stdout, "names     {names}")?;
    }
    if listed.unfinished {
        writeln!(stdout, "the original may still be there: it is being taken, or could not be removed")?;
    }
    if listed.place_is_taken {
        writeln!(stdout, "a file of the same size is in its place: was it restored?")?;
    }
    writeln!(stdout, "the whole content was read and agrees with its digest")?;
    stdout.flush()
}
