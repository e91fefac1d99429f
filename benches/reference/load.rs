//! The load generator: keep-alive connections with one request in flight each, on one thread.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// A kind of request.
pub(crate) struct Exchange {
    /// Variants of the request, sent in turn.
    requests: Vec<Vec<u8>>,
}

impl Exchange {
    /// Reads one entity.
    pub(crate) fn get() -> Exchange {
        let request = format!("GET {ENTITY} HTTP/1.1\r\nHost: 127.0.0.1:9340\r\nAccept: application/json\r\n\r\n");
        Exchange { requests: vec![request.into_bytes()] }
    }

    /// Changes one entity, to something else each time.
    pub(crate) fn patch() -> Exchange {
        let requests = (0..100).map(|number| {
            let body = format!(
                r##"{{"@odata.type":"#microsoft.graph.workforceIntegration","displayName":"Renamed {number:04}","apiVersion":1,"supportedEntities":"shift,openShift","encryption":{{"protocol":"sharedSecret","secret":null}}}}"##
            );
            let head = format!("PATCH {ENTITY} HTTP/1.1\r\nHost: 127.0.0.1:9340\r\nAccept: application/json\r\nContent-Type: application/json");
            format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        });
        Exchange { requests: requests.collect() }
    }
}

/// What a round of load came to.
pub(crate) struct Load {
    pub(crate) requests: usize,
    pub(crate) elapsed: Duration,
    /// The server's time on the CPU.
    pub(crate) cpu: Option<Duration>,
    /// How long each request took, in microseconds, in ascending order.
    pub(crate) latencies: Vec<u32>,
}

impl Load {
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu.map_or(f64::NAN, |cpu| cpu.as_secs_f64() * 1e6 / self.requests as f64)
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a list"
    )]
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let index = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(index).or(self.latencies.last()).map_or(f64::NAN, |micros| f64::from(*micros))
    }
}

/// When a round ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Time(Instant),
    Requests(usize),
}

/// Sends requests over so many connections; returns how many were answered, and how long each took.
pub(crate) fn run(
    address: SocketAddr,
    exchange: &Exchange,
    connections: usize,
    until: Until,
) -> Result<(usize, Vec<u32>), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for connection in 0..connections {
            let requests = exchange.requests.clone();
            tasks.push(tokio::spawn(async move { connection_load(address, &requests, connection, connections, until).await }));
        }
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.append(&mut task.await?.map_err(|problem| format!("the server at {address}: {problem}"))?);
        }
        latencies.sort_unstable();
        Ok((latencies.len(), latencies))
    })
}

async fn connection_load(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connection: usize,
    connections: usize,
    until: Until,
) -> std::io::Result<Vec<u32>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8192);
    let mut latencies = Vec::new();
    for count in 0.. {
        let started = Instant::now();
        let goes_on = match until {
            Until::Time(end) => started < end,
            Until::Requests(total) => count < total / connections,
        };
        if !goes_on {
            break;
        }
        stream.write_all(&requests[(connection + count) % requests.len()]).await?;
        read_response(&mut stream, &mut buffer).await?;
        latencies.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

/// Reads one whole response into the buffer, and sees that it is a 200.
async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    buffer.clear();
    let mut whole = None;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::Error::other("the connection ended within a response"));
        }
        if whole.is_none() {
            whole = length_of(buffer)?;
        }
        if whole.is_some_and(|length| buffer.len() >= length) {
            return Ok(());
        }
    }
}

/// Returns the length of head and body, once the head is there.
fn length_of(buffer: &[u8]) -> std::io::Result<Option<usize>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&buffer[..end]).map_err(std::io::Error::other)?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(std::io::Error::other(format!("answered {}", head.lines().next().unwrap_or_default())));
    }
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
    length.map(|length| Some(end + 4 + length)).ok_or_else(|| std::io::Error::other("a response without content-length"))
}

/// Sends one request and returns the bytes of the response.
pub(crate) fn record(address: SocketAddr, exchange: &Exchange) -> Result<Vec<u8>, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&exchange.requests[0]).await?;
        let mut buffer = Vec::new();
        read_response(&mut stream, &mut buffer).await?;
        Ok::<_, std::io::Error>(buffer)
    })?)
}

/// Returns how long a new connection waits for its first answer.
pub(crate) fn first_answer(address: SocketAddr) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    record(address, &Exchange::get())?;
    Ok(started.elapsed())
}
