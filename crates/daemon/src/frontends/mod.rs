//! The protocols of others, one file each.
//!
//! A front-end has `Settings`, its table of the configuration, and `serve`, which runs until it is told to stop.
//! It reads what its clients send as hostile input, puts content into a [`Spool`](crate::spool::Spool), asks the
//! [`Service`](crate::service::Service), and says what came of it in the words of its protocol. It judges nothing.

pub(crate) mod http;
