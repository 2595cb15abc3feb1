//! The ICAP front-end as proxies see it: conversations byte by byte, and foreign clients.

#[path = "../program/mod.rs"]
mod program;

mod content;
mod talk;

mod clients;
mod conversations;
mod hostile;
mod limits;
mod squid;
