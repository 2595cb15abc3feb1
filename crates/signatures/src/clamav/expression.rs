//! Expressions of logical signatures.
//!
//! There is no precedence: an expression is split at its first operator outside brackets, and what is right of
//! it is read the same way, so `0&1|2` is `0&(1|2)`. After a subsignature's number or a bracket may stand `=n`,
//! `>n` or `<n`, and `,m` for at least m different subsignatures.

use candor_detect::logical::{Comparison, Count, Expression, MAX_EXPRESSION_DEPTH, MAX_SUBSIGNATURES};

use crate::Complaint;

/// The expression that a text means. Spaces mean nothing.
pub(crate) fn parse(text: &str) -> Result<Expression, Complaint> {
    let words: Vec<&[u8]> =
        text.as_bytes().split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    if words
        .windows(2)
        .any(|pair| matches!(pair, [left, right] if digit(left.last()) && digit(right.first())))
    {
        return Err(Complaint::malformed("two numbers stand side by side in the expression"));
    }
    let text = words.concat();
    let mut rest = text.as_slice();
    let expression = whole(&mut rest, MAX_EXPRESSION_DEPTH)?;
    match rest.first() {
        None => Ok(expression),
        Some(byte) => Err(unexpected(*byte)),
    }
}

/// The number of subsignatures that an expression needs: one more than the highest that it names.
pub(crate) fn patterns(expression: &Expression) -> usize {
    let mut highest = 0;
    expression.members(&mut |number| highest = highest.max(number));
    usize::from(highest).saturating_add(1)
}

fn unexpected(byte: u8) -> Complaint {
    Complaint::malformed(format!("{:?} is unexpected in the expression", char::from(byte)))
}

fn whole(rest: &mut &[u8], depth: u32) -> Result<Expression, Complaint> {
    let depth =
        depth.checked_sub(1).ok_or_else(|| Complaint::malformed("the expression is nested too deep"))?;
    let left = counted(rest, depth)?;
    let operator = match rest.first() {
        Some(byte @ (b'&' | b'|')) => *byte,
        _ => return Ok(left),
    };
    advance(rest);
    let (left, right) = (Box::new(left), Box::new(whole(rest, depth)?));
    Ok(if operator == b'&' { Expression::And(left, right) } else { Expression::Or(left, right) })
}

fn counted(rest: &mut &[u8], depth: u32) -> Result<Expression, Complaint> {
    let mut bracket = false;
    let inner = match rest.first() {
        Some(b'(') => {
            advance(rest);
            let inner = whole(rest, depth)?;
            if rest.first() != Some(&b')') {
                return Err(Complaint::malformed("a bracket in the expression is not closed"));
            }
            advance(rest);
            bracket = true;
            inner
        }
        Some(byte) if byte.is_ascii_digit() => {
            let number = number(rest)?;
            let number = u8::try_from(number).ok().filter(|number| usize::from(*number) < MAX_SUBSIGNATURES);
            Expression::Pattern(number.ok_or_else(|| {
                Complaint::malformed(format!("a signature has at most {MAX_SUBSIGNATURES} subsignatures"))
            })?)
        }
        Some(byte) => return Err(unexpected(*byte)),
        None => return Err(Complaint::malformed("the expression ends where a subsignature should stand")),
    };
    let Some(comparison) = comparison(rest) else {
        return Ok(inner);
    };
    if bracket && !matches!(inner, Expression::And(..) | Expression::Or(..)) {
        return Err(Complaint::malformed("what is counted in brackets is a single subsignature"));
    }
    let bound = number(rest)?;
    let mut distinct = 0;
    if rest.first() == Some(&b',') {
        advance(rest);
        // Real signatures have `=2,` without a number, and ClamAV takes it.
        if rest.first().is_some_and(u8::is_ascii_digit) {
            distinct = number(rest)?;
        }
    }
    // A subsignature alone is one, whatever is asked for.
    let distinct = if bracket { distinct } else { 0 };
    Ok(Expression::Counted(Box::new(inner), Count { comparison, number: bound, distinct }))
}

/// What stands before a number. Of several signs ClamAV takes the last, so that `>=3` is `=3`.
fn comparison(rest: &mut &[u8]) -> Option<Comparison> {
    let mut last = None;
    while let Some(byte @ (b'=' | b'>' | b'<')) = rest.first() {
        last = Some(match byte {
            b'=' => Comparison::Equal,
            b'>' => Comparison::More,
            _ => Comparison::Less,
        });
        advance(rest);
    }
    last
}

fn number(rest: &mut &[u8]) -> Result<u32, Complaint> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at_checked(digits).unwrap_or((rest, &[]));
    *rest = after;
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    number.ok_or_else(|| Complaint::malformed("a number is missing or too large in the expression"))
}

fn advance(rest: &mut &[u8]) {
    *rest = rest.get(1..).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_side_is_read_as_a_whole() {
        assert_eq!(parse("0&1|2"), parse("0&(1|2)"));
        assert_eq!(parse("0|1&2"), parse("0|(1&2)"));
        assert_ne!(parse("0&1|2"), parse("(0&1)|2"));
        assert_eq!(patterns(&parse("0&(3|1)>2,2").unwrap()), 4);
        assert_eq!(parse("0==2,&1"), parse("0=2&1"));
        assert_eq!(parse(" 0 >=2 & 1"), parse("0=2&1"));
        assert_eq!(parse("0=2,2"), parse("0=2"));
        assert_ne!(parse("(0|1)=2,2"), parse("(0|1)=2"));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let deep = "(".repeat(5000);
        for text in
            ["", "(0", "0&", "&0", "0)", "64", "0=", "(0)=1", "0 1", "0&1=99999999999", "a", deep.as_str()]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"0&".repeat(5000)).is_err());
    }
}
