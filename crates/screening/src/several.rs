//! Several names written as one: "Alpha JSC (formerly Beta)", "Alpha a.k.a. Beta", "Alpha / Beta".

/// The most names that are taken out of one.
const MOST: usize = 6;
/// What stands between two names of the same party, in lower case with blanks around it.
const BETWEEN: &[&str] = &[
    " also known as ",
    " formerly known as ",
    " formerly ",
    " previously ",
    " doing business as ",
    " trading as ",
    " a.k.a. ",
    " a.k.a ",
    " aka ",
    " a/k/a ",
    " f.k.a. ",
    " f.k.a ",
    " fka ",
    " f/k/a ",
    " n.k.a. ",
    " nka ",
    " d.b.a. ",
    " d.b.a ",
    " dba ",
    " d/b/a ",
    " t/a ",
];
/// Letters that both sides of a bare slash must have at least: "A/S" is a legal form.
const BESIDE_SLASH: usize = 4;

/// The names in a name; none if it is a single one.
pub(crate) fn split(name: &str) -> Vec<String> {
    // Most names have nothing of the kind, and thousands are read in a second.
    let lower = name.to_ascii_lowercase();
    let may = |sign: &str| lower.contains(sign);
    if !may("/") && !may("(") && !may("known as ") && !BETWEEN.iter().any(|between| may(between.trim_start()))
    {
        return Vec::new();
    }
    let spaced = name.replace(['(', ')', '[', ']', ';', ','], " \u{1} ");
    let mut rest = vec![spaced];
    for between in BETWEEN {
        rest = rest.iter().flat_map(|part| divide(part, between)).collect();
    }
    rest = rest.iter().flat_map(|part| at_slashes(part)).collect();
    if rest.len() < 2 {
        return brackets(name);
    }
    let plain = |part: &String| part.replace('\u{1}', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    rest.iter().map(plain).filter(|part| !part.is_empty()).take(MOST).collect()
}

/// The name before brackets, with what is behind them, and the name in them.
fn brackets(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('(') else { return Vec::new() };
    let Some((inside, after)) = rest.split_once(')') else { return Vec::new() };
    vec![format!("{} {}", before.trim(), after.trim()), inside.to_owned()]
}

/// What stands around each occurrence of a sign, whatever the case of its letters.
fn divide(text: &str, between: &str) -> Vec<String> {
    // The same length as the text: only ASCII letters change.
    let padded = format!(" {} ", text.trim());
    let lower = padded.to_ascii_lowercase();
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(at) = lower[from..].find(between) {
        parts.push(padded[from..from + at].to_owned());
        // The blank at the end of one sign may be that at the start of the next.
        from += at + between.len() - 1;
    }
    parts.push(padded[from..].to_owned());
    parts
}

/// What stands around slashes that divide names.
fn at_slashes(text: &str) -> Vec<String> {
    let letters = |part: &str| part.chars().filter(|c| c.is_alphabetic()).count();
    let parts: Vec<&str> = text.split('/').collect();
    if parts.iter().all(|part| letters(part) >= BESIDE_SLASH) {
        parts.into_iter().map(str::to_owned).collect()
    } else {
        vec![text.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn names_in_names() {
        assert_eq!(split("Alpha JSC (formerly Beta LLC)"), ["Alpha JSC", "Beta LLC"]);
        assert_eq!(split("Alpha A.K.A. Beta aka aka Gamma"), ["Alpha", "Beta", "Gamma"]);
        assert_eq!(split("Alpha/Beta"), ["Alpha", "Beta"]);
        assert_eq!(split("Alpha (Beta) GmbH"), ["Alpha GmbH", "Beta"]);
        assert_eq!(split("AKA Beta"), ["Beta"]);
        assert!(split("Mærsk A/S").is_empty());
        assert!(split("Alpha Beta, Inc.").is_empty());
        assert!(split("(((").is_empty());
    }
}
