//! TLS on TCP, by rustls: versions 1.2 and 1.3, certificate and key from PEM files.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::local_file;

/// Longest file that is read; a chain has some kilobytes.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a chain of certificates, the own one first, and its key.
///
/// # Errors
/// When a file cannot be read, holds nothing of the kind, or the two do not belong together.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let text = |path: &Path| local_file::text(path, MOST_BYTES).with_context(|| path.display().to_string());
    let (certificates, private) = (text(certificate)?, text(key)?);
    let chain = CertificateDer::pem_slice_iter(certificates.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.with_context(|| format!("{}: no certificates in PEM", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_slice(private.as_bytes())
        .with_context(|| format!("{}: no key in PEM", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{} and {}", certificate.display(), key.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
