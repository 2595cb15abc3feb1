//! A `freshclam.conf` of ClamAV. What candord makes of a `clamd.conf` it says itself.
//!
//! Source: the manual page freshclam.conf(5) of ClamAV 1.4.6.

use super::{Fate, Imported, Remark};

/// Longest text that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// What the settings come to.
pub fn import(name: &str, text: &str) -> Imported {
    let mut imported = Imported::default();
    let mut tell = |line: usize, setting: &str, fate: Fate, text: String| {
        let (file, setting) = (name.to_owned(), setting.to_owned());
        imported.remarks.push(Remark { file, line, setting, fate, text, danger: None });
    };
    if text.len() > MOST_BYTES {
        tell(0, "", Fate::Unreadable, format!("it is longer than {MOST_BYTES} bytes"));
        return imported;
    }
    let (mut server, mut port) = (None, None);
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (option, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim().trim_matches('"');
        match option {
            "HTTPProxyServer" => server = Some((number, value.to_owned())),
            "HTTPProxyPort" => port = Some((number, value.to_owned())),
            _ => {
                let (fate, text) = fate(option, value);
                tell(number, option, fate, text);
            }
        }
    }
    if let Some((line, server)) = server {
        let port = port.as_ref().map_or("", |(_, port)| port.as_str());
        let place = server.trim_start_matches("http://").trim_end_matches('/');
        let fits = |character: char| character.is_ascii_alphanumeric() || ".-:[]_".contains(character);
        if !place.is_empty() && place.chars().all(fits) && port.parse::<u16>().is_ok() {
            tell(line, "HTTPProxyServer", Fate::Taken, format!("proxy = http://{place}:{port}"));
            imported.update.insert("proxy".to_owned(), format!("http://{place}:{port}").into());
        } else {
            tell(line, "HTTPProxyServer", Fate::Unreadable, "no address and port of a proxy".to_owned());
        }
    } else if let Some((line, _)) = port {
        tell(line, "HTTPProxyPort", Fate::LeftOut, "there is no HTTPProxyServer".to_owned());
    }
    imported.sorted()
}

fn fate(option: &str, value: &str) -> (Fate, String) {
    let (fate, text) = match option {
        "Example" => (Fate::Unreadable, "freshclam refuses this file until this line is gone"),
        "DatabaseDirectory" => {
            let text = format!(
                "`candor update --from clamav --datadir {value:?}` and `candor freshclam` keep them there"
            );
            return (Fate::Taken, text);
        }
        "DatabaseMirror" | "PrivateMirror" | "DNSDatabaseInfo" | "ScriptedUpdates" | "TestDatabases"
        | "Bytecode" | "MaxAttempts" | "UpdateLogFile" | "LogTime" | "LogVerbose" | "NotifyClamd"
        | "OnUpdateExecute" | "OnErrorExecute" | "OnOutdatedExecute" | "ExtraDatabase"
        | "ExcludeDatabase" | "CVDCertsDirectory" | "Foreground" | "PidFile" | "ReceiveTimeout" => {
            (Fate::Taken, "`candor freshclam --config-file` of this file does the same")
        }
        "DatabaseCustomURL" => (
            Fate::Changed,
            "`candor freshclam` takes it; as a source of update.toml it also gets a digest or a signature: docs/feeds.md",
        ),
        "Checks" => (Fate::Changed, "candor-update.timer asks every two hours; change that there"),
        "HTTPProxyUsername" | "HTTPProxyPassword" => {
            (Fate::LeftOut, "secrets are not copied; write them into the address of the proxy yourself")
        }
        "DatabaseOwner" => (Fate::LeftOut, "the fetcher becomes a user of its own"),
        "SubmitDetectionStats"
        | "StatsEnabled"
        | "SafeBrowsing"
        | "DetectionStatsCountry"
        | "DetectionStatsHostID" => (Fate::LeftOut, "nothing is sent to anybody"),
        _ => (Fate::LeftOut, "it has no meaning here; see docs/freshclam.md"),
    };
    (fate, text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_taken_and_its_password_is_not() {
        let text = "# c\nHTTPProxyServer proxy.example\nHTTPProxyPort 3128\nHTTPProxyPassword hunter2\nChecks 24\nNew x\n";
        let imported = import("freshclam.conf", text);
        assert_eq!(imported.update["proxy"].as_str(), Some("http://proxy.example:3128"));
        assert!(!format!("{imported:?}").contains("hunter2"));
        assert_eq!(imported.remarks.iter().map(|remark| remark.line).collect::<Vec<_>>(), [2, 4, 5, 6]);
        assert_eq!(import("f", "HTTPProxyServer a b\n").count(Fate::Unreadable), 1);
    }
}
