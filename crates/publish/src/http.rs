//! Requests over HTTP, with limits for everything that a witness can hold on to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::files;
use crate::witness::{Courier, Reply};

/// Time for a request with everything that belongs to it.
const WITHIN: Duration = Duration::from_secs(30);
/// Time to find and reach a server.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const MOST_ANSWER: u64 = 64 << 10;

/// Carries requests over HTTP.
#[derive(Debug)]
pub struct Http(Agent);

impl Http {
    /// With the certificates of the system, and those of a file in PEM if there is one.
    ///
    /// # Errors
    /// When the file has none.
    pub fn new(authorities: Option<&Path>) -> anyhow::Result<Self> {
        let system = rustls_native_certs::load_native_certs().certs;
        let mut certificates: Vec<Certificate<'static>> =
            system.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        if let Some(path) = authorities {
            let known = certificates.len();
            for item in parse_pem(&files::read(path)?) {
                if let PemItem::Certificate(certificate) = item.with_context(|| path.display().to_string())? {
                    certificates.push(certificate);
                }
            }
            ensure!(certificates.len() > known, "{}: there is no certificate in it", path.display());
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::from(certificates))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .user_agent("candor-publish")
            .http_status_as_error(false)
            // A witness that has moved is to be entered where it is.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(WITHIN))
            .timeout_connect(Some(CONNECT_WITHIN))
            .build();
        Ok(Self(config.into()))
    }
}

impl Courier for Http {
    fn post(&self, url: &str, body: &[u8]) -> Result<Reply, String> {
        let post = || {
            let mut response = self.0.post(url).content_type("application/octet-stream").send(body)?;
            let status = response.status().as_u16();
            let body = response.body_mut().with_config().limit(MOST_ANSWER).read_to_vec()?;
            Ok::<_, ureq::Error>(Reply { status, body })
        };
        post().map_err(|error| error.to_string())
    }
}
