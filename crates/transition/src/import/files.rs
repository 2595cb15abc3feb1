//! The files that settings come to: what candord, the updater and systemd read.

use std::fmt::Write;

use super::{Imported, Scan};

/// Told at the top of each file.
const HEAD: &str = "# Made by `candor transition import`. Read the report beside it before you use it.\n";

impl Imported {
    /// The files, each with its name and its text. There is none for what has nothing in it.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        if !self.daemon.is_empty() {
            files.push(("candord.toml".to_owned(), self.daemon_toml()));
        }
        if !self.update.is_empty() {
            let mut text =
                format!("{HEAD}# Put these lines into /etc/candor/update.toml: see docs/updating.md.\n");
            for (key, value) in &self.update {
                let _ = writeln!(text, "{key} = {value}");
            }
            files.push(("update.toml".to_owned(), text));
        }
        for scan in &self.scans {
            files.push((format!("candor-scan-{}.service", scan.name), service(scan)));
            if scan.schedule.is_some() {
                files.push((format!("candor-scan-{}.timer", scan.name), timer(scan)));
            }
        }
        files
    }

    fn daemon_toml(&self) -> String {
        let mut text = HEAD.to_owned();
        let mut table = "";
        for (key, value) in &self.daemon {
            let (of, name) = key.split_once('.').unwrap_or(("", key));
            if of != table {
                let _ = write!(text, "\n[{of}]\n");
                table = of;
            }
            match value {
                toml::Value::Array(values) => {
                    let _ = writeln!(text, "{name} = [");
                    for value in values {
                        let _ = writeln!(text, "    {value},");
                    }
                    text.push_str("]\n");
                }
                value => {
                    let _ = writeln!(text, "{name} = {value}");
                }
            }
        }
        text
    }
}

fn service(scan: &Scan) -> String {
    let mut line = "/usr/bin/candor scan --quiet".to_owned();
    // What a kernel shows as files is no content, and some of it never ends.
    let everything = scan.paths.iter().any(|path| path == "/");
    let pseudo = ["/proc/**", "/sys/**", "/dev/**", "/run/**"];
    let pseudo = pseudo.iter().copied().filter(|_| everything);
    for glob in pseudo.chain(scan.exclusions.iter().map(|exclusion| exclusion.glob.as_str())) {
        let _ = write!(line, " \\\n    --exclude {}", quoted(glob));
    }
    line.push_str(" \\\n    --");
    for path in &scan.paths {
        let _ = write!(line, " {}", quoted(path));
    }
    let most = scan.schedule.as_ref().and_then(|schedule| schedule.most);
    let most = most.map_or_else(String::new, |minutes| format!("RuntimeMaxSec={minutes}min\n"));
    format!(
        "{HEAD}[Unit]\nDescription=Scan {name} of Candor\n\n[Service]\nType=exec\nExecStart={line}\n\
         # 1: something was found. 3: not everything was examined. Both are in the journal.\n\
         SuccessExitStatus=3\nNice=19\nIOSchedulingClass=idle\n{most}",
        name = scan.name
    )
}

fn timer(scan: &Scan) -> String {
    let schedule = scan.schedule.clone().unwrap_or_default();
    let spread = match schedule.spread {
        0 => String::new(),
        minutes => format!("RandomizedDelaySec={minutes}min\n"),
    };
    let differs =
        schedule.differs.map_or_else(String::new, |differs| format!("# Not quite as before: {differs}.\n"));
    format!(
        "{HEAD}[Unit]\nDescription=When scan {name} of Candor starts\n\n[Timer]\n{differs}{timer}\n{spread}\
         Persistent={missed}\n\n[Install]\nWantedBy=timers.target\n",
        name = scan.name,
        timer = schedule.timer,
        missed = if schedule.missed { "yes" } else { "no" },
    )
}

/// A word of a command line in a unit: neither a specifier nor a variable nor the end of the word.
fn quoted(word: &str) -> String {
    let mut quoted = "\"".to_owned();
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '%' | '$' => quoted.extend([character, character]),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("/a b/\"$HOME\"\\%i"), "\"/a b/\\\"$$HOME\\\"\\\\%%i\"");
    }
}
