//! Units of systemd: services and what they start
//! ([systemd.service(5)](https://www.freedesktop.org/software/systemd/man/systemd.service.html)).

use candor_object::{Attribute, FactKind};

use crate::fields::holds;
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Systemd;

impl Reader for Systemd {
    fn name(&self) -> &'static str {
        "unit of systemd"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.object.name.ends_with(".service")
            && (holds(subject.head, b"[Service]") || holds(subject.head, b"[Unit]"))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut commands = Vec::new();
        let mut description = String::new();
        let mut section = String::new();
        lines(subject, |line| {
            let line = line.trim();
            if line.starts_with('[') {
                line.clone_into(&mut section);
                return Ok(());
            }
            match (section.as_str(), line.split_once('=')) {
                ("[Service]", Some((key, value))) if key.trim() == "ExecStart" => {
                    // An empty one takes back those before; marks before the path say how it is started.
                    let command = value.trim().trim_start_matches(['-', '@', ':', '+', '!', '|']);
                    if command.is_empty() {
                        commands.clear();
                    } else if commands.len() < 8 {
                        commands.push(command.to_owned());
                    }
                }
                ("[Unit]", Some((key, value))) if key.trim() == "Description" => {
                    value.trim().clone_into(&mut description);
                }
                _ => {}
            }
            Ok(())
        })?;
        let path = subject.path();
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut values = vec![
            (Attribute::Manager, "systemd"),
            (Attribute::State, "registered"),
            (Attribute::Name, name.strip_suffix(".service").unwrap_or(name)),
            (Attribute::Description, &description),
        ];
        for command in &commands {
            values.push((Attribute::Path, command.split_whitespace().next().unwrap_or_default()));
            values.push((Attribute::Data, command));
        }
        facts.add(FactKind::Service, &values)
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn units_name_what_they_start() {
        let text = "[Unit]\nDescription=Example av\n[Service]\nExecStart=\nExecStart=-/opt/kaspersky/kesl/bin/x --a\n";
        let facts = facts_of(&Systemd, "usr/lib/systemd/system/kesl.service", text.as_bytes());
        assert_eq!(facts[0].get(Attribute::Name), Some("kesl"));
        assert_eq!(facts[0].get(Attribute::Path), Some("/opt/kaspersky/kesl/bin/x"));
        assert_eq!(facts[0].get(Attribute::Description), Some("Example av"));
        assert!(facts_of(&Systemd, "x.service", b"nothing").is_empty());
    }
}
