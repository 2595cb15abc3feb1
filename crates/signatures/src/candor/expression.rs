//! Expressions over the patterns of a signature: `0&(1|2)`, `(0|1|2)>1,2`, `3=0`.
//!
//! `&` and `|` cannot be mixed without parentheses. A comparison looks at the number of matches, summed over
//! the members that are true; `,n` asks besides that at least `n` different patterns match.

use candor_detect::logical::{Comparison, Count, Expression, MAX_EXPRESSION_DEPTH};

/// Longest expression in bytes.
const MAX_LENGTH: usize = 1024;

/// All of `count` patterns.
pub(super) fn all(count: usize) -> Result<Expression, String> {
    let numbers = (0..count).filter_map(|number| u8::try_from(number).ok());
    numbers
        .map(Expression::Pattern)
        .reduce(|left, right| Expression::And(Box::new(left), Box::new(right)))
        .ok_or_else(|| "there are no patterns".to_owned())
}

/// The expression of a text; each of `count` patterns has to be in it.
pub(super) fn parse(text: &str, count: usize) -> Result<Expression, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
    }
    let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let mut rest = bytes.as_slice();
    let expression = row(&mut rest, MAX_EXPRESSION_DEPTH)?;
    if !rest.is_empty() {
        return Err(format!("the expression has {} at the wrong place", seen(rest)));
    }
    let mut used = vec![false; count];
    let mut unknown = None;
    expression.members(&mut |number| match used.get_mut(usize::from(number)) {
        Some(used) => *used = true,
        None => unknown = Some(number),
    });
    if let Some(number) = unknown {
        return Err(format!("the expression names pattern {number}, which is not there"));
    }
    if let Some(number) = used.iter().position(|used| !used) {
        return Err(format!("the expression does not name pattern {number}"));
    }
    if depth(&expression) > MAX_EXPRESSION_DEPTH {
        return Err("the expression is nested too deeply".to_owned());
    }
    if true_of_nothing(&expression) {
        return Err("the expression is true where no pattern matches".to_owned());
    }
    Ok(expression)
}

/// Terms with `&` or with `|` between them.
fn row(rest: &mut &[u8], depth: u32) -> Result<Expression, String> {
    let depth = depth.checked_sub(1).ok_or("the expression is nested too deeply")?;
    let mut expression = term(rest, depth)?;
    let mut operator = None;
    while let Some(byte @ (b'&' | b'|')) = rest.first().copied() {
        if *operator.get_or_insert(byte) != byte {
            return Err("the expression mixes & and | without parentheses".to_owned());
        }
        step(rest);
        let (left, right) = (Box::new(expression), Box::new(term(rest, depth)?));
        expression = if byte == b'&' { Expression::And(left, right) } else { Expression::Or(left, right) };
    }
    Ok(expression)
}

/// A pattern or parentheses, maybe with a comparison.
fn term(rest: &mut &[u8], depth: u32) -> Result<Expression, String> {
    let inner = if rest.first() == Some(&b'(') {
        step(rest);
        let inner = row(rest, depth)?;
        if rest.first() != Some(&b')') {
            return Err(format!("the expression has {} where ) is missing", seen(rest)));
        }
        step(rest);
        inner
    } else {
        Expression::Pattern(number(rest)?)
    };
    let comparison = match rest.first() {
        Some(b'=') => Comparison::Equal,
        Some(b'>') => Comparison::More,
        Some(b'<') => Comparison::Less,
        _ => return Ok(inner),
    };
    step(rest);
    let wanted = number(rest)?;
    let mut distinct = 0;
    if rest.first() == Some(&b',') {
        step(rest);
        distinct = number(rest)?;
    }
    Ok(Expression::Counted(Box::new(inner), Count { comparison, number: wanted, distinct }))
}

fn number<T: std::str::FromStr>(rest: &mut &[u8]) -> Result<T, String> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(count).unwrap_or((rest, &[]));
    let parsed = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let parsed = parsed.ok_or_else(|| format!("the expression has {} where a number belongs", seen(rest)))?;
    *rest = after;
    Ok(parsed)
}

fn step(rest: &mut &[u8]) {
    *rest = rest.get(1..).unwrap_or_default();
}

fn seen(rest: &[u8]) -> String {
    match rest.first() {
        Some(byte) => format!("{:?}", char::from(*byte)),
        None => "its end".to_owned(),
    }
}

fn depth(expression: &Expression) -> u32 {
    let below = match expression {
        Expression::Pattern(_) => 0,
        Expression::And(left, right) | Expression::Or(left, right) => depth(left).max(depth(right)),
        Expression::Counted(inner, _) => depth(inner),
    };
    below.saturating_add(1)
}

/// Whether the expression holds for content in which nothing matches: then every object would be a finding.
fn true_of_nothing(expression: &Expression) -> bool {
    match expression {
        Expression::Pattern(_) => false,
        Expression::And(left, right) => true_of_nothing(left) && true_of_nothing(right),
        Expression::Or(left, right) => true_of_nothing(left) || true_of_nothing(right),
        Expression::Counted(_, count) => {
            let zero = match count.comparison {
                Comparison::Equal => count.number == 0,
                Comparison::More => false,
                Comparison::Less => count.number > 0,
            };
            zero && count.distinct == 0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(number: u8) -> Box<Expression> {
        Box::new(Expression::Pattern(number))
    }

    #[test]
    fn operators_and_comparisons() {
        let either = Box::new(Expression::Or(pattern(1), pattern(2)));
        assert_eq!(parse("0 & (1|2)", 3), Ok(Expression::And(pattern(0), either.clone())));
        let count = Count { comparison: Comparison::More, number: 3, distinct: 2 };
        assert_eq!(
            parse("(1|2)>3,2&0", 3),
            Ok(Expression::And(Box::new(Expression::Counted(either, count)), pattern(0)))
        );
        assert_eq!(all(1), Ok(Expression::Pattern(0)));
        assert_eq!(all(3), parse("0&1&2", 3));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let deep = format!("{}0{}", "(".repeat(200), ")".repeat(200));
        let long = "0|".repeat(600);
        for (text, reason) in [
            ("", "has its end where a number belongs"),
            ("0&", "has its end where a number belongs"),
            ("0&1)", "')' at the wrong place"),
            ("(0&1", "where ) is missing"),
            ("0&1|0", "mixes & and |"),
            ("0&2", "names pattern 2"),
            ("0", "does not name pattern 1"),
            ("0&999", "'9' where a number belongs"),
            ("0=0&1=0", "true where no pattern matches"),
            ("0|1<2", "true where no pattern matches"),
            (&deep, "nested too deeply"),
            (&long, "longer than"),
        ] {
            let error = parse(text, 2).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(parse(&"0|".repeat(200).replace("0|0|0|0|0|0|0|0|0|0|", "0|1|").repeat(8), 2).is_err());
        assert!(parse("0=0&1", 2).is_ok());
    }
}
