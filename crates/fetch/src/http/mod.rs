//! GET requests over https, one at a time.

mod certificates;
mod resolver;
mod url;

use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, header};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, Proxy};

use crate::folder::too_large;
use crate::pace::Meter;
use crate::{Error, Kind, Pace};

use resolver::{Checked, Reach};
pub use url::Url;

/// Most bytes of a header.
const MOST_HEADER: usize = 64 << 10;
/// Most redirects one after another.
const MOST_REDIRECTS: usize = 3;
/// How many bytes are read at a time.
const PIECE: usize = 64 << 10;

/// How requests are made. They are the same for everybody who has the same settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the header `User-Agent` says; no version of ours and no number of a machine belongs there.
    pub user_agent: String,
    /// The URL of a proxy, `http://host:port` or `https://host:port`. Proxies of the environment are not asked.
    pub proxy: Option<String>,
    /// A file of certificates of authorities in the format PEM, which are believed besides those of the system.
    pub authorities: Option<PathBuf>,
    /// Whether plain http is allowed to other machines than this one. Everybody on the way sees what is asked then.
    pub insecure_http: bool,
    /// How slow a server may be.
    pub pace: Pace,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// Where.
    pub url: &'r Url,
    /// Which bytes, if not all. A server may send all the same: the status tells.
    pub range: Option<Range<u64>>,
    /// Most bytes of the body.
    pub cap: u64,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status, after redirects. Only bodies of 200 and, if a range was asked for, of 206 are written to the
    /// sink.
    pub status: u16,
    /// How many bytes were written to the sink.
    pub bytes: u64,
    /// How long to stay away, by the header `Retry-After`, if it is a number of seconds.
    pub retry_after: Option<Duration>,
}

/// Makes requests, keeping connections open between them.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
    reach: Arc<Reach>,
    pace: Pace,
}

impl Http {
    /// Reads the certificates, so this comes before the process is confined.
    ///
    /// # Errors
    /// [`Kind::Local`] when the proxy is no URL, or no certificate can be read.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let proxy = settings.proxy.as_deref().map(proxy).transpose()?;
        let reach = Arc::new(Reach::new(settings.insecure_http, proxy.as_ref()));
        let tls = TlsConfig::builder()
            .root_certs(certificates::read(settings.authorities.as_deref())?)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy)
            .user_agent(settings.user_agent.as_str())
            .accept("")
            .accept_encoding("identity")
            .http_status_as_error(false)
            // They are followed here, where it is known whereto they may lead.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MOST_HEADER)
            .timeout_resolve(Some(settings.pace.window))
            .timeout_connect(Some(settings.pace.window))
            .timeout_send_request(Some(settings.pace.window))
            .timeout_recv_response(Some(settings.pace.window))
            .timeout_per_read(Some(settings.pace.window))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::new(), Checked::new(Arc::clone(&reach)));
        Ok(Self { agent, reach, pace: settings.pace })
    }

    /// Makes a request, and follows at most three redirects. Other hosts are followed to by https only and never
    /// into a private network; from https nothing leads to http.
    ///
    /// # Errors
    /// For everything but an answer with a status. The sink may have got some bytes.
    pub fn get(&self, request: &Request<'_>, sink: &mut dyn Write) -> Result<Reply, Error> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            self.reach.only_public(!url.same_host(request.url));
            let response = self.ask(&url, request)?;
            let (parts, body) = response.into_parts();
            let status = parts.status.as_u16();
            match status {
                301 | 302 | 303 | 307 | 308 => url = redirected(&url, &parts.headers)?,
                200 => return self.take(status, &parts.headers, body, request.cap, sink),
                206 if request.range.is_some() => {
                    return self.take(status, &parts.headers, body, request.cap, sink);
                }
                _ => return Ok(Reply { status, bytes: 0, retry_after: retry_after(&parts.headers) }),
            }
        }
        Err(Error::new(Kind::Refused, format!("more than {MOST_REDIRECTS} redirects")))
    }

    /// Asks, and once more if the server closed the connection without a word: it may have been an old one that it
    /// was about to close.
    fn ask(&self, url: &Url, request: &Request<'_>) -> Result<ureq::http::Response<Body>, Error> {
        self.reach.check(url)?;
        match self.ask_once(url, request)? {
            Err(error) if is_closed(&error) => self.ask_once(url, request)?,
            answer => answer,
        }
        .map_err(|error| explain(&error))
    }

    fn ask_once(
        &self,
        url: &Url,
        request: &Request<'_>,
    ) -> Result<Result<ureq::http::Response<Body>, ureq::Error>, Error> {
        let mut builder = self.agent.get(url.as_str());
        if let Some(range) = &request.range {
            let last = range.end.saturating_sub(1);
            builder = builder.header(header::RANGE, format!("bytes={}-{last}", range.start));
        }
        let time = self.pace.for_request(request.cap)?;
        Ok(builder.config().timeout_global(Some(time)).build().call())
    }

    fn take(
        &self,
        status: u16,
        headers: &HeaderMap,
        body: Body,
        cap: u64,
        sink: &mut dyn Write,
    ) -> Result<Reply, Error> {
        // Nothing is unpacked: a bomb stays as small as it came.
        if let Some(coding) = headers.get(header::CONTENT_ENCODING)
            && coding != "identity"
        {
            return Err(Error::new(Kind::Garbage, "the server sends it compressed, which was not asked for"));
        }
        if body.content_length().is_some_and(|length| length > cap) {
            return Err(too_large(cap));
        }
        let expected = body.content_length();
        let mut body = body.into_reader();
        let mut meter = Meter::new(self.pace);
        let mut piece = vec![0; PIECE];
        let mut bytes = 0;
        loop {
            let asked = Instant::now();
            let read = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(explain(&error.into())),
            };
            bytes += read as u64;
            if bytes > cap {
                return Err(too_large(cap));
            }
            meter.count(read as u64, asked.elapsed())?;
            sink.write_all(&piece[..read]).map_err(|error| Error::of_disk("writing", &error))?;
        }
        if expected.is_some_and(|expected| expected != bytes) {
            return Err(Error::new(Kind::Garbage, "the body is not as long as the header says"));
        }
        Ok(Reply { status, bytes, retry_after: retry_after(headers) })
    }
}

fn proxy(text: &str) -> Result<Proxy, Error> {
    let wrong = |why: &str| Error::new(Kind::Local, format!("the proxy is no URL of one: {why}"));
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err(wrong("it starts neither with http:// nor with https://"));
    }
    Proxy::new(text).map_err(|error| wrong(&error.to_string()))
}

/// Whether the other end closed the connection before it said anything that could be understood.
fn is_closed(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let ureq::Error::Io(error) = error else { return false };
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// What an error of the library means for us.
fn explain(error: &ureq::Error) -> Error {
    let kind = match error {
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => Kind::Unreachable,
        ureq::Error::Timeout(_) => Kind::TooSlow,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
            Kind::Unreachable
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => Kind::Refused,
        ureq::Error::LargeResponseHeader(..) => Kind::TooLarge,
        ureq::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            Kind::Refused
        }
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Kind::Garbage,
            _ => Kind::Unreachable,
        },
        ureq::Error::Other(inner) if inner.is::<Error>() => Kind::Refused,
        _ => Kind::Garbage,
    };
    Error::new(kind, error.to_string())
}

fn redirected(from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let location = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| Error::new(Kind::Garbage, "the server redirects to nowhere"))?;
    from.redirect(location)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
