//! Rare events awaited beside frequent ones.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled only after its own waker was called.
///
/// A task is polled as a whole: without this, each time that a socket is ready the timers beside it would be polled too.
pub(super) struct Throttled<F> {
    future: F,
    bell: Option<Arc<Bell>>,
}

/// A waker that remembers that it was called.
struct Bell {
    task: Waker,
    has_rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<F> Throttled<F> {
    pub(super) fn new(future: F) -> Throttled<F> {
        Throttled { future, bell: None }
    }
}

impl<F: Future + Unpin> Future for Throttled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let bell = match &self.bell {
            Some(bell) if bell.task.will_wake(context.waker()) => {
                if !bell.has_rung.load(Ordering::Relaxed) {
                    return Poll::Pending;
                }
                bell.clone()
            }
            // The first poll, or the first one by another task.
            _ => {
                let bell = Arc::new(Bell { task: context.waker().clone(), has_rung: AtomicBool::new(true) });
                self.bell.insert(bell).clone()
            }
        };
        // A call from here on is seen by the next poll.
        bell.has_rung.swap(false, Ordering::Acquire);
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&Waker::from(bell)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_future_is_polled_after_its_waker_was_called_and_not_before() {
        let (polls, rounds) = (Cell::new(0), Cell::new(0));
        let (sender, mut receiver) = tokio::sync::watch::channel(());
        let mut rare = pin!(async {
            receiver.changed().await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            "done"
        });
        let mut throttled = Throttled::new(poll_fn(|context| {
            polls.set(polls.get() + 1);
            rare.as_mut().poll(context)
        }));
        let mut sender = Some(sender);
        let polled = poll_fn(|context| {
            rounds.set(rounds.get() + 1);
            if rounds.get() == 100 {
                assert_eq!(polls.get(), 1);
                sender.take().unwrap().send(()).unwrap();
            }
            context.waker().wake_by_ref();
            Pin::new(&mut throttled).poll(context)
        });
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), polled).await, Ok("done"));
        assert!((2..10).contains(&polls.get()), "{}", polls.get());
    }

    #[tokio::test]
    async fn another_task_is_woken_too() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<u8>();
        let mut throttled = Throttled::new(receiver);
        assert!(poll_fn(|context| Poll::Ready(Pin::new(&mut throttled).poll(context))).await.is_pending());
        let other = tokio::spawn(throttled);
        tokio::task::yield_now().await;
        sender.send(7).unwrap();
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), other).await.unwrap().unwrap(), Ok(7));
    }
}
