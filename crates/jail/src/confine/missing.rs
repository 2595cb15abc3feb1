//! What a system lacks, in words.

/// What a system lacks: one sentence for each mechanism, which says as well what still prevents the harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing(Vec<String>);

impl Missing {
    pub(super) fn add(&mut self, text: impl Into<String>) {
        self.0.push(text.into());
    }

    /// Whether every mechanism is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sentences.
    pub fn into_texts(self) -> Vec<String> {
        self.0
    }
}
