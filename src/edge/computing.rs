//! Long computations, on threads that serve no other clients.
//!
//! The threads of the runtime answer requests of about a millisecond at most. Anything longer waits here for its turn, without a thread,
//! and then gets one. The kinds of work have turns of their own, so that none waits for another.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The maximum number of computations of a kind at a time, on machines with more cores.
pub(super) const MAX_THREADS: usize = 8;

/// The same for the control API, whose answers may be as large as a journal or a state, and count only once they are complete.
const MAX_CONTROL_THREADS: usize = 2;

/// The kind of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComputationKind {
    /// Queries and batches.
    Query,
    /// Requests with a large body.
    Body,
    /// The control API.
    Control,
    /// Events of the streams of journals.
    Stream,
    /// Exports of a world. Each takes as much memory as the entities, so there is one at a time.
    Export,
    /// The rest of a request after a call to a connector. It is also done when the service stops: the call has been made.
    Resumption,
}

impl ComputationKind {
    /// All kinds, in the order of declaration.
    const ALL: [ComputationKind; 6] = [
        ComputationKind::Query,
        ComputationKind::Body,
        ComputationKind::Control,
        ComputationKind::Stream,
        ComputationKind::Export,
        ComputationKind::Resumption,
    ];
}

/// The turns of all long computations of a service.
#[derive(Clone, Debug)]
pub(crate) struct Computing {
    turns: Arc<[Arc<Semaphore>; ComputationKind::ALL.len()]>,
}

impl Default for Computing {
    fn default() -> Computing {
        let threads = available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_THREADS);
        let turns = |kind| match kind {
            ComputationKind::Control | ComputationKind::Stream => threads.min(MAX_CONTROL_THREADS),
            ComputationKind::Export => 1,
            _ => threads,
        };
        Computing { turns: Arc::new(ComputationKind::ALL.map(|kind| Arc::new(Semaphore::new(turns(kind))))) }
    }
}

impl Computing {
    /// Runs a computation when it is its turn. It runs to its end even if the caller does not wait for it, and counts until then.
    ///
    /// `None`: the service stops, or the computation panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        kind: ComputationKind,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = self.turns[kind as usize].clone().acquire_owned().await.ok()?;
        if Handle::try_current().is_err() {
            return Some(compute());
        }
        let computed = tokio::task::spawn_blocking(move || {
            let result = compute();
            drop(turn);
            result
        });
        computed.await.ok()
    }

    /// Refuses all computations that still wait for their turn, except those of requests that have called a connector: the service stops.
    pub(crate) fn stop(&self) {
        for kind in ComputationKind::ALL.into_iter().filter(|kind| *kind != ComputationKind::Resumption) {
            self.turns[kind as usize].close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn a_computation_waits_for_its_turn_and_kinds_do_not_wait_for_each_other() {
        let computing = Computing { turns: Arc::new(std::array::from_fn(|_| Arc::new(Semaphore::new(1)))) };
        let (finish, finished) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let computing = computing.clone();
            async move { computing.run(ComputationKind::Query, move || finished.recv().is_ok()).await }
        });
        while computing.turns[0].available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let mut second = Box::pin(computing.run(ComputationKind::Query, || 2));
        assert!(matches!(poll_once(&mut second).await, Poll::Pending));
        assert_eq!(computing.run(ComputationKind::Control, || 3).await, Some(3));
        // The first one goes on without its caller, and keeps its turn.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(matches!(poll_once(&mut second).await, Poll::Pending));
        finish.send(()).unwrap();
        assert_eq!(second.await, Some(2));
    }

    #[tokio::test]
    async fn one_export_is_made_at_a_time() {
        let computing = Computing::default();
        let (finish, finished) = mpsc::channel::<()>();
        let mut first = Box::pin(computing.run(ComputationKind::Export, move || finished.recv().is_ok()));
        assert!(matches!(poll_once(&mut first).await, Poll::Pending));
        let mut second = Box::pin(computing.run(ComputationKind::Export, || 2));
        assert!(matches!(poll_once(&mut second).await, Poll::Pending));
        assert_eq!(computing.turns[ComputationKind::Export as usize].available_permits(), 0);
        finish.send(()).unwrap();
        assert_eq!((first.await, second.await), (Some(true), Some(2)));
    }

    #[tokio::test]
    async fn waiting_computations_end_when_the_service_stops() {
        let computing = Computing { turns: Arc::new(std::array::from_fn(|_| Arc::new(Semaphore::new(0)))) };
        let mut waiting = Box::pin(computing.run(ComputationKind::Body, || ()));
        assert!(matches!(poll_once(&mut waiting).await, Poll::Pending));
        computing.stop();
        assert_eq!(waiting.await, None);
        assert_eq!(computing.run(ComputationKind::Query, || ()).await, None);
        let stopped = Computing::default();
        stopped.stop();
        assert_eq!(stopped.run(ComputationKind::Resumption, || 1).await, Some(1), "a call that was made has its effect");
    }

    /// Polls a future once.
    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await
    }
}
