//! Disks: file systems, tables of partitions, and the images of virtual machines.

mod pieces;
mod walk;

pub(crate) mod cramfs;
pub(crate) mod dmg;
pub(crate) mod exfat;
pub(crate) mod ext;
pub(crate) mod fat;
pub(crate) mod hfs;
pub(crate) mod iso9660;
pub(crate) mod machine;
pub(crate) mod ntfs;
pub(crate) mod partitions;
pub(crate) mod romfs;
pub(crate) mod squashfs;
pub(crate) mod udf;

use crate::fields::usize_of;
