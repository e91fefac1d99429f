//! The reference: a bare hyper server that answers with recorded bytes.

use std::convert::Infallible;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::process::Temporary;

/// The argument with which the benchmark starts itself as the reference; the path of the recording follows.
pub(crate) const SERVE: &str = "--serve-reference";

/// What separates the two responses of a recording. No header and no JSON has a NUL.
const SEPARATOR: u8 = 0;

/// Two responses in a file.
pub(crate) struct Recording(Temporary);

impl Recording {
    pub(crate) fn write(get: &[u8], patch: &[u8]) -> std::io::Result<Recording> {
        Ok(Recording(Temporary::write("recording", &[get, &[SEPARATOR], patch].concat())?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Returns the recording to serve, if the arguments ask for the reference.
pub(crate) fn recording_of(arguments: &[String]) -> Option<PathBuf> {
    (arguments.first()? == SERVE).then(|| arguments.get(1).map(PathBuf::from))?
}

/// A response to give.
struct Fixed {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Fixed {
    fn read(recorded: &[u8]) -> Result<Fixed, Box<dyn Error>> {
        let end = recorded.windows(4).position(|window| window == b"\r\n\r\n").ok_or("a response without an end of its head")?;
        let mut headers = Vec::new();
        for line in std::str::from_utf8(&recorded[..end])?.split("\r\n").skip(1) {
            let (name, value) = line.split_once(": ").ok_or("a header without a value")?;
            headers.push((name.parse()?, value.parse()?));
        }
        Ok(Fixed { headers, body: Bytes::copy_from_slice(&recorded[end + 4..]) })
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut headers = HeaderMap::with_capacity(12);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.headers_mut() = headers;
        response
    }
}

/// Serves a recording until the process is ended.
pub(crate) fn serve(recording: &Path) -> Result<(), Box<dyn Error>> {
    let recorded = std::fs::read(recording)?;
    let mut parts = recorded.split(|byte| *byte == SEPARATOR);
    let get = Fixed::read(parts.next().ok_or("no response to GET")?)?;
    let patch = Fixed::read(parts.next().ok_or("no response to PATCH")?)?;
    let fixed = Arc::new((get, patch));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let fixed = fixed.clone();
            let service = service_fn(move |request| answer(fixed.clone(), request));
            let connection = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                // A client that goes away is none of the reference's business.
                let _ = connection.await;
            });
        }
    })
}

async fn answer(fixed: Arc<(Fixed, Fixed)>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET {
        return Ok(fixed.0.response());
    }
    // Whoever writes reads the body, whatever it does with it.
    let _ = request.into_body().collect().await;
    Ok(fixed.1.response())
}
