//! `wfi-emulator health`: asks a running emulator whether it answers, for health checks of containers without a shell.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks an emulator whether it is ready; what is wrong is returned for people.
pub(super) fn ask(host: &str, port: u16) -> Result<(), String> {
    let place = format!("{host}:{port}");
    let failed = |error: std::io::Error| format!("{place}: {error}");
    let addresses = (host, port).to_socket_addrs().map_err(failed)?;
    let mut problem = format!("{place}: no such address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return read(stream).map_err(failed).and_then(|answer| judge(&place, &answer)),
            Err(error) => problem = failed(error),
        }
    }
    Err(problem)
}

fn read(mut stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /_emulator/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// An emulator without a control API answers as Graph does to an unknown path, which shows as well that it answers.
fn judge(place: &str, answer: &str) -> Result<(), String> {
    let line = answer.lines().next().unwrap_or_default();
    if line.starts_with("HTTP/1.1 ") && answer.to_ascii_lowercase().contains("\r\nx-ms-ags-diagnostic:")
        || line == "HTTP/1.1 200 OK"
    {
        Ok(())
    } else {
        Err(format!("{place}: found {line:?}, expected HTTP/1.1 200 OK"))
    }
}
