//! Makes hostile text fit for a terminal, as the core does it for all programs.

pub(crate) use candor_object::{Escaped, is_dangerous};
