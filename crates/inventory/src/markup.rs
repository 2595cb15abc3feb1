//! XML as a sequence of tags and texts: enough for property lists and settings, whatever the document is. It has no
//! entities of its own, so that nothing in it can grow.

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The beginning of an element. One that is empty is followed by its end.
    Open { name: String, attributes: Vec<(String, String)> },
    /// The end of an element.
    Close(String),
    /// Text that is not only blanks.
    Text(String),
}

impl Event {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, wanted: &str) -> Option<&str> {
        let Self::Open { attributes, .. } = self else { return None };
        attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// Longest name of a letter, such as `#x10FFFF`, and what ends it.
const LONGEST_NAME: usize = 12;
/// Most attributes of an element.
const MOST_ATTRIBUTES: usize = 64;

/// The pieces of a document; what is no tag is skipped, and the first that does not end is the last.
pub(crate) struct Markup<'a> {
    rest: &'a str,
    /// The end of an element that was empty.
    pending: Option<String>,
    /// Whether the text ended in the middle of a tag.
    pub(crate) cut: bool,
}

impl<'a> Markup<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, pending: None, cut: false }
    }

    /// What stands before a part, which is skipped with it.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let Some((before, behind)) = self.rest.split_once(end) else {
            self.rest = "";
            self.cut = true;
            return None;
        };
        self.rest = behind;
        Some(before)
    }

    fn tag(&mut self) -> Option<Event> {
        // A `>` may stand in the value of an attribute.
        let mut quote = None;
        let end = self.rest.char_indices().find_map(|(at, letter)| {
            match (quote, letter) {
                (None, '>') => return Some(at),
                (None, '"' | '\'') => quote = Some(letter),
                (Some(open), _) if open == letter => quote = None,
                _ => {}
            }
            None
        });
        let Some(end) = end else {
            self.rest = "";
            self.cut = true;
            return None;
        };
        let (inside, behind) = self.rest.split_at(end);
        self.rest = behind.get(1..).unwrap_or_default();
        if let Some(name) = inside.strip_prefix('/') {
            return Some(Event::Close(local(name.trim()).to_owned()));
        }
        let (inside, is_empty) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let mut attributes = Vec::new();
        while let Some((key, value)) = rest.split_once('=') {
            let value = value.trim_start();
            let Some(quote) = value.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { break };
            let Some((value, behind)) = value.get(1..).unwrap_or_default().split_once(quote) else { break };
            attributes.push((key.trim().to_owned(), unescaped(value)));
            rest = behind;
            if attributes.len() >= MOST_ATTRIBUTES {
                break;
            }
        }
        let name = local(name).to_owned();
        if is_empty {
            self.pending = Some(name.clone());
        }
        Some(Event::Open { name, attributes })
    }
}

impl Iterator for Markup<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if let Some(name) = self.pending.take() {
            return Some(Event::Close(name));
        }
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(tag) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, behind) = self.rest.split_at(end);
                self.rest = behind;
                if !text.trim().is_empty() {
                    return Some(Event::Text(unescaped(text.trim())));
                }
                continue;
            };
            if let Some(data) = tag.strip_prefix("![CDATA[") {
                self.rest = data;
                return self.until("]]>").map(|text| Event::Text(text.to_owned()));
            }
            let end = match tag {
                _ if tag.starts_with("!--") => "-->",
                _ if tag.starts_with('?') => "?>",
                _ if tag.starts_with('!') => ">",
                _ => {
                    self.rest = tag;
                    return self.tag();
                }
            };
            self.rest = tag;
            self.until(end)?;
        }
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        all.push_str(before);
        // Looked for only nearby: there may be millions of marks, and no end of a name anywhere.
        let end = behind.bytes().take(LONGEST_NAME).position(|byte| byte == b';');
        let entity = end.and_then(|end| Some((behind.get(..end)?, behind.get(end + 1..)?)));
        let letter = entity.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let number = name.strip_prefix('#')?;
                let number = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(number)
            }
        });
        rest = match (letter, entity) {
            (Some(letter), Some((_, behind))) => {
                all.push(letter);
                behind
            }
            _ => {
                all.push('&');
                behind
            }
        };
    }
    all.push_str(rest);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_texts_and_attributes_come_in_order() {
        let text = "<?xml?><!DOCTYPE x><!-- <no> --><a:b c='1 > 0' d=\"&lt;\"><e/>x &#65;&#x42;&nope; </a:b><![CDATA[<y>]]><cut";
        let mut markup = Markup::new(text);
        let events: Vec<Event> = markup.by_ref().collect();
        assert!(markup.cut);
        assert_eq!(events.len(), 6);
        assert_eq!(events[0].attribute("c"), Some("1 > 0"));
        assert_eq!(events[0].attribute("d"), Some("<"));
        assert_eq!(events[2], Event::Close("e".to_owned()));
        assert_eq!(events[3], Event::Text("x AB&nope;".to_owned()));
        assert_eq!(events[4], Event::Close("b".to_owned()));
        assert_eq!(events[5], Event::Text("<y>".to_owned()));
    }
}
