//! Tunnels: a client that takes the emulator for its proxy asks for one by CONNECT, and speaks to a host of Graph or Entra in it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::edge::control::{Peer, is_of_this_machine};
use crate::edge::proxy::{self, AdmittedTunnel, OtherTarget, Proxy, ProxyRefusal, TunnelTarget};
use crate::edge::server::accept::{HANDSHAKE_TIMEOUT, log_handshake_error};
use crate::edge::server::activity::TrackedStream;
use crate::edge::server::delivery::{Payload, whole};
use crate::edge::server::other_tunnel::OtherTunnel;
use crate::graph::step::Answer;
use crate::text::visible::visible;
use crate::world::name;

/// A tunnel that a client was promised.
#[derive(Debug)]
pub(super) enum PromisedTunnel {
    /// To the emulator itself.
    Answered(OnUpgrade, TunnelTarget),
    /// To another host.
    Other(OnUpgrade, OtherTunnel),
}

/// The next step for a request.
pub(super) enum Admission {
    /// It is one to the emulator itself.
    Direct,
    /// It is one to a host that the emulator answers for.
    Proxied,
    /// It asks for a tunnel, which begins after the answer.
    Promised(PromisedTunnel),
    /// It asks for a tunnel to another host, which has to be connected to.
    Other(OnUpgrade, OtherTarget),
    /// It is answered.
    Answered(Response<Payload>),
}

/// Admits a request: all that makes it one to a proxy is dealt with here. In HTTP/2, only a request in a tunnel is one.
pub(super) fn admit(
    proxy: &Proxy,
    tunnel: Option<&TunnelTarget>,
    peer: Peer,
    is_secure: bool,
    request: &mut Request<Incoming>,
) -> Admission {
    if let Some(target) = tunnel {
        return admit_in_tunnel(target, request);
    }
    let is_plain = request.method() != Method::CONNECT && request.uri().scheme().is_none();
    if is_plain || request.version() == Version::HTTP_2 {
        return Admission::Direct;
    }
    if request.method() == Method::CONNECT {
        let is_local = is_of_this_machine(peer, request.headers());
        return match proxy.tunnel(request.uri(), request.headers(), is_local) {
            // The tunnel would be in another one.
            Ok(_) if is_secure => Admission::Answered(refused(&ProxyRefusal::Malformed)),
            Ok(AdmittedTunnel::Answered(target)) => {
                tracing::debug!("tunnel to {}", target.host);
                Admission::Promised(PromisedTunnel::Answered(hyper::upgrade::on(request), target))
            }
            Ok(AdmittedTunnel::Other(target)) => Admission::Other(hyper::upgrade::on(request), target),
            Err(refusal) => Admission::Answered(refused(&refusal)),
        };
    }
    let Some(authority) = request.uri().authority().filter(|authority| !proxy::is_own(authority)) else {
        return Admission::Direct;
    };
    match proxy.request(authority, request.headers()) {
        Ok(world) => {
            take_world(request, world.as_deref());
            Admission::Proxied
        }
        Err(refusal) => Admission::Answered(refused(&refusal)),
    }
}

/// Admits a request in a tunnel: its host is that of the tunnel.
fn admit_in_tunnel(target: &TunnelTarget, request: &mut Request<Incoming>) -> Admission {
    let named = request.uri().authority().cloned().or_else(|| {
        let host = request.headers().get(header::HOST)?;
        http::uri::Authority::try_from(host.as_bytes()).ok()
    });
    if named.is_some_and(|named| *proxy::host_of(&named) != *target.host) {
        tracing::info!("rejected: misdirected request, in a tunnel to {}", target.host);
        return Admission::Answered(text(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected request: its host is not that of the tunnel",
        ));
    }
    take_world(request, target.world.as_deref());
    Admission::Proxied
}

/// Has a request ask for the world of the proxy's user, unless it names one itself, and removes what is for the proxy.
fn take_world(request: &mut Request<Incoming>, world: Option<&str>) {
    proxy::remove_headers(request.headers_mut());
    let names_world = || [name::HEADER, name::FORMER_HEADER].iter().any(|name| request.headers().contains_key(*name));
    if let Some(value) = world.filter(|_| !names_world()).and_then(|world| HeaderValue::from_str(world).ok()) {
        request.headers_mut().insert(name::HEADER, value);
    }
}

/// Returns the answer to a refused tunnel or request, which ends the connection: what follows is not for the emulator.
pub(super) fn refused(refusal: &ProxyRefusal) -> Response<Payload> {
    let reason = refusal.text();
    tracing::warn!("{}", visible(&reason));
    text(refusal.status(), &reason)
}

fn text(status: StatusCode, text: &str) -> Response<Payload> {
    let mut response = Response::new(Bytes::from(format!("{text}\n")));
    *response.status_mut() = status;
    let length = response.body().len();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    whole(Answer::of(response), None)
}

/// Begins a tunnel: completes the handshake in it; `None` if that fails.
pub(super) async fn begin(upgrade: OnUpgrade, target: &TunnelTarget) -> Option<Box<TlsStream<TcpStream>>> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<TrackedStream<TcpStream>>>().ok()?;
    if !parts.read_buf.is_empty() {
        tracing::info!("tunnel closed: data came before the answer to CONNECT");
        return None;
    }
    let stream = parts.io.into_inner().into_stream()?;
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(stream, target)).await {
        Ok(Ok(stream)) => return Some(Box::new(stream)),
        Ok(Err(error)) => log_handshake_error(&error),
        Err(_) => tracing::debug!("TLS handshake not finished after {} s", Duration::as_secs(&HANDSHAKE_TIMEOUT)),
    }
    None
}

/// Completes a handshake for the host of a tunnel. One for another name is refused.
async fn handshake(stream: TcpStream, target: &TunnelTarget) -> std::io::Result<TlsStream<TcpStream>> {
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    let other = start.client_hello().server_name().filter(|name| !name.eq_ignore_ascii_case(&target.host)).map(str::to_owned);
    if let Some(other) = other {
        return Err(std::io::Error::other(format!("server name {} in a tunnel to {}", visible(&other), target.host)));
    }
    start.into_stream(Arc::clone(&target.tls)).await
}
