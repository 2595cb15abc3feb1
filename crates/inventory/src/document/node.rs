//! A piece of a document that is small enough to be looked at as a whole.

/// A named value with what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Node>,
}

impl Node {
    pub(crate) fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// All nodes at a path of names between slashes; `*` is any name.
    pub(crate) fn all(&self, path: &str) -> Vec<&Self> {
        let mut found = vec![self];
        for part in path.split('/') {
            let inside = found.iter().flat_map(|node| &node.children);
            found = inside.filter(|node| part == "*" || node.name == part).collect();
        }
        found
    }

    /// The text of a member, or this node's own where it has none.
    pub(crate) fn first_text(&self, member: &str) -> &str {
        let text = self.get(member);
        if text.is_empty() { self.text.trim() } else { text }
    }

    /// The first text at a path that is not empty; an empty one where there is none.
    pub(crate) fn get(&self, path: &str) -> &str {
        self.all(path).iter().map(|node| node.text.trim()).find(|text| !text.is_empty()).unwrap_or("")
    }

    /// The first text that is not empty at one of several paths.
    pub(crate) fn first(&self, paths: &[&str]) -> &str {
        paths.iter().map(|path| self.get(path)).find(|text| !text.is_empty()).unwrap_or("")
    }

    /// The texts at a path, separated by commas.
    pub(crate) fn joined(&self, path: &str) -> String {
        let texts: Vec<&str> =
            self.all(path).iter().map(|node| node.text.trim()).filter(|text| !text.is_empty()).collect();
        texts.join(", ")
    }
}
