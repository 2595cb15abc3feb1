//! Whose certificates are believed.

mod server;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use server::Ground;

/// An authority of the test's own.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// A server with a certificate for a name, which answers everything with `answer`. Its URL.
    fn server(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        answer: &'static str,
    ) -> String {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://127.0.0.1:{}/file", listener.local_addr().unwrap().port());
        let config = Arc::new(config);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(session, connection);
                // A client that does not believe the certificate goes away.
                if stream.read(&mut [0; 4096]).is_ok() {
                    let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        url
    }

    fn save(&self, ground: &Ground, name: &str) {
        fs::write(ground.path(name), self.certificate.pem()).unwrap();
    }
}

const FINE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine";

#[test]
fn an_authority_of_ones_own_is_believed_if_it_is_named() {
    let ground = Ground::new();
    let (ours, other) = (Authority::new(), Authority::new());
    ours.save(&ground, "ours.pem");
    other.save(&ground, "other.pem");
    let url = ours.server("127.0.0.1", |_| {}, FINE);
    ground.source(&url, &["--ca", "ours.pem"]).complete();
    assert_eq!(fs::read(ground.path("got/file")).unwrap(), b"fine");
    ground.source(&url, &[]).failed("refused", "certificate");
    ground.source(&url, &["--ca", "other.pem"]).failed("refused", "certificate");
    ground.source(&url, &["--insecure-http"]).failed("refused", "certificate");
    assert_eq!(fs::read(ground.path("got/file")).unwrap(), b"fine");
}

#[test]
fn a_certificate_is_for_a_name_and_a_time() {
    let ground = Ground::new();
    let ours = Authority::new();
    ours.save(&ground, "ours.pem");
    let other = ours.server("other.example", |_| {}, FINE);
    ground.source(&other, &["--ca", "ours.pem"]).failed("refused", "certificate");
    let old = ours.server("127.0.0.1", |parameters| parameters.not_after = date_time_ymd(2020, 1, 1), FINE);
    ground.source(&old, &["--ca", "ours.pem"]).failed("refused", "certificate");
}

#[test]
fn nothing_leads_out_of_https() {
    let ground = Ground::new();
    let ours = Authority::new();
    ours.save(&ground, "ours.pem");
    let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let url = ours.server("127.0.0.1", |_| {}, answer);
    ground.source(&url, &["--ca", "ours.pem", "--insecure-http"]).failed("refused", "to plain http");
}

#[test]
fn a_file_of_authorities_has_some_in_it() {
    let ground = Ground::new();
    fs::write(ground.path("empty.pem"), "nothing").unwrap();
    ground.source("https://127.0.0.1:1/", &["--ca", "empty.pem"]).failed("local", "no certificate");
    ground.source("https://127.0.0.1:1/", &["--ca", "none.pem"]).failed("local", "none.pem");
}
