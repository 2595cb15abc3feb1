//! Elements of XML, found by their names alone, whatever is around them: readers differ in which XML they refuse.

/// A tag that begins an element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'a> {
    /// Its name without a prefix.
    pub(crate) name: &'a [u8],
    attributes: &'a [u8],
}

/// What stands at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    /// The start of an element, whether or not it is empty.
    Start(Tag<'a>),
    /// The name of an element that ends, without a prefix.
    End(&'a [u8]),
    /// Text, as it is written.
    Text(&'a [u8]),
}

/// Takes bytes apart.
pub(crate) struct Pieces<'a>(pub(crate) &'a [u8]);

impl<'a> Pieces<'a> {
    fn split(&mut self, at: usize) -> &'a [u8] {
        let (before, after) = self.0.split_at_checked(at).unwrap_or((self.0, &[]));
        self.0 = after;
        before
    }

    /// Everything up to the end of `mark`, or all.
    fn through(&mut self, mark: &[u8]) -> &'a [u8] {
        let end = memchr::memmem::find(self.0, mark).map(|place| place.saturating_add(mark.len()));
        self.split(end.unwrap_or(self.0.len()))
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let rest = self.0;
            if rest.is_empty() {
                return None;
            }
            if !rest.starts_with(b"<") {
                let end = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                return Some(Piece::Text(self.split(end)));
            }
            if rest.starts_with(b"<!--") {
                self.through(b"-->");
            } else if rest.starts_with(b"<![CDATA[") {
                let all = self.through(b"]]>");
                let text = all.get(9..).unwrap_or_default();
                return Some(Piece::Text(text.strip_suffix(b"]]>").unwrap_or(text)));
            } else if rest.starts_with(b"<!") || rest.starts_with(b"<?") {
                self.through(b">");
            } else {
                let tag = self.split(end_of_tag(rest));
                let tag = tag.strip_suffix(b">").unwrap_or(tag).get(1..).unwrap_or_default();
                return Some(match tag.strip_prefix(b"/") {
                    Some(name) => Piece::End(local(name.trim_ascii())),
                    None => Piece::Start(start(tag)),
                });
            }
        }
    }
}

/// The length of the tag that begins here: `>` may stand in quotes.
fn end_of_tag(bytes: &[u8]) -> usize {
    let mut quote = None;
    for (place, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return place.saturating_add(1),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), close) if open == *close => quote = None,
            _ => {}
        }
    }
    // A quote that is not closed would swallow all that follows.
    memchr::memchr(b'>', bytes).map_or(bytes.len(), |place| place.saturating_add(1))
}

fn start(tag: &[u8]) -> Tag<'_> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
    let (name, attributes) = tag.split_at(tag.iter().position(ends).unwrap_or(tag.len()));
    Tag { name: local(name), attributes }
}

fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b':').next().unwrap_or(name)
}

impl Tag<'_> {
    /// The value of an attribute of that name, whatever its prefix.
    pub(crate) fn attribute(&self, wanted: &[u8]) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let equals = memchr::memchr(b'=', rest)?;
            let (before, after) = rest.split_at_checked(equals)?;
            let name = before.trim_ascii().rsplit(u8::is_ascii_whitespace).next()?;
            let after = after.get(1..)?.trim_ascii_start();
            let quote = *after.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
            let value = after.get(1..)?;
            let end = memchr::memchr(quote, value)?;
            if local(name) == wanted {
                return Some(text(value.get(..end)?));
            }
            rest = value.get(end.saturating_add(1)..)?;
        }
    }
}

/// A text with its references resolved.
pub(crate) fn text(written: &[u8]) -> String {
    let written = String::from_utf8_lossy(written);
    let mut out = String::with_capacity(written.len());
    let mut rest: &str = &written;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after.get(..12.min(after.len())).unwrap_or(after).split_once(';');
        let letter = reference.and_then(|(name, _)| referred(name).map(|letter| (letter, name.len())));
        match letter {
            Some((letter, length)) => {
                out.push(letter);
                rest = after.get(length.saturating_add(1)..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn referred(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_texts_come_out() {
        let bytes =
            b"<?xml?><!-- <no/> --><a:b c='1>2' d:e=\"&#104;&amp;\"/>x&lt;<![CDATA[<y>]]></a:b><open a=\"";
        let all: Vec<String> = Pieces(bytes)
            .map(|piece| match piece {
                Piece::Start(tag) => format!(
                    "{} {:?} {:?}",
                    String::from_utf8_lossy(tag.name),
                    tag.attribute(b"c"),
                    tag.attribute(b"e")
                ),
                Piece::End(name) => format!("/{}", String::from_utf8_lossy(name)),
                Piece::Text(written) => text(written),
            })
            .collect();
        assert_eq!(all, ["b Some(\"1>2\") Some(\"h&\")", "x<", "<y>", "/b", "open None None"]);
    }
}
