//! One event as one line.

use std::fmt::Write;
use std::time::SystemTime;

use candor_object::{Escaped, is_dangerous};
use serde_json::{Map, Value};
use tracing::{Level, Metadata};

use super::Style;
use super::fields::Fields;

/// The line with its line break; nothing dangerous is in it but that.
pub(super) fn written(style: Style, time: SystemTime, metadata: &Metadata<'_>, fields: &Fields) -> String {
    let level = *metadata.level();
    let mut line = match style {
        Style::Json => return json(time, level, fields),
        Style::Human => format!("{} {level:5} ", candor_object::utc(time)),
        Style::Journal => format!("<{}>", priority(level)),
    };
    // Messages are ours, but errors of others may be in them.
    let _ = write!(line, "{}", Escaped(&fields.message));
    for (name, value) in &fields.others {
        let _ = match value {
            Value::String(text) if is_word(text) => write!(line, " {name}={text}"),
            Value::String(text) => write!(line, " {name}=\"{}\"", Escaped(&text.replace('"', "\\\""))),
            other => write!(line, " {name}={other}"),
        };
    }
    line.push('\n');
    line
}

/// Whether a value needs no quotes.
fn is_word(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_graphic() && !matches!(character, '"' | '=' | '\\');
    !text.is_empty() && text.chars().all(allowed)
}

/// The priority of syslog, RFC 5424 section 6.2.1.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

fn json(time: SystemTime, level: Level, fields: &Fields) -> String {
    let mut object = Map::new();
    for (name, value) in &fields.others {
        object.insert((*name).to_owned(), value.clone());
    }
    object.insert("time".into(), candor_object::utc(time).into());
    object.insert("level".into(), level.as_str().to_lowercase().into());
    object.insert("event".into(), fields.message.clone().into());
    let text = Value::Object(object).to_string();
    let mut line = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // Outside of texts JSON is plain ASCII, so this is in a text.
        if is_dangerous(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_text_without_anything_dangerous() {
        let hostile = "a\x1b[2J\u{202e}\u{e0041}\u{7f}\n\"é";
        let fields =
            Fields { message: "scan".into(), others: vec![("name", hostile.into()), ("bytes", 3.into())] };
        let line = json(SystemTime::now(), Level::INFO, &fields);
        assert!(!line.trim_end_matches('\n').chars().any(is_dangerous), "{line:?}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((read["name"].as_str(), read["bytes"].as_u64()), (Some(hostile), Some(3)));
        assert_eq!((read["event"].as_str(), read["level"].as_str()), (Some("scan"), Some("info")));
    }

    #[test]
    fn words_need_no_quotes() {
        assert!(is_word("tcp:127.0.0.1:3310"));
        for text in ["", "a b", "a=b", "a\"b", "a\\b", "é", "a\x1b"] {
            assert!(!is_word(text), "{text:?}");
        }
    }
}
