//! Services of Linux.

pub(crate) mod init_script;
pub(crate) mod systemd;
