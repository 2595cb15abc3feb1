//! What must be true of content for a rule to match at all, as far as it can be told without running the rule.

/// A condition that holds whenever a rule matches.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Need {
    /// Nothing is known.
    Nothing,
    /// The rule never matches.
    Never,
    /// A string is there.
    String(StringId),
    /// One of these rows of bytes lies at its offset.
    Fixed(Vec<(u32, Vec<u8>)>),
    /// The content has a size within these bounds, both included.
    Size(u64, u64),
    /// All of these.
    All(Vec<Self>),
    /// At least one of these.
    Any(Vec<Self>),
    /// At least so many of these strings, all of which differ.
    Some(usize, Vec<StringId>),
}

/// A string of a rule of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct StringId {
    /// The number of the rule in its file.
    pub(super) rule: usize,
    /// The number of the string in its rule.
    pub(super) string: usize,
    /// Where it must begin, if that is known.
    pub(super) at: Option<u32>,
}

/// Most rows of one fixed place.
const MAX_FIXED: usize = 32;

/// All of these hold.
pub(super) fn all(needs: impl IntoIterator<Item = Need>) -> Need {
    let parts = needs.into_iter().flat_map(|need| match need {
        Need::All(parts) => parts,
        other => vec![other],
    });
    let mut kept = Vec::new();
    for need in parts {
        match need {
            Need::Nothing => {}
            Need::Never => return Need::Never,
            // What every part of a condition asks for is asked once.
            Need::Fixed(_) if kept.contains(&need) => {}
            other => kept.push(other),
        }
    }
    match kept.len() {
        0 => Need::Nothing,
        1 => kept.remove(0),
        _ => Need::All(kept),
    }
}

/// At least one of these holds.
pub(super) fn any(needs: impl IntoIterator<Item = Need>) -> Need {
    let mut kept: Vec<Need> = Vec::new();
    for need in needs {
        match (need, kept.first_mut()) {
            (Need::Nothing, _) => return Need::Nothing,
            (Need::Never, _) => {}
            (Need::Any(inner), _) => kept.extend(inner),
            (Need::Fixed(rows), Some(Need::Fixed(before)))
                if before.len().saturating_add(rows.len()) <= MAX_FIXED =>
            {
                before.extend(rows);
            }
            // Rows come first, so that more of them are found there.
            (need @ Need::Fixed(_), _) => kept.insert(0, need),
            (need, _) => kept.push(need),
        }
    }
    match kept.len() {
        0 => Need::Never,
        1 => kept.remove(0),
        _ => Need::Any(kept),
    }
}

/// At least `count` of these hold.
pub(super) fn some(count: usize, needs: Vec<Need>) -> Need {
    let before = needs.len();
    let needs: Vec<Need> = needs.into_iter().filter(|need| *need != Need::Nothing).collect();
    // Of those of which nothing is known all may hold.
    let count = count.saturating_sub(before.saturating_sub(needs.len()));
    if count == 0 {
        return Need::Nothing;
    }
    let needs: Vec<Need> = needs.into_iter().filter(|need| *need != Need::Never).collect();
    if count > needs.len() {
        return Need::Never;
    }
    if count == needs.len() {
        return all(needs);
    }
    if count == 1 {
        return any(needs);
    }
    let strings: Option<Vec<StringId>> = needs
        .iter()
        .map(|need| match need {
            Need::String(id) => Some(*id),
            _ => None,
        })
        .collect();
    let distinct = strings.filter(|strings| {
        let mut names: Vec<_> = strings.iter().map(|id| (id.rule, id.string)).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair.first() != pair.last())
    });
    match distinct {
        Some(strings) => Need::Some(count, strings),
        None => any(needs),
    }
}

impl Need {
    /// The need without sizes but for those at the top, which it gives as one range.
    pub(super) fn split_size(self) -> (Self, Option<(u64, u64)>) {
        let (mut low, mut high) = (0, u64::MAX);
        let parts = match self {
            Self::All(parts) => parts,
            other => vec![other],
        };
        let rest = all(parts.into_iter().map(|part| match part {
            Self::Size(from, to) => {
                (low, high) = (low.max(from), high.min(to));
                Self::Nothing
            }
            other => other.without(&|need| matches!(need, Self::Size(..))),
        }));
        if low > high {
            return (Self::Never, None);
        }
        (rest, ((low, high) != (0, u64::MAX)).then_some((low, high)))
    }

    /// The need without strings.
    pub(super) fn without_strings(self) -> Self {
        self.without(&|need| matches!(need, Self::String(_) | Self::Some(..)))
    }

    /// The need as if nothing were known of some parts.
    fn without(self, unknown: &impl Fn(&Self) -> bool) -> Self {
        if unknown(&self) {
            return Self::Nothing;
        }
        match self {
            Self::All(parts) => all(parts.into_iter().map(|part| part.without(unknown))),
            Self::Any(parts) => any(parts.into_iter().map(|part| part.without(unknown))),
            other => other,
        }
    }

    /// The number of its parts, and how deep they lie.
    pub(super) fn measure(&self) -> (usize, usize) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                let measures = parts.iter().map(Self::measure);
                let (size, depth) = measures.fold((1, 0), |(size, depth), (more, deep)| {
                    (usize::saturating_add(size, more), depth.max(deep))
                });
                (size, usize::saturating_add(depth, 1))
            }
            Self::Some(_, strings) => (strings.len().saturating_add(1), 1),
            _ => (1, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(number: usize) -> Need {
        Need::String(StringId { rule: 0, string: number, at: None })
    }

    #[test]
    fn what_is_unknown_weakens() {
        assert_eq!(all([Need::Nothing, string(1)]), string(1));
        assert_eq!(any([Need::Nothing, string(1)]), Need::Nothing);
        assert_eq!(any([Need::Never, string(1)]), string(1));
        assert_eq!(all([Need::Never, string(1)]), Need::Never);
        assert_eq!(any([]), Need::Never);
        assert_eq!(some(2, vec![Need::Nothing, string(1), string(2)]), any([string(1), string(2)]));
        assert_eq!(some(1, vec![Need::Nothing, string(1)]), Need::Nothing);
        assert_eq!(some(2, vec![string(1), string(2)]), all([string(1), string(2)]));
        assert_eq!(some(3, vec![string(1), string(2)]), Need::Never);
        assert!(matches!(some(2, vec![string(1), string(2), string(3)]), Need::Some(2, _)));
    }

    #[test]
    fn what_two_needs_share_is_not_counted_twice() {
        let shared = vec![string(1), string(1), string(2)];
        assert_eq!(some(2, shared.clone()), any(shared));
    }

    #[test]
    fn rows_of_bytes_meet() {
        let fixed = |byte: u8| Need::Fixed(vec![(0, vec![byte])]);
        assert_eq!(any([fixed(1), fixed(2)]), Need::Fixed(vec![(0, vec![1]), (0, vec![2])]));
        assert!(matches!(any([string(1), fixed(1), fixed(2)]), Need::Any(parts) if parts.len() == 2));
    }

    #[test]
    fn sizes_count_at_the_top_only() {
        let need = all([Need::Size(5, u64::MAX), Need::Size(0, 9), any([Need::Size(1, 2), string(1)])]);
        assert_eq!(need.split_size(), (Need::Nothing, Some((5, 9))));
        assert_eq!(all([Need::Size(5, 6), Need::Size(1, 2)]).split_size(), (Need::Never, None));
    }
}
