//! Fields of documents of Word that start a program or load something, wherever they are stored.
//!
//! Specification: ECMA-376 part 1, 17.16.5, and for `DDE` [MS-OI29500] 2.1.463.

use crate::ole1::EXTERNAL;

/// The anomaly that such a field is, and what to say of it.
pub(crate) fn judge(field: &str) -> Option<(&'static str, String)> {
    let plain = unquoted(field);
    let field = plain.as_deref().unwrap_or(field);
    let word = field.split_whitespace().next()?.trim_matches('"').to_ascii_uppercase();
    match word.as_str() {
        "DDE" | "DDEAUTO" => Some(("dde", format!("the field {field:.300?} starts a program"))),
        "INCLUDETEXT" | "INCLUDEPICTURE" | "IMPORT" | "INCLUDE" | "LINK" | "RD" | "AUTOTEXT"
            if field.contains("://") || field.contains("\\\\\\\\") || field.contains(" \\\\") =>
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
fn unquoted(field: &str) -> Option<String> {
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
