//! The bytes around a position: in the window that is being searched, or read beside it.

use std::rc::Rc;
use std::time::Instant;

use candor_object::Content;

use crate::Error;

/// Bytes of content at any offset, cheap inside the window.
pub(crate) struct View<'a> {
    content: &'a Content,
    window: Window<'a>,
    base: u64,
    side: Vec<u8>,
    deadline: Instant,
    work: u32,
    failure: Option<Error>,
}

/// The bytes of a window, which the search and the view look at together.
#[derive(Clone)]
pub(crate) enum Window<'a> {
    Whole(&'a [u8]),
    Read(Rc<Vec<u8>>),
}

impl AsRef<[u8]> for Window<'_> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

/// Steps between two looks at the clock.
const STEPS: u32 = 1 << 18;

impl<'a> View<'a> {
    /// A view whose window is the whole content where it is in memory, and empty where it is not.
    pub(crate) fn new(content: &'a Content, deadline: Instant) -> Self {
        let window = Window::Whole(content.as_slice().unwrap_or_default());
        Self { content, window, base: 0, side: Vec::new(), deadline, work: 0, failure: None }
    }

    /// Length of the content.
    pub(crate) fn size(&self) -> u64 {
        self.content.size()
    }

    /// The content.
    pub(crate) fn content(&self) -> &'a Content {
        self.content
    }

    /// Moves the window of content that is not in memory.
    pub(crate) fn look_at(&mut self, offset: u64, size: usize) -> Result<(), Error> {
        let mut buffer = match std::mem::replace(&mut self.window, Window::Whole(&[])) {
            Window::Read(bytes) => Rc::try_unwrap(bytes).unwrap_or_default(),
            Window::Whole(_) => Vec::new(),
        };
        buffer.resize(size, 0);
        let count = self.content.read_at(offset, &mut buffer)?;
        buffer.truncate(count);
        self.window = Window::Read(Rc::new(buffer));
        self.base = offset;
        Ok(())
    }

    /// The window and the offset of its first byte.
    pub(crate) fn window(&self) -> (Window<'a>, u64) {
        (self.window.clone(), self.base)
    }

    /// The byte at `offset`.
    pub(crate) fn byte(&mut self, offset: u64) -> Option<u8> {
        self.bytes(offset, 1)?.first().copied()
    }

    /// `size` bytes at `offset`, or nothing if the content ends before or cannot be read.
    #[inline]
    pub(crate) fn bytes(&mut self, offset: u64, size: usize) -> Option<&[u8]> {
        if let Some(start) = offset.checked_sub(self.base)
            && let Ok(start) = usize::try_from(start)
            && let Some(end) = start.checked_add(size)
            && end <= self.window.as_ref().len()
        {
            return self.window.as_ref().get(start..end);
        }
        self.beside(offset, size)
    }

    #[cold]
    fn beside(&mut self, offset: u64, size: usize) -> Option<&[u8]> {
        if self.content.as_slice().is_some() || offset.checked_add(size as u64)? > self.content.size() {
            return None;
        }
        self.side.resize(size, 0);
        match self.content.read_at(offset, &mut self.side) {
            Ok(read) if read == size => Some(&self.side),
            Ok(_) => None,
            Err(error) => {
                self.failure.get_or_insert_with(|| error.into());
                None
            }
        }
    }

    /// Counts steps of work and looks at the clock now and then; false when the time is up.
    #[inline]
    pub(crate) fn step(&mut self, steps: u32) -> bool {
        self.work = self.work.saturating_add(steps);
        if self.work >= STEPS {
            self.work = 0;
            if Instant::now() >= self.deadline {
                self.failure.get_or_insert(Error::TimeIsUp);
            }
        }
        self.failure.is_none()
    }

    /// What went wrong since the last call: the time ran out, or the content could not be read.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.failure.take().map_or(Ok(()), Err)
    }
}
