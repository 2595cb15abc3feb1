//! JSON of which each value has one form, whatever order its names came in.
//!
//! It is that of RFC 8785 for what it takes: no numbers but whole ones, and names sorted by their UTF-8 bytes, which
//! for our names is the same order.

use serde_json::Value;

/// Containers around a value.
const DEEPEST: usize = 100;

/// The bytes, with the end of a line behind them.
///
/// # Errors
/// When there is a number that is not whole, or nothing ends.
pub(super) fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    write(&mut text, value, 0)?;
    text.push('\n');
    Ok(text.into_bytes())
}

fn write(text: &mut String, value: &Value, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err("it is nested too deep".to_owned());
    }
    match value {
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort_unstable();
            text.push('{');
            for (place, name) in names.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&quoted(name)?);
                text.push(':');
                write(text, map.get(name).unwrap_or(&Value::Null), depth + 1)?;
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(text, value, depth + 1)?;
            }
            text.push(']');
        }
        Value::Number(number) if number.is_f64() => return Err(format!("{number} is no whole number")),
        Value::String(string) => text.push_str(&quoted(string)?),
        plain => text.push_str(&plain.to_string()),
    }
    Ok(())
}

fn quoted(string: &str) -> Result<String, String> {
    serde_json::to_string(string).map_err(|error| error.to_string())
}
