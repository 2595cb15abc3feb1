//! The rows of bytes of regular expressions.

use boreal_parser::regex::{Node, Regex, RepetitionKind, RepetitionRange};

use super::rows::{Item, MAX_ROWS, Row, concatenated};

/// Most times that a repeated part is written out.
const MAX_REPEATED: u32 = 32;

/// Rows of which one is present where the expression matches.
pub(super) fn rows(regex: &Regex, nocase: bool) -> Vec<Row> {
    node_rows(&regex.ast, nocase || regex.case_insensitive)
}

fn node_rows(node: &Node, nocase: bool) -> Vec<Row> {
    let literal = |byte: u8| if nocase { Item::either_case(byte) } else { Item::literal(byte) };
    match node {
        Node::Literal(byte) => vec![vec![literal(byte.byte)]],
        Node::Char(letter) => {
            let mut bytes = [0; 4];
            vec![letter.c.encode_utf8(&mut bytes).bytes().map(literal).collect()]
        }
        Node::Class(_) | Node::Dot => vec![vec![Item::Skip { min: 1, max: 1 }]],
        Node::Empty | Node::Assertion(_) => vec![Row::new()],
        Node::Group(inner) => node_rows(inner, nocase),
        Node::Concat(nodes) => {
            nodes.iter().fold(vec![Row::new()], |rows, node| concatenated(rows, &node_rows(node, nocase)))
        }
        Node::Alternation(nodes) => {
            let rows: Vec<Row> = nodes.iter().flat_map(|node| node_rows(node, nocase)).collect();
            if rows.len() > MAX_ROWS { vec![vec![Item::Gap(0)]] } else { rows }
        }
        Node::Repetition { node, kind, .. } => repeated(node, kind, nocase),
    }
}

fn repeated(node: &Node, kind: &RepetitionKind, nocase: bool) -> Vec<Row> {
    let (low, high) = match kind {
        RepetitionKind::ZeroOrOne => (0, Some(1)),
        RepetitionKind::ZeroOrMore => (0, None),
        RepetitionKind::OneOrMore => (1, None),
        RepetitionKind::Range(RepetitionRange::Exactly(count)) => (*count, Some(*count)),
        RepetitionKind::Range(RepetitionRange::AtLeast(low)) => (*low, None),
        RepetitionKind::Range(RepetitionRange::Bounded(low, high)) => (*low, Some(*high)),
    };
    let once = node_rows(node, nocase);
    if let [row] = &once[..]
        && let [Item::Skip { min: 1, max: 1 }] = row[..]
    {
        return vec![vec![match high {
            Some(high) => Item::Skip { min: low, max: high.max(low) },
            None => Item::Gap(low),
        }]];
    }
    let mut rows = vec![Row::new()];
    for _ in 0..low.min(MAX_REPEATED) {
        rows = concatenated(rows, &once);
    }
    if high != Some(low) || low > MAX_REPEATED {
        rows = concatenated(rows, &[vec![Item::Gap(0)]]);
    }
    rows
}
