//! What ClamAV takes of YARA's language, for rules that lie among ClamAV's signatures.
//!
//! Observed with `clamscan` 1.4.6: no modules, no external variables, none of the operators on text; no `xor`,
//! no `base64`; 1 to 64 strings; at least two bytes in each string and in each piece of a hex string; no `wide`
//! regular expressions. `global` means nothing. A rule that breaks this is left out, and the others stay.

use boreal_parser::expression::Expression;
use boreal_parser::hex_string::Token;
use boreal_parser::rule::{VariableDeclaration, VariableDeclarationValue};

use crate::problem::Complaint;

/// Most strings of a rule.
const MAX_STRINGS: usize = 64;
/// Fewest bytes of a string, and of each piece of a hex string.
const MIN_BYTES: usize = 2;

/// Where in the rule there is something that ClamAV does not take, and what.
pub(super) fn check(
    strings: &[VariableDeclaration],
    condition: &Expression,
) -> Result<(), (usize, Complaint)> {
    let wrong =
        |at: usize, what: &str| Err((at, Complaint::unsupported(format!("in ClamAV's rules: {what}"))));
    if strings.is_empty() || strings.len() > MAX_STRINGS {
        return wrong(
            condition.span.start,
            &format!("{} strings, expected 1 to {MAX_STRINGS}", strings.len()),
        );
    }
    for string in strings {
        let at = string.span.start;
        if string.modifiers.xor.is_some() || string.modifiers.base64.is_some() {
            return wrong(at, "the modifiers xor and base64");
        }
        let short = match &string.value {
            VariableDeclarationValue::Bytes(bytes) => bytes.len() < MIN_BYTES,
            VariableDeclarationValue::Regex(_) if string.modifiers.wide => {
                return wrong(at, "regular expressions with the modifier wide");
            }
            VariableDeclarationValue::Regex(_) => false,
            VariableDeclarationValue::HexString(tokens) => has_short_piece(tokens),
        };
        if short {
            return wrong(at, &format!("strings, or pieces of hex strings, of less than {MIN_BYTES} bytes"));
        }
    }
    Ok(())
}

/// Whether a piece between jumps has too few bytes.
fn has_short_piece(tokens: &[Token]) -> bool {
    let is_jump = |token: &Token| matches!(token, Token::Jump(_));
    tokens.split(is_jump).any(|piece| {
        let known = piece.iter().filter(|token| matches!(token, Token::Byte(_) | Token::Alternatives(_)));
        known.count() < MIN_BYTES
    })
}
