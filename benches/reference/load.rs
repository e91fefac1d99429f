//! The load generator: keep-alive connections with one request in flight each.
//!
//! It does as little as possible, since it shares the cores with the servers: requests are prepared bytes, only the status and the length
//! of a response are read, and one reading of the clock ends a request and starts the next. Other servers are loaded too
//! (`benches/peers/`), so header names may be in any case and bodies in chunks.

use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use wfi_emulator::internals::edge::server::Workers;

use crate::Problem;

/// An entity of the built-in fixtures.
pub(crate) const ENTITY: &str = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// The path of the entities, before an id or a query.
const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations/";

/// Time limit for a server beyond the planned time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Larger than a response, so that one read is enough.
pub(crate) const BUFFER: usize = 16 * 1024;

/// Returns the runtime of the benchmark, on one thread.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Returns the threads of the load generator: none beside that of the benchmark, which is enough to keep two cores busy, or half as many
/// as cores.
fn threads() -> io::Result<Option<Workers>> {
    match available_parallelism().map_or(1, usize::from) / 2 {
        0 | 1 => Ok(None),
        count => Workers::start(count).map(Some),
    }
}

/// A kind of request.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) name: &'static str,
    bytes: Vec<u8>,
    /// The position of a four-digit number that changes with each request.
    number_at: Option<usize>,
}

impl Exchange {
    /// Reads an entity.
    pub(crate) fn get(id: &str) -> Exchange {
        Exchange::get_at(&path_of(id))
    }

    /// Reads a path.
    pub(crate) fn get_at(path: &str) -> Exchange {
        let head = head("GET", path);
        Exchange { name: "GET", bytes: format!("{head}\r\n").into_bytes(), number_at: None }
    }

    /// Updates an entity with a different value each time.
    pub(crate) fn patch(id: &str) -> Exchange {
        Exchange::patch_at(&path_of(id))
    }

    /// Updates the entity at a path with a different value each time.
    pub(crate) fn patch_at(path: &str) -> Exchange {
        let body = concat!(
            r##"{"@odata.type":"#microsoft.graph.workforceIntegration","displayName":"Renamed 0000","apiVersion":1,"##,
            r##""supportedEntities":"shift,openShift","encryption":{"protocol":"sharedSecret","secret":null}}"##
        );
        let head = format!("{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", head("PATCH", path), body.len());
        let number_at = body.find("0000").map(|at| head.len() + at);
        Exchange { name: "PATCH", bytes: format!("{head}{body}").into_bytes(), number_at }
    }

    /// Deletes a path.
    pub(crate) fn delete_at(path: &str) -> Exchange {
        Exchange { name: "DELETE", bytes: format!("{}\r\n", head("DELETE", path)).into_bytes(), number_at: None }
    }

    /// Reads an entity `count` times in one batch.
    pub(crate) fn batch(id: &str, count: u32) -> Exchange {
        let url = format!("/teamwork/workforceIntegrations/{id}");
        let item = |number| format!(r#"{{"id":"{number}","method":"GET","url":"{url}"}}"#);
        let body = format!(r#"{{"requests":[{}]}}"#, (1..=count).map(item).collect::<Vec<_>>().join(","));
        let head = head("POST", "/v1.0/$batch");
        let bytes = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        Exchange { name: "POST $batch", bytes, number_at: None }
    }

    /// Reads a page of a hundred entities.
    pub(crate) fn page() -> Exchange {
        let head = head("GET", &format!("{COLLECTION}?$top=100"));
        Exchange { name: "GET ?$top=100", bytes: format!("{head}\r\n").into_bytes(), number_at: None }
    }

    /// Filters all entities, without a match.
    pub(crate) fn filter() -> Exchange {
        let head = head("GET", &format!("{COLLECTION}?$filter=displayName%20eq%20'nobody'"));
        Exchange { name: "GET ?$filter=…", bytes: format!("{head}\r\n").into_bytes(), number_at: None }
    }

    /// Returns the bytes before the number that changes, and those after it: all bytes and none without such a number.
    pub(crate) fn around_number(&self) -> (&[u8], &[u8]) {
        let at = self.number_at.unwrap_or(self.bytes.len());
        (&self.bytes[..at], self.bytes.get(at + 4..).unwrap_or_default())
    }

    fn set_number(&mut self, number: usize) -> io::Result<()> {
        match self.number_at.and_then(|at| self.bytes.get_mut(at..at + 4)) {
            Some(mut digits) => write!(digits, "{:04}", number % 10_000),
            None => Ok(()),
        }
    }
}

/// Returns the path of an entity.
pub(crate) fn path_of(id: &str) -> String {
    format!("{COLLECTION}{id}")
}

/// Returns the beginning of a request. The host is the same for every server, so that answers that contain it have the same length.
fn head(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:9340\r\nAccept: application/json\r\n")
}

/// The figures of a round of load.
pub(crate) struct Load {
    pub(crate) requests: u32,
    elapsed: Duration,
    /// The CPU time of the server.
    pub(crate) cpu: Option<Duration>,
    /// The latency of each request, in microseconds, in ascending order.
    latencies: Vec<u32>,
}

impl Load {
    /// A load whose latencies are not known.
    pub(crate) fn of(requests: u32, elapsed: Duration, cpu: Option<Duration>) -> Load {
        Load { requests, elapsed, cpu, latencies: Vec::new() }
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.requests) / self.elapsed.as_secs_f64()
    }

    pub(crate) fn cpu_micros(&self) -> Option<f64> {
        self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / f64::from(self.requests))
    }

    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let index = self.latencies.len() * percent / 100;
        self.latencies.get(index).copied().map(f64::from)
    }
}

/// The end of a round of load.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this time; requests in flight are completed.
    Passed(Duration),
    /// After this number of answers per connection.
    Answered(usize),
    /// Whichever comes first.
    Either(Duration, usize),
}

/// Connections to one server, each with the runtime of its thread.
pub(crate) struct Pool {
    connections: Vec<(Handle, Connection)>,
    _threads: Option<Workers>,
}

impl Pool {
    pub(crate) async fn connect(address: SocketAddr, exchange: &Exchange, connections: usize) -> Result<Pool, Problem> {
        let threads = threads()?;
        let runtimes = threads.as_ref().map_or_else(|| vec![Handle::current()], Workers::handles);
        let mut pool = Vec::new();
        for (number, runtime) in (0..connections).zip(runtimes.into_iter().cycle()) {
            let exchange = exchange.clone();
            let mut connection = runtime.spawn(async move { Connection::open(address, &exchange).await }).await??;
            // Each connection starts at another number, so that no two consecutive updates are equal.
            connection.number = number * 100;
            pool.push((runtime, connection));
        }
        Ok(Pool { connections: pool, _threads: threads })
    }

    /// Sends requests over all connections at once.
    pub(crate) async fn run(&mut self, until: Until) -> Result<Load, Problem> {
        let limit = match until {
            Until::Passed(duration) | Until::Either(duration, _) => duration + PATIENCE,
            Until::Answered(_) => PATIENCE * 10,
        };
        let started = Instant::now();
        let running = self.connections.drain(..).map(|(runtime, connection)| {
            let task = runtime.spawn(connection.run(until, started));
            (runtime, task)
        });
        let tasks: Vec<_> = running.collect();
        let joined = async {
            for (runtime, task) in tasks {
                self.connections.push((runtime, task.await??));
            }
            Ok::<_, Problem>(started.elapsed())
        };
        let elapsed = tokio::time::timeout(limit, joined).await.map_err(|_| "it does not answer any more")??;
        let mut latencies: Vec<u32> =
            self.connections.iter_mut().flat_map(|(_, connection)| connection.latencies.drain(..)).collect();
        latencies.sort_unstable();
        Ok(Load { requests: u32::try_from(latencies.len())?, elapsed, cpu: None, latencies })
    }
}

/// A connection with one request in flight.
struct Connection {
    stream: TcpStream,
    exchange: Exchange,
    number: usize,
    buffer: Vec<u8>,
    /// In microseconds.
    latencies: Vec<u32>,
}

impl Connection {
    async fn open(address: SocketAddr, exchange: &Exchange) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(BUFFER);
        Ok(Connection { stream, exchange: exchange.clone(), number: 0, buffer, latencies: Vec::new() })
    }

    async fn run(mut self, until: Until, started: Instant) -> io::Result<Connection> {
        let mut last = started;
        loop {
            let is_over = match until {
                Until::Passed(duration) => last.duration_since(started) >= duration,
                Until::Answered(count) => self.latencies.len() >= count,
                Until::Either(duration, count) => last.duration_since(started) >= duration || self.latencies.len() >= count,
            };
            if is_over {
                return Ok(self);
            }
            self.exchange().await?;
            let now = Instant::now();
            self.latencies.push(u32::try_from(now.duration_since(last).as_micros()).unwrap_or(u32::MAX));
            last = now;
        }
    }

    /// Sends one request and reads the response into the buffer.
    async fn exchange(&mut self) -> io::Result<()> {
        self.exchange.set_number(self.number)?;
        self.number += 1;
        self.stream.write_all(&self.exchange.bytes).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::other("the connection ended within a response"));
            }
            match length_of(&self.buffer)? {
                Some(length) if self.buffer.len() == length => return Ok(()),
                Some(length) if self.buffer.len() > length => return Err(io::Error::other("more than one response arrived")),
                _ => {}
            }
        }
    }
}

/// Returns the length of a response with its head, once it is known; an error unless the response is a success.
pub(crate) fn length_of(response: &[u8]) -> io::Result<Option<usize>> {
    let mut rest = response;
    let mut length = None;
    let mut is_chunked = false;
    loop {
        let line = rest;
        let line = &line[..rest.skip_until(b'\n')?];
        if line == b"\r\n" {
            break;
        }
        if !line.ends_with(b"\n") {
            return Ok(None);
        }
        if let Some(value) = value_of(line, "content-length: ") {
            length = value.parse::<usize>().ok();
        } else if let Some(value) = value_of(line, "transfer-encoding: ") {
            is_chunked = value.eq_ignore_ascii_case("chunked");
        }
    }
    if !response.starts_with(b"HTTP/1.1 2") {
        return Err(io::Error::other(format!("it answered {:?}", String::from_utf8_lossy(response))));
    }
    let head = response.len() - rest.len();
    let body = if is_chunked {
        length_of_chunks(rest)?
    } else if response.starts_with(b"HTTP/1.1 204 ") {
        Some(0)
    } else {
        Some(length.ok_or_else(|| io::Error::other("it answered without content-length"))?)
    };
    Ok(body.map(|body| head + body))
}

/// Returns the value of a header line with this name, given in lower case with the `: ` that follows it.
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let (found, value) = line.split_at_checked(name.len())?;
    let value = found.eq_ignore_ascii_case(name.as_bytes()).then(|| std::str::from_utf8(value).ok())?;
    value.map(str::trim_end)
}

/// Returns the length of a body in chunks, once the last chunk has arrived. Trailers are not supported.
fn length_of_chunks(body: &[u8]) -> io::Result<Option<usize>> {
    let mut at = 0;
    loop {
        let Some(end) = body[at..].iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let size = std::str::from_utf8(&body[at..at + end]).ok().and_then(|size| usize::from_str_radix(size.trim_end(), 16).ok());
        let size = size.ok_or_else(|| io::Error::other("it answered with a chunk without size"))?;
        // An empty line follows each chunk and the last size.
        at += end + 1 + size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
        if at > body.len() {
            return Ok(None);
        }
    }
}

/// Sends requests over one connection, each after the answer to the previous one.
pub(crate) async fn one_after_another(address: SocketAddr, exchanges: impl Iterator<Item = Exchange>) -> Result<(), Problem> {
    let mut connection: Option<Connection> = None;
    for exchange in exchanges {
        let connection = match &mut connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(address, &exchange).await?),
        };
        connection.exchange = exchange;
        tokio::time::timeout(PATIENCE, connection.exchange()).await.map_err(|_| "it does not answer")??;
    }
    Ok(())
}

/// Sends one request over a new connection and returns the response.
pub(crate) async fn probe(address: SocketAddr, exchange: &Exchange) -> Result<Vec<u8>, Problem> {
    let mut connection = Connection::open(address, exchange).await?;
    tokio::time::timeout(PATIENCE, connection.exchange()).await.map_err(|_| "it does not answer")??;
    Ok(connection.buffer)
}

/// Returns the time to the first answer, including the connection.
pub(crate) async fn first_answer(address: SocketAddr, exchange: &Exchange) -> Result<Duration, Problem> {
    let started = Instant::now();
    probe(address, exchange).await?;
    Ok(started.elapsed())
}
