//! The asynchronous runtime of commands that wait for the network.

use std::hint::black_box;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;

use super::descriptors;
use super::output::fail;

/// Interval at which free memory is returned to the system.
const RETURN_INTERVAL: Duration = Duration::from_secs(2);

/// Runs a command on this thread.
pub(super) fn run(future: impl Future<Output = ExitCode>) -> ExitCode {
    descriptors::raise();
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            runtime.spawn(return_free_memory());
            let status = runtime.block_on(future);
            // The end of the program waits neither for a computation nor for the look-up of a name.
            runtime.shutdown_background();
            status
        }
        Err(error) => fail(1, &format!("cannot start: {error}")),
    }
}

/// Makes the allocator return memory that was freed long enough ago.
///
/// mimalloc does so when a thread has allocated a few thousand times, or ends. After the last large request, threads that wait for more do
/// neither, so a thread that ends at once is started from time to time.
async fn return_free_memory() {
    loop {
        tokio::time::sleep(RETURN_INTERVAL).await;
        // Without an allocation the thread would have no heap to clean up. Where no thread can be started, memory is scarce anyway.
        let _ = thread::Builder::new().stack_size(64 * 1024).spawn(|| drop(black_box(Box::new(0_u8))));
    }
}
