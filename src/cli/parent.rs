//! The end of the process that started this one.

use std::io::Read as _;
use std::thread;

use tokio::sync::oneshot;

/// Returns a future that is ready when standard input ends. Input until then is discarded.
pub(super) fn ended() -> impl Future<Output = ()> {
    let (sender, receiver) = oneshot::channel();
    // A thread of its own, which is never joined: reading blocks until the input ends.
    thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut discarded = [0; 1024];
        while input.read(&mut discarded).is_ok_and(|length| length > 0) {}
        // The program may be stopping already.
        let _ = sender.send(());
    });
    async move {
        // Without its thread the end cannot be noticed.
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
