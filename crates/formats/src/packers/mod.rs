//! Packed programs: a small program that unpacks a larger one in memory and jumps into it.
//!
//! UPX is taken apart here, and the packed program is put together again as it was, also where its headers were removed
//! against that. Whatever else looks packed is run in an [`emulator`] until it jumps into what it wrote.

mod emulator;
mod filters;
mod image;
mod nrv;
mod upx;
mod upx_blocks;
mod upx_pe;

pub(crate) use emulator::open as emulate;
pub(crate) use upx_blocks::open as open_blocks;
pub(crate) use upx_pe::open as open_pe;
