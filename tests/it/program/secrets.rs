//! Secrets that were sent appear nowhere else: not in answers, the log, the journal or exports.

use serde_json::Value;

use crate::program::process::Served;
use crate::program::suite::Client;

const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";
const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// The beginning of every secret of this test.
const HUSH: &str = "hush5ecret";

/// Valid and invalid requests with a secret in every possible place: method, target, headers, body.
fn requests() -> Vec<(&'static str, String, String, String)> {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let mut requests = Vec::new();
    let mut add = |method, target: &str, headers: &str, body: &str| {
        requests.push((method, target.to_owned(), headers.to_owned(), body.to_owned()));
    };
    for (number, body) in [
        r#"{"encryption":{"protocol":"sharedSecret","secret":"HUSH"}}"#,
        r#"{"encryption":{"secret":"HUSH"},"unknown":1}"#,
        r#"{"encryption":{"secret":["HUSH"]}}"#,
        r#"{"encryption":{"secret":{"HUSH":"HUSH"}}}"#,
        r#"{"encryption":{"SECRET":"HUSH","secret":"HUSH"}}"#,
        r#"{"encryption":{"secret":"HUSH"#,
        r#"{"encryption":{"secret":"HUSH"},"supportedEntities":"unknown"}"#,
        r#"{"encryption":{"\u0073ecret":"HUSH"}}"#,
    ]
    .iter()
    .enumerate()
    {
        let body = body.replace("HUSH", &format!("{HUSH}-body-{number}"));
        add("PATCH", ENTITY, "", &body);
        add("POST", COLLECTION, "", &body);
        add(
            "POST",
            "/v1.0/$batch",
            "",
            &format!(
                r#"{{"requests":[{{"id":"1","method":"PATCH","url":"{}","headers":{{"Content-Type":"application/json","Authorization":"Bearer {HUSH}-item"}},"body":{}}}]}}"#,
                ENTITY.trim_start_matches("/v1.0"),
                if serde_json::from_str::<serde_json::Value>(&body).is_ok() { &body } else { "1" }
            ),
        );
    }
    for (header, value) in [
        ("Authorization", "Bearer HUSH"),
        ("Authorization", "Basic HUSH"),
        ("Authorization", "HUSH"),
        ("Cookie", "a=HUSH"),
        ("Proxy-Authorization", "Basic HUSH"),
        ("x-wfi-emulator-control-token", "HUSH"),
    ] {
        let header = format!("{header}: {}\r\n", value.replace("HUSH", &format!("{HUSH}-header")));
        add("GET", ENTITY, &header, "");
        add("GET", "/v1.0/nothing", &header, "");
    }
    for body in [
        "client_id=a&client_secret=HUSH&grant_type=client_credentials&scope=https://graph.microsoft.com/.default",
        "grant_type=password&username=a&password=HUSH",
        "grant_type=refresh_token&refresh_token=HUSH&client_id=a",
        "grant_type=authorization_code&code=HUSH&client_id=a",
        "client_assertion=HUSH&grant_type=client_credentials&client_id=a",
        "client%5Fsecret=HUSH",
        "grant_type=authorization_code&client_id=a&code=x&code_verifier=HUSH",
        "id_token_hint=HUSH&post_logout_redirect_uri=http://localhost:1/",
        "logout_hint=HUSH&post_logout_redirect_uri=http://localhost:1/",
    ] {
        let body = body.replace("HUSH", &format!("{HUSH}-form"));
        add("POST", "/common/oauth2/v2.0/token", form, &body);
        add("POST", "/common/oauth2/v2.0/nothing", form, &body);
        add("GET", &format!("/common/oauth2/v2.0/authorize?{body}"), "", "");
        add("GET", &format!("/common/oauth2/v2.0/logout?{body}"), "", "");
        add("POST", "/common/oauth2/v2.0/logout", form, &body);
    }
    let filtered = format!("{COLLECTION}?$filter=encryption/secret%20eq%20'{HUSH}-filter'&access_token={HUSH}-query");
    add("GET", &filtered, "", "");
    for unreadable in [
        "(encryption/secret eq 'HUSH-open",
        "encryption/secret eq 'a' 'HUSH-two'",
        "encryption/secret eq duration'HUSH-typed'",
        "encryption/secret eq HUSH",
    ] {
        let unreadable = unreadable.replace("HUSH", HUSH).replace(' ', "%20");
        add("GET", &format!("{COLLECTION}?$filter={unreadable}"), "", "");
        add("GET", &format!("{COLLECTION}?$orderby={unreadable}"), "", "");
    }
    let item = format!("/teamwork/workforceIntegrations?$filter=encryption/secret eq '{HUSH}-item'");
    add("POST", "/v1.0/$batch", "", &format!(r#"{{"requests":[{{"id":"1","method":"GET","url":"{item}"}}]}}"#));
    requests
}

#[test]
fn secrets_appear_in_no_answer_no_log_and_no_journal() {
    let control = format!("{HUSH}-control");
    let served = Served::start(&["--log", "debug", "--explain", "--control-token", &control]);
    let address = served.address();
    let sent = requests();
    for (method, target, headers, body) in &sent {
        let (status, answer) = Client::new(address).send_with(method, target, headers, body);
        assert!(status < 500, "{method} {target}: {status}");
        assert!(!answer.contains(HUSH), "{method} {target} {body}: {answer}");
    }
    let mut client = Client::new(address);
    let entries = client.send("GET", "/_emulator/tenants/default/journal?limit=1000", "").1;
    assert!(entries.len() > 1_000 * 5, "the journal has entries to look into");
    for path in [
        "",
        "/tenants/default",
        "/tenants/default/state",
        "/tenants/default/journal",
        "/tenants/default/journal?format=exchange",
        "/tenants/default/behaviors",
    ] {
        let (status, answer) = client.send("GET", &format!("/_emulator{path}"), "");
        assert_eq!(status, 200, "{path}");
        let place = answer.find(HUSH).map(|at| answer[at.saturating_sub(200)..].chars().take(300).collect::<String>());
        assert_eq!(place, None, "{path}");
    }
    served.program.signal("-TERM");
    let outcome = served.program.outcome();
    assert!(outcome.stderr.lines().count() >= sent.len(), "the log has lines to look into");
    assert_eq!(outcome.stderr.lines().find(|line| line.contains(HUSH)), None);
}

/// The last segment of an address.
fn ticket(address: &str) -> String {
    let ticket = address.rsplit('/').next().unwrap_or_default().to_owned();
    assert!(ticket.len() > 20, "{address}");
    ticket
}

#[test]
fn addresses_that_need_no_token_appear_in_no_log_and_no_journal() {
    let served = Served::start(&["--log", "debug", "--explain"]);
    let mut client = Client::new(served.address());
    let mut send = |method: &str, target: &str, headers: &str, body: &str| {
        let (head, body) = client.exchange(method, target, headers, body);
        (head, serde_json::from_str::<Value>(&body).unwrap_or_default(), body)
    };
    let text = "Content-Type: text/plain\r\n";
    let path = |address: &str| address[address.find("/_").unwrap()..].to_owned();
    let location = |head: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("location:")).unwrap();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    let made = send("PUT", "/v1.0/me/drive/root:/a.txt:/content", text, "x").1;
    let download = made["@microsoft.graph.downloadUrl"].as_str().unwrap().to_owned();
    let found = location(&send("GET", "/v1.0/me/drive/root:/a.txt:/content", "", "").0);
    let copied = send("POST", "/v1.0/me/drive/root:/a.txt:/copy", "Content-Type: application/json\r\n", r#"{"name":"b.txt"}"#).0;
    let monitor = location(&copied);
    let upload =
        send("POST", "/v1.0/me/drive/root:/c.txt:/createUploadSession", "", "").1["uploadUrl"].as_str().unwrap().to_owned();
    for (method, address, headers, body) in [
        ("GET", &download, "", ""),
        ("GET", &found, "", ""),
        ("GET", &monitor, "", ""),
        ("GET", &upload, "", ""),
        ("PUT", &upload, "Content-Range: bytes 0-0/2\r\n", "x"),
        ("DELETE", &upload, "", ""),
    ] {
        let (head, _, body) = send(method, &path(address), headers, body);
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {address}: {head} {body}");
    }
    let tickets = [ticket(&download), ticket(&found), ticket(&monitor), ticket(&upload)];
    for place in ["journal?limit=1000", "journal?format=exchange", "state"] {
        let (_, _, answer) = send("GET", &format!("/_emulator/tenants/default/{place}"), "", "");
        assert!(answer.len() > 1_000, "{place}: {answer}");
        for (index, ticket) in tickets.iter().enumerate() {
            assert!(!answer.contains(ticket), "{place}: {index}");
        }
    }
    served.program.signal("-TERM");
    let log = served.program.outcome().stderr;
    assert!(
        log.contains("/_upload/") && log.contains("/_content/") && log.contains("/_monitor/"),
        "the log has the lines: {log}"
    );
    for ticket in tickets {
        assert_eq!(log.lines().find(|line| line.contains(&ticket)), None);
    }
}
