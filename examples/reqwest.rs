//! A client under test, here reqwest, against an emulator in the same process.
//!
//! ```console
//! $ cargo run --example reqwest
//! ```

use std::error::Error;

use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Expectation, FaultRule, JournalQuery, Secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::builder().seed(1).start()?;
    let base = format!("{}/v1.0/teamwork/workforceIntegrations", emulator.uri());
    let client = reqwest::Client::new();

    let created: Value =
        client.post(&base).json(&json!({"displayName": "Contoso"})).send().await?.error_for_status()?.json().await?;
    let id = created["id"].as_str().unwrap_or_default();
    println!("created {id}");

    // The first attempt of the update is throttled; the client retries.
    emulator.set_faults(FaultRule::ready("throttled-without-retry-after").unwrap_or_default());
    let update = || client.patch(format!("{base}/{id}")).json(&json!({"displayName": "Renamed"})).send();
    println!("first attempt: {}", update().await?.status());
    emulator.set_faults(Vec::new());
    println!("second attempt: {}", update().await?.status());

    let expected = Expectation {
        of: JournalQuery {
            method: Some(http::Method::PATCH),
            id: Some(id.to_owned()),
            status: Some(200..=299),
            ..JournalQuery::default()
        },
        body: Some(json!({"displayName": "Renamed"})),
        ..Expectation::default()
    };
    let verdict = emulator.world().journal.verify(&expected, Secrets::Hidden);
    println!("{}", verdict.text);

    // docs/report.md: begin
    emulator.assert_clean_client(&["integration-without-encryption"]);
    // docs/report.md: end
    if verdict.holds { Ok(()) } else { Err("missing update in the journal".into()) }
}
