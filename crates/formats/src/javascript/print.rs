//! Writes tokens: in lower case, names replaced, spaces only where words would run together.

use candor_object::Flow;

use super::clock::Clock;
use super::lexer::{Text, Token};

/// Appends the script.
pub(super) fn print(text: &Text, out: &mut Vec<u8>, clock: &mut Clock<'_>) -> Flow {
    let mut before = None;
    for token in &text.tokens {
        clock.step()?;
        if before.is_some_and(is_word) && is_word(*token) {
            out.push(b' ');
        }
        match *token {
            Token::Word { text: name, function } => {
                let member = before == Some(Token::Sign(b'.'));
                let name = text.piece(name);
                match text.names.number(name, function).filter(|_| !member) {
                    Some(number) => out.extend_from_slice(format!("n{number:03}").as_bytes()),
                    None => out.extend(name.to_ascii_lowercase()),
                }
            }
            Token::Keyword(word) => out.extend_from_slice(text.piece(word)),
            Token::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Token::Float(number) => out.extend_from_slice(float(number).as_bytes()),
            Token::String(content) => {
                out.push(b'"');
                let space = |byte: &u8| matches!(byte, b'\t'..=b'\r');
                let shown = text.piece(content).iter();
                out.extend(shown.map(|byte| if space(byte) { b' ' } else { byte.to_ascii_lowercase() }));
                out.push(b'"');
            }
            Token::Sign(sign) => out.push(sign),
        }
        before = Some(*token);
    }
    Ok(())
}

/// Whether a token would run together with another such.
fn is_word(token: Token) -> bool {
    !matches!(token, Token::String(_) | Token::Sign(_))
}

/// A number with six digits, as C's `%g` writes it.
fn float(number: f64) -> String {
    let scientific = format!("{number:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| {
        let Some(_) = digits.find('.') else { return digits.to_owned() };
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(5_i32.saturating_sub(exponent)).unwrap_or(0);
    trimmed(&format!("{number:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_does() {
        for (number, expected) in [
            (0.1, "0.1"),
            (1e-6, "1e-06"),
            (1500.0, "1500"),
            (123_456_789.5, "1.23457e+08"),
            (100.0, "100"),
            (1e6, "1e+06"),
            (2.123_456_78, "2.12346"),
            (0.0, "0"),
        ] {
            assert_eq!(float(number), expected);
        }
    }
}
