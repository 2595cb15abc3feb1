//! Expressions over the patterns of a signature, with the operators of ClamAV's logical signatures.

use candor_detect::logical::{Comparison, Expression};

use crate::Complaint;
use crate::clamav::expression;

/// All of `count` patterns.
pub(super) fn all(count: usize) -> Option<Expression> {
    let numbers = (0..count).filter_map(|number| u8::try_from(number).ok());
    numbers.map(Expression::Pattern).reduce(|left, right| Expression::And(Box::new(left), Box::new(right)))
}

/// The expression of a text; each of `count` patterns has to be in it.
pub(super) fn parse(text: &str, count: usize) -> Result<Expression, Complaint> {
    let expression = expression::parse(text)?;
    let mut used = vec![false; count];
    let mut unknown = None;
    expression.members(&mut |number| match used.get_mut(usize::from(number)) {
        Some(used) => *used = true,
        None => unknown = Some(number),
    });
    if let Some(number) = unknown {
        let reason = format!("the expression names pattern {number}, which is not there");
        return Err(Complaint::Malformed(reason));
    }
    if let Some(number) = used.iter().position(|used| !used) {
        let reason = format!("the expression does not name pattern {number}");
        return Err(Complaint::Malformed(reason));
    }
    if true_of_nothing(&expression) {
        return Err(Complaint::malformed("the expression is true where no pattern matches"));
    }
    Ok(expression)
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

    #[test]
    fn all_is_every_pattern() {
        assert_eq!(all(0), None);
        assert_eq!(all(1), Some(Expression::Pattern(0)));
        assert_eq!(all(2), parse("0&1", 2).ok());
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, reason) in [
            ("", "ends"),
            ("0&2", "names pattern 2"),
            ("0", "does not name pattern 1"),
            ("0=0&1=0", "true where no pattern matches"),
            ("0|1<2", "true where no pattern matches"),
        ] {
            let error = parse(text, 2).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(parse("0=0&1", 2).is_ok());
    }
}
