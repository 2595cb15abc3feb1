//! Looks names up, and refuses addresses that a request must not reach.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::Proxy;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::Url;
use crate::{Error, Kind};

/// Most hosts whose addresses are remembered.
const MOST_HOSTS: usize = 64;

/// Which addresses requests may reach.
#[derive(Debug)]
pub(super) struct Reach {
    insecure_http: bool,
    /// Whose address is never checked, and behind which no address is seen.
    proxy: Option<Uri>,
    /// Whether a mirror sends us to another host, which must be none of our own network.
    only_public: AtomicBool,
}

impl Reach {
    pub(super) fn new(insecure_http: bool, proxy: Option<&Proxy>) -> Self {
        Self {
            insecure_http,
            proxy: proxy.map(|proxy| proxy.uri().clone()),
            only_public: AtomicBool::new(false),
        }
    }

    /// Says whether the next request is one that a redirect to another host asks for.
    pub(super) fn only_public(&self, only: bool) {
        self.only_public.store(only, Ordering::Relaxed);
    }

    /// Refuses plain http to other machines before a name is looked up.
    pub(super) fn check(&self, url: &Url) -> Result<(), Error> {
        if url.is_https() || self.insecure_http || url.is_local() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Refused,
            "plain http shows everybody on the way what is asked; use https, or --insecure-http",
        ))
    }

    fn check_address(&self, uri: &Uri, address: SocketAddr) -> Result<(), Error> {
        if self.proxy.as_ref().is_some_and(|proxy| proxy.authority() == uri.authority()) {
            return Ok(());
        }
        if self.only_public.load(Ordering::Relaxed) && !is_public(address.ip()) {
            return Err(Error::new(
                Kind::Refused,
                "a redirect leads to another host in a private network or on this machine",
            ));
        }
        // Whoever changes what `localhost` means does not get plain requests.
        if uri.scheme_str() == Some("http")
            && !self.insecure_http
            && !address.ip().to_canonical().is_loopback()
        {
            return Err(Error::new(Kind::Refused, "plain http to another machine"));
        }
        Ok(())
    }
}

/// Looks names up as the system does, once each, and checks what comes of it.
#[derive(Debug)]
pub(super) struct Checked {
    system: DefaultResolver,
    reach: Arc<Reach>,
    /// The addresses of hosts that were looked up. There are few: those of the arguments and of redirects.
    known: Mutex<BTreeMap<String, ResolvedSocketAddrs>>,
}

impl Checked {
    pub(super) fn new(reach: Arc<Reach>) -> Self {
        Self { system: DefaultResolver::default(), reach, known: Mutex::default() }
    }
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let key = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |host| host.as_str())
        );
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let addresses = match known {
            Some(addresses) => addresses,
            None => self.system.resolve(uri, config, timeout)?,
        };
        for address in addresses.iter() {
            self.reach.check_address(uri, *address).map_err(|error| ureq::Error::Other(Box::new(error)))?;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_HOSTS {
            known.insert(key, addresses.clone());
        }
        Ok(addresses)
    }
}

/// Whether an address is one of the Internet and not of this machine, this network or a special purpose.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast();
    // 0.0.0.0/8 is this machine, 240.0.0.0/4 nobody.
    !(special || shared || first == 0 || first >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // 64:ff9b::/96 reaches IPv4 through a translator, 2002::/16 through a tunnel.
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        // All that is given out to the Internet lies in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_dress() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
