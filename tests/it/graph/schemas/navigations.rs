//! Navigation properties: of complex values, and in conditions. And numbers, which come back digit by digit.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};

use crate::support::museum;

fn emulator() -> Emulator {
    Emulator::builder().schema_csdl(Version::V1, museum::CSDL).unwrap().seed(1).fixtures_json(museum::ENTITIES).unwrap().build()
}

fn send(emulator: &Emulator, method: Method, target: &str, body: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
    let response = emulator.send(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
    (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

fn get(emulator: &Emulator, target: &str) -> Value {
    let (status, body) = send(emulator, Method::GET, target, "");
    assert_eq!(status, StatusCode::OK, "{target}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn navigation_properties_of_complex_values_are_expanded_within_them() {
    let emulator = emulator();
    let p1 = get(&emulator, "/v1.0/exhibits/p1?$select=id,place&$expand=place/guards,place/plan,place/shelf/parts($select=name)");
    let place = &p1["place"];
    assert_eq!((&place["room"], &place["guards"][0]["name"]), (&json!("East"), &json!("Ada")));
    assert_eq!((&place["plan"]["name"], &place["shelf"]["parts"]), (&json!("Plan of the room"), &json!([{ "name": "Tag" }])));
    assert!(place["guards@odata.context"].as_str().unwrap().ends_with("$metadata#exhibits('p1')/place/guards"), "{place}");
    // The value is not selected, but what is expanded in it is there; null has nothing in it.
    let list = get(&emulator, "/v1.0/exhibits?$select=id&$expand=place/guards");
    let places: Vec<&Value> = list["value"].as_array().unwrap().iter().map(|exhibit| &exhibit["place"]).collect();
    assert_eq!((&places[0]["guards"][0]["name"], &places[0]["room"], places[1]), (&json!("Ada"), &Value::Null, &Value::Null));
    let b1 = get(&emulator, "/v1.0/exhibits/b1?$select=id,place&$expand=place/guards");
    assert_eq!((&b1["place"], b1.as_object().unwrap().len()), (&Value::Null, 4), "{b1}");
}

#[test]
fn a_complex_value_is_there_once_an_entity_is_created_below_it() {
    let emulator = emulator();
    let place = || get(&emulator, "/v1.0/exhibits/b1?$select=place&$expand=place/guards,place/shelf/parts")["place"].clone();
    assert_eq!(place(), Value::Null);
    for (method, path, body) in [
        (Method::POST, "place/shelf/parts", r#"{"name":"New"}"#),
        (Method::POST, "place/guards", r#"{"name":"Bo"}"#),
        (Method::PATCH, "place/plan", r#"{"name":"Plan"}"#),
    ] {
        let (status, text) = send(&emulator, method.clone(), &format!("/v1.0/exhibits/b1/{path}"), body);
        assert!(status.is_success(), "{method} {path}: {text}");
    }
    let place = place();
    assert_eq!((&place["room"], &place["guards"][0]["name"]), (&Value::Null, &json!("Bo")));
    assert_eq!((&place["shelf"]["label"], &place["shelf"]["parts"][0]["name"]), (&Value::Null, &json!("New")));
}

#[test]
fn decimals_keep_the_digits_that_were_sent() {
    let emulator = emulator();
    for digits in ["1.10", "1.000000000000000000000000000001", "79228162514264337593543950335", "-0.50", "1E+2", "7"] {
        let body = format!(r#"{{"values":{{"decimal":{digits}}}}}"#);
        let (status, text) = send(&emulator, Method::POST, "/v1.0/specimens", &body);
        assert_eq!(status, StatusCode::CREATED, "{text}");
        assert!(text.contains(&format!(r#""decimal":{digits},"#)), "{digits}: {text}");
    }
    // As do members that no type declares.
    let body = r##"{"@odata.type":"#museum.bust","title":"N","grams":12.50}"##;
    let (_, text) = send(&emulator, Method::POST, "/v1.0/exhibits", body);
    assert!(text.contains(r#""grams":12.50"#), "{text}");
    let heavier = get(&emulator, "/v1.0/specimens?$filter=values/decimal%20eq%201.1");
    assert_eq!(heavier["value"].as_array().unwrap().len(), 1);
}

#[test]
fn conditions_reach_through_navigation_properties() {
    let emulator = emulator();
    let found = |filter: &str| {
        let list = get(&emulator, &format!("/v1.0/exhibits?$select=id&$filter={}", filter.replace(' ', "%20")));
        list["value"].as_array().unwrap().iter().map(|exhibit| exhibit["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (filter, expected) in [
        ("parts/any(p:p/name eq 'Frame')", &["p1"][..]),
        ("parts/any(p:p/parts/any(q:q/name eq 'Nail' and p/name eq 'Frame'))", &["p1"]),
        ("parts/any(p:p/parts/any(q:q/report/text eq 'Rust'))", &["p1"]),
        ("parts/all(p:p/name eq 'Frame')", &["p1", "b1"]),
        ("parts/$count gt 0", &["p1"]),
        ("museum.painting/sketches/any(s:s/name eq 'First')", &["p1"]),
        ("keeper eq null", &["b1"]),
        ("keeper/id eq null", &["b1"]),
        ("not isof(keeper,'museum.user')", &["b1"]),
    ] {
        assert_eq!(found(filter), expected, "{filter}");
    }
    for (filter, expected) in [
        ("keeper/nothing eq 'a'", "Could not find a property named 'nothing' on type 'museum.user'."),
        ("parts/name eq 'a'", "Could not find a property named 'name' on type 'Collection(museum.part)'."),
    ] {
        let (status, text) = send(&emulator, Method::GET, &format!("/v1.0/exhibits?$filter={}", filter.replace(' ', "%20")), "");
        assert!(status == StatusCode::BAD_REQUEST && text.contains(expected), "{filter}: {text}");
    }
}

/// Drafts of three people: two with one id, and one whose id is the address of the second.
const DRAFTS: [(&str, &str); 3] = [("u3", "users('u2')/drafts('d1')"), ("u1", "d1"), ("u2", "d1")];

/// Returns an emulator with the drafts, and a contract that has some of them as annexes.
fn with_drafts(annexes: &[usize]) -> Emulator {
    let user = |(user, draft): &(&str, &str)| json!({ "id": user, "name": user, "drafts": [{ "id": draft, "text": format!("Draft of {user}") }] });
    let addresses: Vec<String> = annexes.iter().map(|index| address(*index)).collect();
    let state = json!({ "users": DRAFTS.iter().map(user).collect::<Vec<_>>(), "contracts": [{ "id": "c1", "annexes@odata.bind": addresses }] });
    let emulator = Emulator::builder().schema_csdl(Version::V1, museum::CSDL).unwrap().seed(1);
    emulator.fixtures_json(&state.to_string()).unwrap().build()
}

fn address(index: usize) -> String {
    let (user, draft) = DRAFTS[index];
    format!("users('{user}')/drafts('{}')", draft.replace('\'', "%27%27").replace('/', "%2F"))
}

const ANNEXES: &str = "/v1.0/contracts/c1/annexes";

/// Returns the people whose drafts are annexes, by their addresses.
fn annexes(emulator: &Emulator) -> Vec<String> {
    let by_address = get(emulator, &format!("{ANNEXES}/$ref"))["value"].as_array().unwrap().len();
    let list = get(emulator, ANNEXES);
    let found: Vec<String> =
        list["value"].as_array().unwrap().iter().map(|draft| draft["text"].as_str().unwrap().replace("Draft of ", "")).collect();
    assert_eq!(
        (by_address, send(emulator, Method::GET, &format!("{ANNEXES}/$count"), "").1),
        (found.len(), found.len().to_string())
    );
    found
}

fn add_annex(emulator: &Emulator, index: usize) -> StatusCode {
    send(emulator, Method::POST, &format!("{ANNEXES}/$ref"), &json!({ "@odata.id": address(index) }).to_string()).0
}

fn remove_annex(emulator: &Emulator, index: usize) -> StatusCode {
    let id = address(index).replace('%', "%25").replace('\'', "%27").replace('/', "%2F");
    send(emulator, Method::DELETE, &format!("{ANNEXES}/$ref?$id={id}"), "").0
}

#[test]
fn a_link_is_added_though_others_have_its_key_and_its_address_as_keys() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let people = |indexes: &[usize]| indexes.iter().map(|index| DRAFTS[*index].0.to_owned()).collect::<Vec<_>>();
        // By requests, in a fixture, and after a state is read again.
        let by_requests = with_drafts(&[]);
        for (number, index) in order.iter().enumerate() {
            assert_eq!(add_annex(&by_requests, *index), StatusCode::NO_CONTENT, "{order:?}: {index}");
            assert_eq!(annexes(&by_requests), people(&order[..=number]), "{order:?}");
        }
        let (_, state) = send(&by_requests, Method::GET, "/_emulator/worlds/default/state", "");
        let read_again = with_drafts(&[]);
        assert_eq!(send(&read_again, Method::PUT, "/_emulator/worlds/default/state", &state).0, StatusCode::OK);
        for emulator in [by_requests, with_drafts(&order), read_again] {
            assert_eq!(annexes(&emulator), people(&order), "{order:?}");
            for index in order {
                assert_eq!(add_annex(&emulator, index), StatusCode::BAD_REQUEST, "{order:?}: {index} is there");
            }
            // Each is removed alone, and added again behind the others.
            let mut left = order.to_vec();
            for index in [order[0], order[2], order[1]] {
                left.retain(|other| *other != index);
                assert_eq!(remove_annex(&emulator, index), StatusCode::NO_CONTENT, "{order:?}: {index}");
                assert_eq!(annexes(&emulator), people(&left), "{order:?}: without {index}");
                assert_eq!(remove_annex(&emulator, index), StatusCode::NOT_FOUND, "{order:?}: {index}");
                assert_eq!(add_annex(&emulator, index), StatusCode::NO_CONTENT, "{order:?}: {index} again");
                assert_eq!(add_annex(&emulator, index), StatusCode::BAD_REQUEST, "{order:?}: {index} again");
                left.push(index);
                assert_eq!(annexes(&emulator), people(&left), "{order:?}: {index} again");
            }
            // A draft goes with its link.
            let (user, draft) = DRAFTS[2];
            assert_eq!(
                send(&emulator, Method::DELETE, &format!("/v1.0/users/{user}/drafts/{draft}"), "").0,
                StatusCode::NO_CONTENT
            );
            left.retain(|other| *other != 2);
            assert_eq!(annexes(&emulator), people(&left), "{order:?}");
        }
    }
}
