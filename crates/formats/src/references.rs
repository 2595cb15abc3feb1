//! What documents refer to: addresses elsewhere, and fields of Word that start a program or load something, in any format.
//!
//! Specification: ECMA-376 part 1, 17.16.5, and for `DDE` [MS-OI29500] 2.1.463.

/// The anomaly of what leads out of the document when it is opened.
pub(crate) const EXTERNAL: &str = "external-target";
/// The anomaly of what starts a program.
pub(crate) const DDE: &str = "dde";

/// Whether a path leads to another machine, or to a program that takes an address.
pub(crate) fn is_elsewhere(path: &str) -> bool {
    let path = path.trim_start().to_ascii_lowercase();
    let local = path.strip_prefix("file:///").is_some_and(|rest| !rest.starts_with(['\\', '/']));
    let server = path.starts_with("\\\\") || path.starts_with("//") || path.starts_with("file:\\\\");
    let program =
        ["mhtml:", "mk:@", "ms-", "script:", "search-ms:"].iter().any(|word| path.starts_with(word));
    !local && (path.contains("://") || server || program)
}

/// The anomaly that such a field is, and what to say of it.
pub(crate) fn judge(field: &str) -> Option<(&'static str, String)> {
    let plain = unquoted(field);
    let field = plain.as_deref().unwrap_or(field);
    let word = field.split_whitespace().next()?.trim_matches('"').to_ascii_uppercase();
    match word.as_str() {
        "DDE" | "DDEAUTO" => Some((DDE, format!("the field {field:.300?} starts a program"))),
        "INCLUDETEXT" | "INCLUDEPICTURE" | "IMPORT" | "INCLUDE" | "LINK" | "RD" | "AUTOTEXT"
            if field.split(['"', ' ']).any(is_elsewhere) =>
        {
            Some((EXTERNAL, format!("the field {field:.300?}")))
        }
        _ => None,
    }
}

/// The address of a field that is a link.
pub(crate) fn link(field: &str) -> Option<&str> {
    let rest = field.trim_start();
    let (word, rest) = rest.split_at_checked(9)?;
    if !word.eq_ignore_ascii_case("HYPERLINK") {
        return None;
    }
    let mut quoted = rest.split('"');
    let target = if rest.contains('"') { quoted.nth(1) } else { rest.split_whitespace().next() };
    target.filter(|target| !target.is_empty())
}

/// What a field says that quotes letters by their numbers, as `QUOTE 68 68 69`, which hides words.
pub(crate) fn unquoted(field: &str) -> Option<String> {
    if !field.to_ascii_uppercase().contains("QUOTE") {
        return None;
    }
    let words = field.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("QUOTE"));
    let text = words.map(|word| match word.parse::<u32>().ok().and_then(char::from_u32) {
        Some(letter) => letter.to_string(),
        None => format!("{word} "),
    });
    Some(text.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_do_something_are_told() {
        assert_eq!(judge(" DDEAUTO c:\\\\x.exe \"/k\"").unwrap().0, "dde");
        assert_eq!(judge(" QUOTE 68 68 69 QUOTE 32 120").unwrap().1, "the field \"DDE x\" starts a program");
        assert_eq!(judge("INCLUDEPICTURE \"http://a.example/x\" \\d").unwrap().0, EXTERNAL);
        assert_eq!(judge("INCLUDEPICTURE \"a.png\""), None);
        assert_eq!(judge("PAGE"), None);
        assert_eq!(link(" HYPERLINK \"http://a.example/\" \\h"), Some("http://a.example/"));
        assert_eq!(link("PAGE"), None);
    }
}
