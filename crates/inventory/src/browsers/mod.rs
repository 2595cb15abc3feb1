//! Extensions of browsers, and the programs that they talk to.

pub(crate) mod chromium;
pub(crate) mod firefox;
pub(crate) mod native_host;

/// The browser whose profile a path lies in; empty where it does not tell.
fn browser(path: &str) -> &'static str {
    let path = path.to_ascii_lowercase().replace('\\', "/");
    let known = [
        ("microsoft/edge", "edge"),
        ("microsoft-edge", "edge"),
        ("microsoft edge", "edge"),
        ("bravesoftware", "brave"),
        ("brave-browser", "brave"),
        ("chromium", "chromium"),
        ("google/chrome", "chrome"),
        ("google-chrome", "chrome"),
        ("opt/chrome", "chrome"),
        ("opera", "opera"),
        ("vivaldi", "vivaldi"),
        ("mozilla", "firefox"),
        ("firefox", "firefox"),
    ];
    known.iter().find(|(part, _)| path.contains(part)).map(|(_, name)| *name).unwrap_or_default()
}

/// Whether this is an identifier of an extension of Chrome: 32 letters from a to p.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|letter| (b'a'..=b'p').contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_browsers() {
        assert_eq!(browser(r"AppData\Local\Google\Chrome\User Data"), "chrome");
        assert_eq!(browser("home/a/.config/microsoft-edge/Default"), "edge");
        assert_eq!(browser("x"), "");
        assert!(is_id("ahkjpbeeocnddjkakilopmfdlnjdpcdm") && !is_id("ahkjpbeeocnddjkakilopmfdlnjdpcdz"));
    }
}
