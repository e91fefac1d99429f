//! The log on standard error, which never delays an answer.
//!
//! A test suite that spawns the program with a pipe and never reads it would stall the server once the pipe is full. So lines go
//! through a queue to a thread of their own; lines that do not fit are dropped and counted.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::text::json::quoted;
use crate::text::visible::{visible, visible_colored, visible_json_string};

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

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Auto,
    Short,
    Full,
    Json,
}

/// The form of lines that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineForm {
    /// For people: time of day, status, method and path, then the rule that decided.
    Short { has_color: bool },
    /// Time, level and message.
    Full,
    /// A JSON object.
    Json,
}

impl LogFormat {
    fn line_form(self) -> LineForm {
        let is_terminal = io::stderr().is_terminal();
        match self {
            LogFormat::Auto if !is_terminal => LineForm::Full,
            // no-color.org; a dumb terminal shows the codes of colors.
            LogFormat::Auto | LogFormat::Short => {
                let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
                LineForm::Short { has_color: is_terminal && !is_set("NO_COLOR") && !is_dumb }
            }
            LogFormat::Full => LineForm::Full,
            LogFormat::Json => LineForm::Json,
        }
    }
}

/// Starts the log, unless it is off. The returned value writes the rest of the queue when it is dropped.
pub(super) fn start(level: LogLevel, format: LogFormat) -> Option<Flush> {
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
    let form = format.line_form();
    let lines = Lines { sender, counts: counts.clone(), form };
    thread::spawn(move || {
        write_lines(&queue, &counts, form);
        // The receiver may be gone: then the program is ending without a flush.
        let _ = written.send(());
    });
    tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(matches!(form, LineForm::Short { has_color: true }))
        .with_max_level(filter)
        // Internal errors would go to standard error as well, and would panic where that is closed.
        .log_internal_errors(false)
        .event_format(form)
        .init();
    Some(Flush { lines, all_written })
}

/// The parts of an event.
#[derive(Debug, Default)]
struct EventParts {
    message: String,
    /// The fields in order, texts without quotes.
    fields: Vec<(&'static str, String)>,
}

impl Visit for EventParts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.fields.push((name, value.to_owned())),
        }
    }
}

impl EventParts {
    /// Returns the parts of an event of this program, or of a library, whose fields belong to its message.
    fn of(event: &Event<'_>) -> EventParts {
        let mut parts = EventParts::default();
        event.record(&mut parts);
        if !is_own(event) {
            for (name, value) in parts.fields.drain(..) {
                let _ = write!(parts.message, " {name}={value}");
            }
        }
        parts
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }
}

/// Whether an event is one of this program.
fn is_own(event: &Event<'_>) -> bool {
    event.metadata().target().starts_with("wfi_emulator")
}

impl<S, N> FormatEvent<S, N> for LineForm
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        // Those of libraries are about frames of HTTP/2, many for each request.
        if level > Level::INFO && !is_own(event) {
            return Ok(());
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let line = self.line(&time, level, &EventParts::of(event));
        if line.is_empty() { Ok(()) } else { writeln!(writer, "{line}") }
    }
}

impl LineForm {
    /// Returns the line of an event; an empty one if the form leaves it out.
    fn line(self, time: &str, level: Level, parts: &EventParts) -> String {
        match self {
            LineForm::Full => format!("{time} {level:>5} {}", parts.message),
            LineForm::Short { has_color } => short_line(time, level, parts, has_color),
            // The event of the request has these texts already.
            LineForm::Json if parts.get("part").is_some() => String::new(),
            LineForm::Json => json_line(time, level, parts),
        }
    }
}

const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// Returns a line for people. The time is that of the day, in UTC as in the journal.
fn short_line(time: &str, level: Level, parts: &EventParts, has_color: bool) -> String {
    let in_color = |color: &str, text: &str| {
        let text = visible(text);
        if has_color && !text.is_empty() { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.into_owned() }
    };
    let mut line = in_color(DIM, time.get(11..19).unwrap_or(time));
    if let (Some(sign), Some(text)) = (parts.get("part"), parts.get("text")) {
        line.push_str(&format!("   {sign} {}", visible(text)));
        return line;
    }
    let (Some(method), Some(path), Some(status)) = (parts.get("method"), parts.get("path"), parts.get("status")) else {
        let (mark, color) = match level {
            Level::ERROR => ("ERR", RED),
            Level::WARN => ("WRN", YELLOW),
            _ => ("   ", DIM),
        };
        line.push_str(&format!(" {} {}", in_color(color, mark), visible(&parts.message)));
        return line;
    };
    let color = match status.as_bytes().first() {
        Some(b'2') => GREEN,
        Some(b'3') => CYAN,
        Some(b'4') => YELLOW,
        _ => RED,
    };
    line.push_str(&format!(" {} {} {}", in_color(color, status), visible(method), visible(path)));
    if let Some(rule) = parts.get("rule") {
        line.push_str(&format!("  {}", in_color(color, rule)));
        if let Some(detail) = parts.get("detail") {
            line.push_str(&format!(": {}", visible(detail)));
        }
    }
    for (name, words) in [("faults", "fault"), ("stub", "stub")] {
        if let Some(text) = parts.get(name) {
            line.push_str(&format!("  {words} {}", visible(text)));
        }
    }
    if let Some(micros) = parts.get("micros").and_then(|micros| micros.parse().ok()) {
        line.push_str(&format!("  {}", in_color(DIM, &duration(micros))));
    }
    line
}

/// Returns a duration with a unit that keeps it short.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros}us"),
        1_000..10_000_000 => format!("{}ms", micros / 1_000),
        _ => format!("{}s", micros / 1_000_000),
    }
}

/// The members of a line in JSON that are not texts: numbers, and objects that are JSON already.
const UNQUOTED: [&str; 4] = ["status", "micros", "request", "response"];

/// Returns an object with the fields of an event, in their order.
fn json_line(time: &str, level: Level, parts: &EventParts) -> String {
    let text = |text: &str| visible_json_string(&quoted(text)).into_owned();
    let level = level.as_str().to_ascii_lowercase();
    let mut line = format!("{{\"time\":{},\"level\":{},\"message\":{}", text(time), text(&level), text(&parts.message));
    for (name, value) in &parts.fields {
        let value = if UNQUOTED.contains(name) { visible_json_string(value) } else { Cow::Owned(text(value)) };
        line.push_str(&format!(",\"{name}\":{value}"));
    }
    line.push('}');
    line
}

/// Writes lines up to the empty one that ends the log. A failure to write has no other place to be reported.
fn write_lines(queue: &Receiver<Vec<u8>>, counts: &Counts, form: LineForm) {
    for line in queue.iter().take_while(|line| !line.is_empty()) {
        counts.waiting.fetch_sub(1, Ordering::Relaxed);
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(&line);
        let count = counts.dropped.swap(0, Ordering::Relaxed);
        if count > 0 {
            let message = format!("log lines dropped: {count}, since standard error was not read in time");
            let mut time = String::new();
            let _ = SystemTime.format_time(&mut Writer::new(&mut time));
            let line = match form {
                LineForm::Json => json_line(&time, Level::WARN, &EventParts { message, fields: Vec::new() }),
                LineForm::Short { .. } | LineForm::Full => message,
            };
            let _ = writeln!(stderr, "{line}");
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
    form: LineForm,
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
        if !line.is_empty() && !self.queue(one_line(line, self.form)) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a line with nothing that controls how it is shown but its own end, and colors if there are any. The texts of events have no ESC
/// where there are colors.
fn one_line(line: &[u8], form: LineForm) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let content = text.strip_suffix('\n').unwrap_or(&text);
    let shown = match form {
        LineForm::Short { has_color: true } => visible_colored(content),
        LineForm::Short { has_color: false } | LineForm::Full | LineForm::Json => visible(content),
    };
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
        let mut lines = Lines { sender, counts: Arc::default(), form: LineForm::Full };
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
        write_lines(&queue, &counts, LineForm::Full);
        assert_eq!((counts.waiting.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn an_event_is_one_line() {
        let line = |text: &str, has_color| {
            let form = if has_color { LineForm::Short { has_color } } else { LineForm::Full };
            String::from_utf8(one_line(text.as_bytes(), form)).unwrap()
        };
        assert_eq!(line("INFO plain é\n", false), "INFO plain é\n");
        assert_eq!(line("INFO a\nINFO b\r\u{1b}[2J\u{9b}\u{202e}\n", false), "INFO a\\nINFO b\\r\\u{1b}[2J\\u{9b}\\u{202e}\n");
        assert_eq!(line("\u{1b}[32mINFO\u{1b}[0m a\nb\n", true), "\u{1b}[32mINFO\u{1b}[0m a\\nb\n");
        assert_eq!(line("\n\n", false), "\\n\n");
    }

    fn parts(message: &str, fields: &[(&'static str, &str)]) -> EventParts {
        EventParts {
            message: message.to_owned(),
            fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn each_form_has_its_lines() {
        let time = "2026-01-02T03:04:05.678901Z";
        let request = [("method", "GET"), ("path", "/v1.0/x"), ("status", "404"), ("micros", "1234")];
        let reason = [("rule", "not-found"), ("detail", "a\u{1b}b"), ("request", "{\"body\":\"\u{7f}\"}")];
        let refused = parts("GET /v1.0/x 404 1234us refused by …", &[&request[..], &reason].concat());
        let faulty = parts("…", &[&request[..], &[("faults", "busy"), ("stub", "a.hurl:1")]].concat());
        let header = parts("…", &[("part", ">"), ("text", "a: b")]);
        let other = parts("a \"quoted\"\nline\u{202e}", &[]);
        let mut text = String::new();
        for form in [LineForm::Full, LineForm::Short { has_color: false }, LineForm::Short { has_color: true }, LineForm::Json] {
            for (level, parts) in
                [(Level::INFO, &refused), (Level::INFO, &faulty), (Level::DEBUG, &header), (Level::WARN, &other)]
            {
                let line = one_line(form.line(time, level, parts).as_bytes(), form);
                text.push_str(&String::from_utf8(line).unwrap().replace('\u{1b}', "^["));
            }
        }
        insta::assert_snapshot!(text, @r#"
        2026-01-02T03:04:05.678901Z  INFO GET /v1.0/x 404 1234us refused by …
        2026-01-02T03:04:05.678901Z  INFO …
        2026-01-02T03:04:05.678901Z DEBUG …
        2026-01-02T03:04:05.678901Z  WARN a "quoted"\nline\u{202e}
        03:04:05 404 GET /v1.0/x  not-found: a\u{1b}b  1ms
        03:04:05 404 GET /v1.0/x  fault busy  stub a.hurl:1  1ms
        03:04:05   > a: b
        03:04:05 WRN a "quoted"\nline\u{202e}
        ^[[2m03:04:05^[[0m ^[[33m404^[[0m GET /v1.0/x  ^[[33mnot-found^[[0m: a\u{1b}b  ^[[2m1ms^[[0m
        ^[[2m03:04:05^[[0m ^[[33m404^[[0m GET /v1.0/x  fault busy  stub a.hurl:1  ^[[2m1ms^[[0m
        ^[[2m03:04:05^[[0m   > a: b
        ^[[2m03:04:05^[[0m ^[[33mWRN^[[0m a "quoted"\nline\u{202e}
        {"time":"2026-01-02T03:04:05.678901Z","level":"info","message":"GET /v1.0/x 404 1234us refused by …","method":"GET","path":"/v1.0/x","status":404,"micros":1234,"rule":"not-found","detail":"a\u001bb","request":{"body":"\u007f"}}
        {"time":"2026-01-02T03:04:05.678901Z","level":"info","message":"…","method":"GET","path":"/v1.0/x","status":404,"micros":1234,"faults":"busy","stub":"a.hurl:1"}

        {"time":"2026-01-02T03:04:05.678901Z","level":"warn","message":"a \"quoted\"\nline\u202e"}
        "#);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!([0, 999, 1_000, 9_999_999, 10_000_000].map(duration), ["0us", "999us", "1ms", "9999ms", "10s"]);
    }
}
