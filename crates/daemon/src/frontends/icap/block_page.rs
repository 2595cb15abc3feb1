//! The page that people see in place of what was blocked.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::local_file;

/// Our own page.
const OWN: &str = include_str!("block_page.html");
/// Most bytes of a page.
const MAX_PAGE: u64 = 256 << 10;
/// Most characters that stand in place of a name.
const MAX_VALUE: usize = 2048;

/// A page with names in double braces, which are replaced: `{{reason}}`, `{{names}}`, `{{url}}`, `{{gaps}}`,
/// `{{user}}` and `{{client}}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "PathBuf", into = "Option<PathBuf>")]
pub(crate) struct BlockPage {
    path: Option<PathBuf>,
    text: Arc<str>,
}

impl Default for BlockPage {
    fn default() -> Self {
        Self { path: None, text: OWN.into() }
    }
}

impl From<BlockPage> for Option<PathBuf> {
    fn from(page: BlockPage) -> Self {
        page.path
    }
}

impl TryFrom<PathBuf> for BlockPage {
    type Error = String;

    fn try_from(path: PathBuf) -> Result<Self, String> {
        let text = local_file::text(&path, MAX_PAGE)
            .map_err(|error| format!("block page {}: {error}", path.display()))?;
        Ok(Self { path: Some(path), text: text.into() })
    }
}

impl BlockPage {
    /// The page with the values, which are hostile, escaped in the place of their names.
    pub(super) fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut page = String::with_capacity(self.text.len());
        let mut rest = &*self.text;
        // One pass, so that a value cannot name another.
        while let Some((before, after)) = rest.split_once("{{") {
            page.push_str(before);
            let known = after.split_once("}}").and_then(|(name, behind)| {
                let (_, value) = values.iter().find(|(known, _)| *known == name.trim())?;
                Some((value, behind))
            });
            if let Some((value, behind)) = known {
                page.extend(value.chars().take(MAX_VALUE).map(escaped));
                rest = behind;
            } else {
                page.push_str("{{");
                rest = after;
            }
        }
        page.push_str(rest);
        page
    }
}

fn escaped(character: char) -> std::borrow::Cow<'static, str> {
    match character {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        '\'' => "&#39;".into(),
        // Also what would turn the direction of the text around it.
        _ if character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
        {
            "\u{fffd}".into()
        }
        _ => character.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_stay_text() {
        let page = BlockPage { path: None, text: "<p>{{names}}{{ url }}{{unknown}}{{</p>".into() };
        let filled = page.fill(&[("names", "<script>'\"&\u{202e}\n{{url}}"), ("url", "{{names}}")]);
        let names = "&lt;script&gt;&#39;&quot;&amp;\u{fffd}\u{fffd}{{url}}";
        assert_eq!(filled, format!("<p>{names}{{{{names}}}}{{{{unknown}}}}{{{{</p>"));
    }

    #[test]
    fn our_own_page_has_a_place_for_everything() {
        let names = ["reason", "names", "url", "gaps", "user", "client"];
        let values = names.map(|name| (name, "<value>"));
        let filled = BlockPage::default().fill(&values);
        assert_eq!(filled.matches("&lt;value&gt;").count(), names.len());
        assert!(!filled.contains("{{"));
    }

    #[test]
    fn a_page_that_cannot_be_read_is_a_wrong_setting() {
        let error = BlockPage::try_from(PathBuf::from("/nonexistent/page.html")).unwrap_err();
        assert!(error.contains("/nonexistent/page.html"), "{error}");
    }
}
