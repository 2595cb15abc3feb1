//! Types that a database's magic gives: to an object, and to what begins somewhere within it.

use candor_detect::Embedded;
use candor_detect::magic::MAGIC_HEAD;
use candor_formats::{Format, format_of, is_opened, is_text, may_embed, recognises};
use candor_object::{Child, Content, ObjectId, Sink};

use super::Scan;
use crate::nest::Nest;

/// Most objects that begin somewhere in another, of one object.
const MAX_EMBEDDED: usize = 10;

impl Scan<'_> {
    /// The format that magic of a database gives to content, where that is another than our own.
    pub(super) fn told(
        &self,
        content: &Content,
        ours: Option<&'static dyn Format>,
    ) -> Option<&'static dyn Format> {
        let mut databases = self.databases.iter().rev().filter(|database| database.has_magic()).peekable();
        databases.peek()?;
        // Content that cannot be read, and a database that is damaged, are told of where they are read again.
        let head = content.window(0, MAGIC_HEAD).ok()?;
        let types = databases.find_map(|database| database.magic(&head).ok().flatten())?;
        let known = ours.map(|format| format.file_type());
        let mut types = types.split(',');
        if types.clone().any(|name| known.is_some_and(|known| known.is(name))) {
            return None;
        }
        types.next().and_then(format_of)
    }

    /// Opens what begins within the object that is being scanned, by patterns of magic.
    pub(super) fn open_embedded(
        &mut self,
        id: ObjectId,
        format: Option<&'static dyn Format>,
        begins: Vec<Embedded>,
    ) {
        let Some((_, object)) = self.chain.last() else { return };
        let (content, of) = (object.content.clone(), object.file_type);
        let mut places: Vec<(u64, &'static dyn Format)> = Vec::new();
        for Embedded { file_type, offsets } in begins {
            let other = format_of(&file_type).filter(|other| !of.is(other.file_type().name()));
            let Some(other) = other else { continue };
            let is_no_other = format.is_none_or(|format| is_text(format.file_type().name()));
            if offsets.contains(&0) || is_text(&file_type) && is_no_other {
                // Text of a kind is so from its beginning on, wherever that shows.
                places.push((0, other));
            } else if is_opened(&file_type) && may_embed(format.map(|format| format as &dyn Format)) {
                places.extend(offsets.into_iter().map(|offset| (offset, other)));
            }
        }
        places.sort_by_key(|(offset, other)| (*offset, other.file_type()));
        places.dedup_by_key(|(offset, other)| (*offset, other.file_type()));
        for (offset, other) in places.into_iter().take(MAX_EMBEDDED) {
            if offset == 0 {
                self.handle_as(id, other);
                continue;
            }
            let part = content.from(offset);
            match recognises(other, &part) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => return self.unreadable(id, &error),
            }
            self.embedded = true;
            let name = format!("offset {offset}");
            let flow = Nest::new(self, id, content.size()).range(Child::member(&name), part);
            self.embedded = false;
            if flow.is_err() {
                return;
            }
        }
    }
}
