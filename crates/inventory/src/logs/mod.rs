//! Logs of proxies and of name servers: which hosts were asked for, how often, and when first and last.

mod addresses;
mod log;

pub(crate) mod bind;
pub(crate) mod combined;
pub(crate) mod dnsmasq;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod squid;
pub(crate) mod table;
pub(crate) mod unbound;
pub(crate) mod w3c;
pub(crate) mod windows_dns;
pub(crate) mod zeek;

use addresses::{Addresses, Request};
use log::{Log, Said};
