//! The end of the process that started this one.

use std::io::Read as _;
use std::thread;

use tokio::sync::oneshot;

/// Returns a future that is ready when standard input has come to its end. What is read until then is thrown away.
pub(super) fn gone() -> impl Future<Output = ()> {
    let (sender, receiver) = oneshot::channel();
    // Reading blocks, and nothing ends it but the end itself, so it has a thread that nobody waits for.
    thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut thrown_away = [0; 1024];
        while input.read(&mut thrown_away).is_ok_and(|length| length > 0) {}
        // The program may be stopping already.
        let _ = sender.send(());
    });
    async move {
        // Without its thread there is no end to be seen.
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
