//! The reference: a bare hyper server that answers with recorded bytes.
//!
//! It is served as `src/edge/server.rs` serves the emulator: the same runtime with the same number of threads, the same settings of
//! HTTP/1.1 and of sockets. Without a certificate it supports HTTP/1.1 only, and it has no graceful shutdown: the cost of more features counts as the emulator's
//! own work. Bodies of requests are read, as hyper requires, and discarded.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wfi_emulator::internals::edge::server::Workers;

use super::process::Temporary;
use crate::Problem;

/// The argument with which the benchmark starts itself as the reference; the path of the recording follows.
pub(crate) const SERVE: &str = "--serve-reference";

/// The separator between the two responses of a recording: neither headers nor JSON contain NUL.
const SEPARATOR: u8 = 0;

/// The responses to a GET and to a PATCH, in a file.
pub(crate) struct Recording(Temporary);

impl Recording {
    pub(crate) fn write(get: &[u8], patch: &[u8]) -> std::io::Result<Recording> {
        Ok(Recording(Temporary::write("recording", &[get, &[SEPARATOR], patch].concat())?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The files of a certificate and its key.
pub(crate) type CertificateFiles = [PathBuf; 2];

/// Returns the recording to serve, and the files with which to serve it over TLS, if the arguments start the reference.
pub(crate) fn recording_of(arguments: &[String]) -> Option<(PathBuf, Option<CertificateFiles>)> {
    let files = arguments.strip_prefix(&[SERVE.to_owned()])?;
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    match &files[..] {
        [recording] => Some((recording.clone(), None)),
        [recording, certificate, key] => Some((recording.clone(), Some([certificate.clone(), key.clone()]))),
        _ => None,
    }
}

/// Returns what accepts TLS with a certificate.
fn acceptor([certificate, key]: &CertificateFiles) -> Result<TlsAcceptor, Problem> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A recorded response.
struct Fixed {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Fixed {
    /// Reads a recorded response with status 200. Its content is leaked, so that copies are free.
    fn read(recorded: &[u8]) -> Result<Fixed, Problem> {
        let recorded: &'static str = String::leak(std::str::from_utf8(recorded)?.to_owned());
        let (head, body) = recorded.split_once("\r\n\r\n").ok_or("a response without an end of its head")?;
        let mut headers = Vec::new();
        for line in head.split("\r\n").skip(1) {
            let (name, value) = line.split_once(": ").ok_or("a header without a value")?;
            let name: HeaderName = name.parse()?;
            let name = HeaderName::from_static(String::leak(name.as_str().to_owned()));
            headers.push((name, HeaderValue::from_maybe_shared(Bytes::from_static(value.as_bytes()))?));
        }
        Ok(Fixed { headers, body: Bytes::from_static(body.as_bytes()) })
    }

    fn response(&self) -> Response<Full<Bytes>> {
        // Building the map costs less than cloning one.
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.headers_mut() = headers;
        response
    }
}

/// Serves a recording until the process is killed.
pub(crate) fn serve(recording: &Path, tls: Option<&CertificateFiles>) -> Result<(), Problem> {
    let tls = tls.map(acceptor).transpose()?;
    let recorded = std::fs::read(recording)?;
    let mut parts = recorded.split(|byte| *byte == SEPARATOR);
    let get = Fixed::read(parts.next().ok_or("no response to GET")?)?;
    let patch = Fixed::read(parts.next().ok_or("no response to PATCH")?)?;
    let fixed = Arc::new((get, patch));
    let workers = Workers::start(available_parallelism().map_or(1, usize::from))?;
    let mut next = workers.handles().into_iter().cycle();
    workers.first().block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let (moved, runtime) = (stream.into_std()?, next.next().ok_or("no runtime")?);
            // Without the option, the connection works, only slower.
            let _ = moved.set_nodelay(true);
            let (fixed, tls) = (fixed.clone(), tls.clone());
            let service = service_fn(move |request| answer(fixed.clone(), request));
            runtime.spawn(async move {
                let Ok(stream) = TcpStream::from_std(moved) else { return };
                // Errors of a client that disconnects are ignored.
                let Some(tls) = tls else {
                    let _ = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service).await;
                    return;
                };
                let Ok(stream) = tls.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let builder = http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                } else {
                    let _ = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service).await;
                }
            });
        }
    })
}

async fn answer(fixed: Arc<(Fixed, Fixed)>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = if request.method() == Method::GET { &fixed.0 } else { &fixed.1 };
    let mut body = request.into_body();
    while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
    Ok(response.response())
}
