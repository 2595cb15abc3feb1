//! Property lists in XML.

use super::{DEEPEST, MOST_VALUES, Value};
use crate::markup::{Event, Markup};

/// A value that is not complete.
enum Open {
    List(Vec<Value>),
    Map(Vec<(String, Value)>, Option<String>),
}

/// Reads a list. Without recursion: what is open lies on a stack.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut open: Vec<Open> = Vec::new();
    let mut leaf = String::new();
    let mut count = 0_usize;
    for event in Markup::new(text) {
        let done = match event {
            Event::Open { name, .. } => {
                leaf.clear();
                match name.as_str() {
                    "dict" => open.push(Open::Map(Vec::new(), None)),
                    "array" => open.push(Open::List(Vec::new())),
                    _ => {}
                }
                if open.len() > DEEPEST {
                    return None;
                }
                continue;
            }
            Event::Text(value) => {
                leaf = value;
                continue;
            }
            Event::Close(name) => match name.as_str() {
                "key" => {
                    if let Some(Open::Map(_, key)) = open.last_mut() {
                        *key = Some(std::mem::take(&mut leaf));
                    }
                    continue;
                }
                "true" | "false" => Value::Flag(name == "true"),
                "string" | "integer" | "real" | "date" | "data" => Value::Text(std::mem::take(&mut leaf)),
                "dict" | "array" => match open.pop()? {
                    Open::List(values) => Value::List(values),
                    Open::Map(pairs, _) => Value::Map(pairs),
                },
                _ => continue,
            },
        };
        count = count.saturating_add(1);
        if count > MOST_VALUES {
            return None;
        }
        match open.last_mut() {
            None => return Some(done),
            Some(Open::List(values)) => values.push(done),
            Some(Open::Map(pairs, key)) => {
                if let Some(key) = key.take() {
                    pairs.push((key, done));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_nest() {
        let text = "<?xml?><plist><dict><key>a</key><array><string>b</string><true/></array><key>c</key><string/>\
                    <key>d</key><dict/></dict></plist>";
        let value = read(text).unwrap();
        assert_eq!(value.get("a").unwrap().list(), [Value::Text("b".to_owned()), Value::Flag(true)]);
        assert_eq!(value.text("c"), "");
        assert_eq!(value.get("d"), Some(&Value::Map(Vec::new())));
        assert_eq!(read("<plist><dict><key>a</key>"), None);
        assert_eq!(read(&"<array>".repeat(1000)), None);
    }
}
