//! Scheduled tasks of Windows, `System32\Tasks`: XML, mostly in UTF-16
//! ([MS-TSCH](https://learn.microsoft.com/openspecs/windows_protocols/ms-tsch)).

use candor_object::{Attribute, FactKind};

use crate::fields::{holds, utf16_le};
use crate::markup::{Event, Markup};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Task;

/// Longest task that is read; real ones have a few kilobytes.
const LONGEST: usize = 1 << 20;
const SCHEMA: &str = "schemas.microsoft.com/windows/2004/02/mit/task";

impl Reader for Task {
    fn name(&self) -> &'static str {
        "scheduled task"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        if subject.head.starts_with(b"\xff\xfe<\0") {
            let wide: Vec<u8> = SCHEMA.encode_utf16().flat_map(u16::to_le_bytes).collect();
            return holds(subject.head, &wide);
        }
        subject.head.trim_ascii_start().starts_with(b"<") && holds(subject.head, SCHEMA.as_bytes())
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let bytes = subject.content().window(0, LONGEST)?;
        let text = match bytes.strip_prefix(b"\xff\xfe") {
            Some(wide) => utf16_le(wide),
            None => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let mut found: Vec<(Attribute, String)> = Vec::new();
        let mut element = String::new();
        for event in Markup::new(&text) {
            match event {
                Event::Open { name, .. } => element = name,
                Event::Close(_) => element.clear(),
                Event::Text(value) => {
                    let attribute = match element.as_str() {
                        "Command" => Attribute::Path,
                        "Arguments" => Attribute::Data,
                        "Author" => Attribute::Publisher,
                        "Description" => Attribute::Description,
                        "URI" => Attribute::Name,
                        "ClassId" => Attribute::Id,
                        _ => continue,
                    };
                    found.push((attribute, value));
                }
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let path = subject.path();
        let mut values = vec![(Attribute::Manager, "windows-task"), (Attribute::State, "registered")];
        values.extend(found.iter().map(|(attribute, value)| (*attribute, value.as_str())));
        if found.iter().all(|(attribute, _)| *attribute != Attribute::Name) {
            values.push((Attribute::Name, path.rsplit('/').next().unwrap_or_default()));
        }
        facts.add(FactKind::Service, &values)
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    const TASK: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Author>Example</Author><URI>\Example\Update</URI></RegistrationInfo>
  <Actions><Exec><Command>"C:\Program Files\Example &amp; Co\u.exe"</Command><Arguments>/q</Arguments></Exec></Actions>
</Task>"#;

    #[test]
    fn tasks_name_what_they_start() {
        let wide: Vec<u8> = TASK.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [TASK.as_bytes().to_vec(), [b"\xff\xfe".to_vec(), wide].concat()] {
            let facts = facts_of(&Task, "Windows/System32/Tasks/Example/Update", &bytes);
            assert_eq!(facts.len(), 1);
            assert_eq!(facts[0].get(Attribute::Path), Some(r#""C:\Program Files\Example & Co\u.exe""#));
            assert_eq!(facts[0].get(Attribute::Name), Some(r"\Example\Update"));
        }
    }
}
