//! The log on standard error, which never delays an answer.
//!
//! A test suite that spawns the program with a pipe and never reads it would stall the server once the pipe is full. So lines go
//! through a queue to a thread of their own; lines that do not fit are dropped and counted.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::text::visible::{visible, visible_colored};

/// The length of the queue in lines.
const QUEUE: usize = 4096;

/// The time limit for writing the rest of the queue at the end of the program.
const FLUSH: Duration = Duration::from_secs(1);

/// The least severe level to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

/// Starts the log, unless it is off. The returned value writes the rest of the queue when it is dropped.
pub(super) fn start(level: LogLevel) -> Option<Flush> {
    let filter = match level {
        LogLevel::Off => return None,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let (sender, queue) = channel();
    let (written, all_written) = channel();
    let counts = Arc::new(Counts::default());
    let lines = Lines { sender, counts: counts.clone(), has_color: io::stderr().is_terminal() };
    thread::spawn(move || {
        write_lines(&queue, &counts);
        // The receiver may be gone: then the program is ending without a flush.
        let _ = written.send(());
    });
    let has_color = lines.has_color;
    tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(has_color)
        .with_max_level(filter)
        .with_target(false)
        // Internal errors would go to standard error as well, and would panic where that is closed.
        .log_internal_errors(false)
        .init();
    Some(Flush { lines, all_written })
}

/// Writes lines up to the empty one that ends the log. A failure to write has no other place to be reported.
fn write_lines(queue: &Receiver<Vec<u8>>, counts: &Counts) {
    for line in queue.iter().take_while(|line| !line.is_empty()) {
        counts.waiting.fetch_sub(1, Ordering::Relaxed);
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(&line);
        let count = counts.dropped.swap(0, Ordering::Relaxed);
        if count > 0 {
            let _ = writeln!(stderr, "log lines dropped: {count}, since standard error was not read in time");
        }
    }
}

/// Writes the rest of the queue when it is dropped.
pub(super) struct Flush {
    lines: Lines,
    all_written: Receiver<()>,
}

impl Drop for Flush {
    fn drop(&mut self) {
        // A full queue means that standard error is not read; waiting would not help.
        if self.lines.queue(Vec::new()) {
            let _ = self.all_written.recv_timeout(FLUSH);
        }
    }
}

/// The numbers of lines that wait, and that were dropped since the last one was written.
#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

/// The queue. It takes no memory for lines that do not wait.
#[derive(Clone)]
struct Lines {
    sender: Sender<Vec<u8>>,
    counts: Arc<Counts>,
    has_color: bool,
}

impl Lines {
    /// Queues a line, or returns `false` if the queue is full.
    fn queue(&self, line: Vec<u8>) -> bool {
        let waiting = &self.counts.waiting;
        let has_room = waiting.fetch_add(1, Ordering::Relaxed) < QUEUE;
        let is_queued = has_room && self.sender.send(line).is_ok();
        if !is_queued {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
        is_queued
    }
}

impl Write for Lines {
    /// Queues one line: the log writes each in one piece. Where an event has a text from outside, it remains one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !line.is_empty() && !self.queue(one_line(line, self.has_color)) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a line with nothing that controls how it is shown but its own end, and colors if there are any. The subscriber escapes ESC in
/// the texts of events.
fn one_line(line: &[u8], has_color: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let content = text.strip_suffix('\n').unwrap_or(&text);
    let shown = if has_color { visible_colored(content) } else { visible(content) };
    format!("{shown}\n").into_bytes()
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Lines;

    fn make_writer(&'w self) -> Lines {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_are_dropped_and_counted() {
        let (sender, queue) = channel();
        let mut lines = Lines { sender, counts: Arc::default(), has_color: false };
        for _ in 0..QUEUE + 2 {
            lines.write_all(b"INFO a line\n").unwrap();
        }
        assert_eq!(lines.counts.dropped.load(Ordering::Relaxed), 2);
        assert_eq!(queue.try_iter().count(), QUEUE);
        // Lines that were written make room.
        lines.counts.waiting.store(0, Ordering::Relaxed);
        lines.write_all(b"INFO a line\n").unwrap();
        let counts = lines.counts.clone();
        drop(lines);
        write_lines(&queue, &counts);
        assert_eq!((counts.waiting.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn an_event_is_one_line() {
        let line = |text: &str, has_color| String::from_utf8(one_line(text.as_bytes(), has_color)).unwrap();
        assert_eq!(line("INFO plain é\n", false), "INFO plain é\n");
        assert_eq!(line("INFO a\nINFO b\r\u{1b}[2J\u{9b}\u{202e}\n", false), "INFO a\\nINFO b\\r\\u{1b}[2J\\u{9b}\\u{202e}\n");
        assert_eq!(line("\u{1b}[32mINFO\u{1b}[0m a\nb\n", true), "\u{1b}[32mINFO\u{1b}[0m a\\nb\n");
        assert_eq!(line("\n\n", false), "\\n\n");
    }
}
