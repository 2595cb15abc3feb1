//! Scripts that start services where systemd does not: `/etc/init.d`, with the remarks that LSB asks for
//! ([init scripts](https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/initscrcomconv.html)).

use candor_object::{Attribute, FactKind};

use crate::fields::holds;
use crate::text::lines;
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct InitScript;

impl Reader for InitScript {
    fn name(&self) -> &'static str {
        "init script"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        subject.head.starts_with(b"#!")
            && (holds(subject.head, b"### BEGIN INIT INFO") || is_init(&subject.path()))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let (mut name, mut description, mut program) = (String::new(), String::new(), String::new());
        lines(subject, |line| {
            let line = line.trim();
            let remark = line.strip_prefix('#').map(str::trim).and_then(|remark| remark.split_once(':'));
            let assigned = line.split_once('=');
            let known = match (remark, assigned) {
                (Some(("Provides", value)), _) => (&mut name, value),
                (Some(("Short-Description" | "description", value)), _) => (&mut description, value),
                (_, Some(("DAEMON" | "command" | "EXEC" | "exec" | "DAEMON_PATH", value))) => {
                    (&mut program, value)
                }
                _ => return Ok(()),
            };
            if known.0.is_empty() {
                known.1.trim().trim_matches(['"', '\'']).clone_into(known.0);
            }
            Ok(())
        })?;
        let path = subject.path();
        if name.is_empty() {
            path.rsplit('/').next().unwrap_or_default().clone_into(&mut name);
        }
        let values = [
            (Attribute::Manager, "init"),
            (Attribute::State, "registered"),
            (Attribute::Name, &name),
            (Attribute::Description, &description),
            (Attribute::Path, &program),
        ];
        facts.add(FactKind::Service, &values)
    }
}

fn is_init(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, _)| folder.ends_with("etc/init.d") || folder == "init.d")
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::facts_of;

    use super::*;

    #[test]
    fn remarks_name_the_service() {
        let text = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: klnagent64\n# Short-Description: Agent\n### END\nDAEMON=\"/opt/x/sbin/klnagent\"\n";
        let facts = facts_of(&InitScript, "etc/init.d/klnagent64", text.as_bytes());
        assert_eq!(facts[0].get(Attribute::Name), Some("klnagent64"));
        assert_eq!(facts[0].get(Attribute::Path), Some("/opt/x/sbin/klnagent"));
        assert!(facts_of(&InitScript, "bin/x", b"#!/bin/sh\n").is_empty());
    }
}
