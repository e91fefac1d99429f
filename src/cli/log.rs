//! The log on standard error, which never holds up an answer.
//!
//! A test suite that spawns the program with a pipe and never reads it would stall the server once the pipe is full. So lines go to
//! a thread of their own, and what it cannot get rid of in time is dropped and counted.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait.
const QUEUE: usize = 4096;

/// How long the end of the program waits for lines that are still to be written.
const FLUSH: Duration = Duration::from_secs(1);

/// Starts the log. Dropping what is returned writes the lines that wait.
pub(super) fn start(filter: LevelFilter) -> Flush {
    let (lines, queue) = sync_channel(QUEUE);
    let (written, all_written) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let lost = dropped.clone();
    thread::spawn(move || {
        write_lines(&queue, &lost);
        // Nobody waits if the program ends otherwise.
        let _ = written.send(());
    });
    let writer = Lines { lines: lines.clone(), dropped };
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal())
        .with_max_level(filter)
        .with_target(false)
        // They would go to standard error as well, and a panic would follow where nobody reads it.
        .log_internal_errors(false)
        .init();
    Flush { lines, all_written }
}

/// Writes lines until the empty one that ends the log. Nothing can be said about a failure to write: this is the place to say it.
fn write_lines(queue: &Receiver<Vec<u8>>, lost: &AtomicU64) {
    for line in queue.iter().take_while(|line| !line.is_empty()) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(&line);
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            let _ = writeln!(stderr, "{count} lines of the log were dropped, since nobody read them in time");
        }
    }
}

/// Writes what waits when it is dropped.
pub(super) struct Flush {
    lines: SyncSender<Vec<u8>>,
    all_written: Receiver<()>,
}

impl Drop for Flush {
    fn drop(&mut self) {
        // A full queue means that nobody reads; then there is nothing to wait for.
        if self.lines.try_send(Vec::new()).is_ok() {
            let _ = self.all_written.recv_timeout(FLUSH);
        }
    }
}

#[derive(Clone)]
struct Lines {
    lines: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

impl Write for Lines {
    /// Takes one line: the log hands over each in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !line.is_empty() && self.lines.try_send(line.to_vec()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Lines;

    fn make_writer(&'w self) -> Lines {
        self.clone()
    }
}
