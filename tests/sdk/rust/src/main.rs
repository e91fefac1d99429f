//! graph-rs-sdk, over plain HTTP: it signs in at Microsoft's hosts only, so it gets a ready token.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use graph_rs_sdk::http::ResponseExt as _;
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, ODataQuery as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// An entity of the built-in fixtures.
const CONTOSO: &str = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// An entity whose first update gets 429, by faults.json.
const BUSY: &str = "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

const NAMES: [&str; 4] = ["Contoso Workforce", "Display Name value", "Northwind time clock", "Tailwind pilot (switched off)"];

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// An entity as a caller of this SDK would declare it.
#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct WorkforceIntegration {
    #[serde(skip_serializing)]
    id: String,
    display_name: String,
    api_version: i32,
    is_active: bool,
    supported_entities: String,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<WorldInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorldInfo {
    display_name: String,
}

/// Declares a request that the emulator's log must contain; `*` matches any text.
fn arrived(method: &str, path: &str, status: u16) {
    println!("arrived {method} {path} {status}");
}

/// Returns an entity as read over plain HTTP, without the SDK.
fn stored(id: &str) -> Value {
    let host = std::env::var("PLAIN_URL").unwrap().replace("http://", "");
    let mut socket = TcpStream::connect(&host).unwrap();
    // The findings of the report are to be those of the SDK.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let own = format!("User-Agent: wfi-emulator-suite\r\nclient-request-id: 00000000-0000-4000-8000-{number:012}");
    write!(socket, "GET {COLLECTION}/{id} HTTP/1.1\r\nHost: {host}\r\n{own}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn equal<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}").into()) }
}

fn client() -> GraphClient {
    let configuration = GraphClientConfiguration::new().access_token("none").https_only(false).wait_for_retry_after_headers(true);
    let mut client = GraphClient::from(configuration);
    client.use_test_endpoint(&format!("{}/v1.0", std::env::var("PLAIN_URL").unwrap()).parse().unwrap());
    client
}

async fn list_with_paging(client: &GraphClient) -> Outcome {
    let pages = client.teamwork().list_workforce_integrations().paging().json::<Page>().await?;
    let found: Vec<Vec<String>> = pages
        .into_iter()
        .map(|page| Ok(page.into_body()?.value.into_iter().map(|entity| entity.display_name).collect()))
        .collect::<Result<_, Box<dyn std::error::Error>>>()?;
    arrived("GET", COLLECTION, 200);
    arrived("GET", &format!("{COLLECTION}?*skiptoken=*"), 200);
    equal(found.len(), 2)?;
    equal(found.concat(), NAMES.map(str::to_owned).to_vec())
}

async fn query_options(client: &GraphClient) -> Outcome {
    let request = client.teamwork().list_workforce_integrations().filter(&["isActive eq false"]).select(&["id", "displayName"]);
    let answer: Value = request.send().await?.json().await?;
    arrived("GET", &format!("{COLLECTION}?*filter=isActive*"), 200);
    equal(answer["value"][0]["displayName"].as_str(), Some(NAMES[3]))?;
    equal(answer["value"][0]["url"].is_null(), true)
}

async fn count(client: &GraphClient) -> Outcome {
    let answer = client.teamwork().get_workforce_integrations_count().send().await?;
    arrived("GET", &format!("{COLLECTION}/$count"), 200);
    equal(answer.text().await?.as_str(), "4")
}

async fn create(client: &GraphClient, id: &mut String) -> Outcome {
    let entity = WorkforceIntegration {
        id: String::new(),
        display_name: "From Rust".into(),
        api_version: 1,
        is_active: true,
        supported_entities: "shift,swapRequest".into(),
    };
    let answer = client.teamwork().create_workforce_integrations(&entity).send().await?;
    equal(answer.status().as_u16(), 201)?;
    let created: WorkforceIntegration = answer.json().await?;
    equal(&created.supported_entities, &entity.supported_entities)?;
    equal(stored(&created.id)["displayName"].as_str(), Some("From Rust"))?;
    arrived("POST", COLLECTION, 201);
    *id = created.id;
    Ok(())
}

async fn get(client: &GraphClient, id: &str) -> Outcome {
    let entity: WorkforceIntegration = client.teamwork().get_workforce_integrations(id).send().await?.json().await?;
    arrived("GET", &format!("{COLLECTION}/WFI_*"), 200);
    equal((entity.display_name.as_str(), entity.api_version, entity.is_active), ("From Rust", 1, true))
}

async fn update(client: &GraphClient) -> Outcome {
    let before = stored(CONTOSO);
    let change = json!({"supportedEntities": "shift", "encryption": {"secret": "t".repeat(64)}});
    let answer = client.teamwork().update_workforce_integrations(CONTOSO, &change).send().await?;
    equal(answer.status().as_u16(), 200)?;
    let after = stored(CONTOSO);
    arrived("PATCH", &format!("{COLLECTION}/{CONTOSO}"), 200);
    equal(after["supportedEntities"].as_str(), Some("shift"))?;
    equal(&after["encryption"], &before["encryption"])
}

async fn read_modify_write(client: &GraphClient) -> Outcome {
    let before = stored(CONTOSO);
    let mut entity: Value = client.teamwork().get_workforce_integrations(CONTOSO).send().await?.json().await?;
    entity["displayName"] = "Written back".into();
    client.teamwork().update_workforce_integrations(CONTOSO, &entity).send().await?.error_for_status()?;
    let after = stored(CONTOSO);
    equal(after["displayName"].as_str(), Some("Written back"))?;
    for name in ["url", "apiVersion", "isActive", "supports", "supportedEntities", "encryption", "createdDateTime"] {
        equal(&after[name], &before[name])?;
    }
    Ok(())
}

async fn retry(client: &GraphClient) -> Outcome {
    let answer = client.teamwork().update_workforce_integrations(BUSY, &json!({"apiVersion": 3})).send().await?;
    arrived("PATCH", &format!("{COLLECTION}/{BUSY}"), 429);
    arrived("PATCH", &format!("{COLLECTION}/{BUSY}"), 200);
    equal(answer.json::<Value>().await?["apiVersion"].as_u64(), Some(3))
}

async fn batch(client: &GraphClient) -> Outcome {
    let path = format!("/teamwork/workforceIntegrations/{CONTOSO}");
    let body = json!({"requests": [
        {"id": "read", "method": "GET", "url": path},
        {"id": "write", "method": "PATCH", "url": path, "headers": {"Content-Type": "application/json"}, "body": {"apiVersion": 2}},
        {"id": "missing", "method": "GET", "url": "/teamwork/workforceIntegrations/WFI_none"},
    ]});
    let answer: Value = client.batch(&body).send().await?.json().await?;
    let mut found: Vec<(&str, u64)> = answer["responses"]
        .as_array()
        .ok_or("no list of responses")?
        .iter()
        .filter_map(|item| Some((item["id"].as_str()?, item["status"].as_u64()?)))
        .collect();
    found.sort_unstable();
    arrived("POST", "/v1.0/$batch", 200);
    equal(found, vec![("missing", 404), ("read", 200), ("write", 200)])?;
    equal(stored(CONTOSO)["apiVersion"].as_u64(), Some(2))
}

async fn delete(client: &GraphClient, id: &str) -> Outcome {
    let answer = client.teamwork().delete_workforce_integrations(id).send().await?;
    arrived("DELETE", &format!("{COLLECTION}/{id}"), 204);
    equal(answer.status().as_u16(), 204)
}

async fn typed_error(client: &GraphClient, id: &str) -> Outcome {
    let answer = client.teamwork().get_workforce_integrations(id).send().await?;
    equal(answer.status().as_u16(), 404)?;
    let refused = answer.into_graph_error_message().await?;
    arrived("GET", &format!("{COLLECTION}/{id}"), 404);
    equal(refused.code_property().as_deref(), Some("NotFound"))?;
    equal(refused.request_id().is_some(), true)
}

#[tokio::main]
async fn main() {
    let client = client();
    let mut id = String::new();
    let mut failed = false;
    // Prints the result of a check, and continues with the next one.
    let mut check = |name: &str, outcome: Outcome| match outcome {
        Ok(()) => println!("ok {name}"),
        Err(error) => {
            println!("not ok {name}: {}", error.to_string().replace('\n', " "));
            failed = true;
        }
    };
    check("list with paging", list_with_paging(&client).await);
    check("query options", query_options(&client).await);
    check("count", count(&client).await);
    check("create", create(&client, &mut id).await);
    check("get", get(&client, &id).await);
    check("update", update(&client).await);
    check("read, modify, write", read_modify_write(&client).await);
    check("a retry after 429", retry(&client).await);
    check("batch", batch(&client).await);
    check("delete", delete(&client, &id).await);
    check("a typed error", typed_error(&client, &id).await);
    std::process::exit(i32::from(failed));
}
