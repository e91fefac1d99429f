//! Servers around mock servers that are Rust libraries: `wfi-emulator-peers NAME PATH INTEGRATION` prints an address and answers GET and
//! PATCH of the path with the JSON in the file.

use std::io::Write as _;
use std::net::SocketAddr;

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const JSON: &str = "application/json";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, place, file] = arguments.as_slice() else { return Err("expected a name, a path and a file".into()) };
    let integration = std::fs::read_to_string(file)?;
    match name.as_str() {
        "httpmock" => {
            let server = httpmock::MockServer::start_async().await;
            for verb in ["GET", "PATCH"] {
                let answer = |when: httpmock::When, then: httpmock::Then| {
                    when.method(verb).path(place);
                    then.status(200).header("content-type", JSON).body(&integration);
                };
                server.mock_async(answer).await;
            }
            announce(*server.address()).await?;
        }
        "wiremock-rs" => {
            // As for the other peers, the journal of requests is off where possible: this one would grow without limit.
            let server = MockServer::builder().disable_request_recording().start().await;
            for verb in ["GET", "PATCH"] {
                let answer = ResponseTemplate::new(200).set_body_raw(integration.clone(), JSON);
                Mock::given(method(verb)).and(path(place)).respond_with(answer).mount(&server).await;
            }
            announce(*server.address()).await?;
        }
        _ => return Err(format!("no such server: {name}").into()),
    }
    Ok(())
}

/// Prints the address and never returns: the process is killed after the measurement.
async fn announce(address: SocketAddr) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "http://{address}")?;
    std::future::pending().await
}
