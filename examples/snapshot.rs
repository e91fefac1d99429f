//! A snapshot of all requests of a client and their answers, in a test with insta.
//!
//! ```console
//! $ cargo run --example snapshot
//! ```
//!
//! With a seed and a fixed clock the journal is the same in every run. It contains no secrets or tokens.

use std::error::Error;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::Request;
use wfi_emulator::emulator::Emulator;

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::builder().seed(1).clock(UNIX_EPOCH).build();
    client_under_test(&emulator)?;
    insta::assert_snapshot!(emulator.world().journal.text(), @r#"
    # request 1 at 1970-01-01T00:00:00Z
    DELETE {{base}}/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d
    authorization: Bearer REDACTED

    HTTP 204
    strict-transport-security: max-age=31536000
    request-id: e06dd043-328b-4285-8b96-bf27ad682251
    client-request-id: e06dd043-328b-4285-8b96-bf27ad682251
    x-ms-ags-diagnostic: {"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}
    date: Thu, 01 Jan 1970 00:00:00 GMT
    "#);
    println!("the client behaves as recorded");
    Ok(())
}

/// Deletes an integration without a socket.
fn client_under_test(emulator: &Emulator) -> Result<(), http::Error> {
    let request =
        Request::delete("http://localhost/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d");
    let request = request.header("authorization", "Bearer a.private.token").body(Bytes::new())?;
    emulator.send(request);
    Ok(())
}
