//! Icons of programs that signatures know: malware poses as documents and folders.
//!
//! An icon is known by statistics that change little when it is drawn a little differently. Icons belong to two groups,
//! and a signature asks for any icon of a group.

mod section;
mod search;

use candor_object::IconStatistics;

use crate::image::{Kind, Writer};
use crate::strings::Strings;

pub(crate) use search::has_icon_of;
pub(crate) use section::IconRecord;

/// Most icons of a database: each is compared with each icon of a program.
pub const MAX_ICONS: usize = 1 << 14;

/// An icon that signatures may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon {
    /// What it is called; nobody asks for it by this name.
    pub name: String,
    /// Its groups.
    pub groups: [String; 2],
    /// What it looks like.
    pub statistics: IconStatistics,
}

/// Collects icons.
#[derive(Default)]
pub(crate) struct Compiler(Vec<IconRecord>);

impl Compiler {
    /// Whether there is no room for another.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_ICONS
    }

    /// Adds an icon.
    pub(crate) fn add(&mut self, icon: &Icon, strings: &mut Strings) {
        self.0.push(IconRecord::new(icon, strings));
    }

    /// Writes the section.
    pub(crate) fn finish(self, writer: &mut Writer) {
        writer.section(Kind::Icons, 0, &self.0);
    }
}
