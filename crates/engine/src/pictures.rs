//! What databases ask of the pictures in an object, computed once for all of them.

use std::cell::OnceCell;
use std::time::Instant;

use candor_formats::Format;
use candor_object::{Content, Icons, Pictures, Undecoded};

/// The pictures of the object that is being looked at.
#[derive(Debug)]
pub(crate) struct PicturesOf<'a> {
    content: &'a Content,
    format: Option<FormatOf>,
    hash: OnceCell<Result<Option<u64>, Undecoded>>,
    icons: OnceCell<Icons>,
}

/// A format, shown by its type.
struct FormatOf(&'static dyn Format);

impl std::fmt::Debug for FormatOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.file_type().fmt(f)
    }
}

impl<'a> PicturesOf<'a> {
    pub(crate) fn new(content: &'a Content, format: Option<&'static dyn Format>) -> Self {
        Self { content, format: format.map(FormatOf), hash: OnceCell::new(), icons: OnceCell::new() }
    }
}

impl Pictures for PicturesOf<'_> {
    fn perceptual_hash(&self, deadline: Instant) -> Result<Option<u64>, Undecoded> {
        let Some(FormatOf(format)) = self.format else { return Ok(None) };
        self.hash.get_or_init(|| format.perceptual_hash(self.content, deadline)).clone()
    }

    fn icons(&self, deadline: Instant) -> Icons {
        let Some(FormatOf(format)) = self.format else { return Icons::default() };
        self.icons.get_or_init(|| format.icons(self.content, deadline)).clone()
    }
}
