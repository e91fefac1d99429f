//! `wfi-emulator health`: the health check of containers without a shell.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use clap::Args;

use super::address::reachable_host;

/// The arguments of the command.
#[derive(Args, Debug)]
pub(super) struct HealthArguments {
    /// Address that the emulator listens on
    #[arg(long, env = "WFI_EMULATOR_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port that the emulator listens on
    #[arg(long, env = "WFI_EMULATOR_PORT", default_value_t = 9340)]
    port: u16,
}

/// The time limit of an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks an emulator whether it is ready.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn check(arguments: &HealthArguments) -> Result<(), String> {
    let (host, port) = (reachable_host(&arguments.host), arguments.port);
    let address = format!("{host}:{port}");
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let addresses = (host, port).to_socket_addrs().map_err(failed)?;
    let mut problem = format!("{address}: unknown host");
    for resolved in addresses {
        match TcpStream::connect_timeout(&resolved, PATIENCE) {
            Ok(stream) => return read(stream).map_err(failed).and_then(|answer| judge(&address, &answer)),
            Err(error) => problem = failed(error),
        }
    }
    Err(problem)
}

/// Whether an emulator answers at an address.
pub(super) fn is_emulator(host: &str, port: u16) -> bool {
    check(&HealthArguments { host: host.to_owned(), port }).is_ok()
}

fn read(mut stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /_emulator/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Judges an answer. Without a control API, an emulator answers as Graph does on an unknown path, which is healthy too.
fn judge(address: &str, answer: &str) -> Result<(), String> {
    let line = answer.lines().next().unwrap_or_default();
    if line.starts_with("HTTP/1.1 ") && answer.to_ascii_lowercase().contains("\r\nx-ms-ags-diagnostic:")
        || line == "HTTP/1.1 200 OK"
    {
        Ok(())
    } else {
        Err(format!("{address}: found {line:?}, expected HTTP/1.1 200 OK"))
    }
}
