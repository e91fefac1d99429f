//! Tunnels to hosts that the emulator does not answer for: bytes are carried both ways, and not looked at.

use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::edge::http_client::{AddressPolicy, ConnectError, connect_tcp, host_without_brackets};
use crate::edge::proxy::{OtherTarget, Proxy, ProxyRefusal};
use crate::edge::server::activity::{Activity, TrackedStream, idle};
use crate::edge::server::limits::Gate;
use crate::text::visible::visible;

/// Maximum time until a host is connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The connection to another host, and its place among such tunnels.
#[derive(Debug)]
pub(super) struct OtherTunnel {
    host: Box<str>,
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl OtherTunnel {
    /// Connects to the host of a tunnel. Its addresses obey the rule for connectors, except that public ones are allowed.
    pub(super) async fn connect(proxy: &Proxy, target: OtherTarget) -> Result<OtherTunnel, ProxyRefusal> {
        let OtherTarget { host, port, place } = target;
        let connecting = connect_tcp(host_without_brackets(&host), port, AddressPolicy::LocalOrPublic);
        let decided = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => Ok(OtherTunnel { host, stream, _place: place }),
            Ok(Err(ConnectError::Address(_))) => Err(ProxyRefusal::Excluded(host)),
            Ok(Err(error)) => Err(ProxyRefusal::Unreachable(host, error.to_string())),
            Err(_) => Err(ProxyRefusal::Unreachable(host, format!("not connected after {} s", CONNECT_TIMEOUT.as_secs()))),
        };
        proxy.count_other(decided.as_ref().map(|_| ()));
        decided
    }

    /// Carries bytes until one end leaves, the tunnel is idle for too long, or the server stops.
    pub(super) async fn serve(self, upgrade: OnUpgrade, mut stopping: watch::Receiver<()>, gate: &Gate, activity: &Activity) {
        let OtherTunnel { host, mut stream, _place } = self;
        let host = visible(&host);
        let Ok(upgraded) = upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<TrackedStream<TcpStream>>>() else { return };
        let mut client = parts.io.into_inner();
        if client.is_connected_to(&stream) {
            return tracing::warn!("tunnel closed: {host} is the emulator itself");
        }
        tracing::info!("tunnel to {host}, which is not answered");
        let carried = async {
            // A client may send before the answer to CONNECT.
            stream.write_all(&parts.read_buf).await?;
            copy_bidirectional(&mut client, &mut stream).await
        };
        tokio::select! {
            carried = carried => match carried {
                Ok((sent, received)) => tracing::debug!("tunnel to {host} ended: {sent} bytes sent, {received} received"),
                Err(error) => tracing::debug!("tunnel to {host} ended: {error}"),
            },
            _ = stopping.changed() => {}
            reason = idle(gate, activity) => tracing::info!("tunnel to {host} closed: {reason}"),
        }
    }
}
