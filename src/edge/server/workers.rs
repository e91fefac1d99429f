//! The runtimes that serve connections, each on a thread of its own: a connection stays where it is, and wakes no other thread.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Threads with a runtime each. They end when this is dropped, and wait neither for a computation nor for the look-up of a name.
#[derive(Debug)]
pub struct Workers(Vec<(Handle, oneshot::Sender<()>)>);

impl Workers {
    /// Starts threads, at least one.
    ///
    /// # Errors
    ///
    /// Fails if the system has no thread or no descriptor left.
    pub fn start(count: usize) -> io::Result<Workers> {
        (0..count.max(1)).map(start).collect::<io::Result<_>>().map(Workers)
    }

    /// Returns the runtimes.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        self.0.iter().map(|(runtime, _)| runtime.clone()).collect()
    }

    /// Returns the runtime of what is there once, such as the listener.
    #[must_use]
    pub fn first(&self) -> &Handle {
        &self.0[0].0
    }
}

fn start(number: usize) -> io::Result<(Handle, oneshot::Sender<()>)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    thread::Builder::new().name(format!("worker {number}")).spawn(move || {
        // A dropped sender ends it.
        drop(runtime.block_on(stopped));
        runtime.shutdown_background();
    })?;
    Ok((handle, stop))
}

/// A runtime, and a mark that each of its connections holds.
struct Place {
    runtime: Handle,
    mark: Arc<()>,
}

/// The places of the connections of a server. Without any, connections are served where they are accepted.
pub(super) struct Places(Vec<Place>);

impl Places {
    pub(super) fn of(runtimes: Vec<Handle>) -> Places {
        Places(runtimes.into_iter().map(|runtime| Place { runtime, mark: Arc::default() }).collect())
    }

    /// Serves a connection on the runtime that has the fewest.
    pub(super) fn spawn<F>(
        &self,
        connections: &mut JoinSet<()>,
        stream: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(place) = self.0.iter().min_by_key(|place| Arc::strong_count(&place.mark)) else {
            connections.spawn(serve(stream));
            return;
        };
        let mark = place.mark.clone();
        let moved = stream.into_std();
        let served = async move {
            // The socket is registered with the runtime that waits for it.
            match moved.and_then(TcpStream::from_std) {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::error!("cannot serve a connection: {error}"),
            }
            drop(mark);
        };
        connections.spawn_on(served, &place.runtime);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::thread::ThreadId;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_go_to_the_runtime_that_has_the_fewest() {
        let workers = Workers::start(2).unwrap();
        let places = Places::of(workers.handles());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut connections = JoinSet::new();
        let mut place = async || {
            let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let (tell, told) = oneshot::channel::<ThreadId>();
            let (end, ended) = oneshot::channel::<()>();
            places.spawn(&mut connections, stream, |stream| async move {
                // The socket works on its new runtime.
                stream.writable().await.unwrap();
                tell.send(std::thread::current().id()).unwrap();
                let _ = ended.await;
            });
            (told.await.unwrap(), end)
        };
        let (one, end) = place().await;
        let (other, _kept) = place().await;
        assert_ne!(one, other);
        assert_ne!(one, std::thread::current().id());
        drop(end);
        while Arc::strong_count(&places.0[0].mark) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(place().await.0, one);
    }

    #[tokio::test]
    async fn without_runtimes_connections_are_served_where_they_are_accepted() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (tell, told) = oneshot::channel();
        let mut connections = JoinSet::new();
        Places::of(Vec::new()).spawn(&mut connections, stream, |_| async move {
            tell.send(std::thread::current().id()).unwrap();
        });
        assert_eq!(told.await.unwrap(), std::thread::current().id());
    }
}
