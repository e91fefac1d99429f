pub(super) mod generators;
mod grammar;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::text::visible::visible;
use generators::{entry, exchange};

const UPDATE: &str = r#"# update: changes one property and keeps the others
#
# The service answers with the entity.
PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1?$select=a,b
Content-Type: application/json
Authorization: Bearer a\\b\#c
{
  "displayName": "x"
}

HTTP 200
content-type: application/json;odata.metadata=minimal
x-ms-ags-diagnostic: {"ServerInfo":{"DataCenter":"Sweden Central","Slice":"E","Ring":"5"}}
empty:
{
  "a": [
    1.0,
    {}
  ]
}

DELETE {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1

HTTP 204

# without a response
POST {{base}}/token
content-type: application/x-www-form-urlencoded
`grant_type=client_credentials&scope=.default`
"#;

fn request(target: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request =
        RecordedRequest { method: Method::POST, target: target.to_owned(), headers, body: Bytes::copy_from_slice(body) };
    Exchange { comments: Vec::new(), request, response: None }
}

#[test]
fn a_text_is_read_into_its_parts() {
    let exchanges = read(UPDATE).unwrap();
    assert_eq!(exchanges.len(), 3);
    let [update, delete, token] = &exchanges[..] else { unreachable!("three exchanges") };
    assert_eq!(update.comments[1], "");
    assert_eq!(update.comments[2], "The service answers with the entity.");
    assert_eq!(update.request.method, Method::PATCH);
    assert_eq!(update.request.target, "/v1.0/teamwork/workforceIntegrations/WFI_1?$select=a,b");
    assert_eq!(update.request.header("authorization"), Some(r"Bearer a\b#c"));
    assert_eq!(update.request.body, "{\n  \"displayName\": \"x\"\n}");
    let response = update.response.as_ref().unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("Empty"), Some(""));
    assert_eq!(response.header("missing"), None);
    assert_eq!(delete.response.as_ref().unwrap().body, "");
    assert_eq!(token.response, None);
}

#[test]
fn a_printed_text_is_printed_again_unchanged() {
    assert_eq!(write(&read(UPDATE).unwrap()), UPDATE);
}

#[test]
fn the_examples_of_the_documentation_are_exchanges_in_printed_form() {
    let page = include_str!("../../../docs/exchange-format.md");
    let examples: Vec<&str> = page.split("~~~hurl\n").skip(1).filter_map(|rest| rest.split("~~~").next()).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        assert_eq!(write_entries(&read_entries(example).unwrap()), example);
    }
}

#[test]
fn line_ends_blank_lines_comments_and_versions_can_vary() {
    let varied = "\u{feff}\r\n# one\r\n\r\n  #two\r\n\tGET   {{base}}/a  # three\r\n# four\r\n\r\nAccept :  b \r\n\
                  # five\r\n\r\n\r\nHTTP/1.1  200 # six\r\n# seven\r\n\
                  {\"a\": 1} # eight\r\n# nine\r\nGET {{base}}/b\r\n\r\nHTTP/2 404";
    let plain = "# one\n# two\nGET {{base}}/a\nAccept: b\n\nHTTP 200\n{\"a\": 1}\n\n# nine\nGET {{base}}/b\n\nHTTP 404\n";
    assert_eq!(read(varied), read(plain));
}

#[test]
fn an_empty_list_is_an_empty_text() {
    assert_eq!(write(&[]), "");
    assert_eq!(read(""), Ok(Vec::new()));
    assert_eq!(read("\n# only a comment\n"), Ok(Vec::new()));
}

#[test]
fn a_comment_with_line_breaks_remains_one_comment() {
    let mut exchange = request("/", &[], b"");
    exchange.comments = ["one\r\n# two\u{202e}", ""].map(str::to_owned).to_vec();
    assert_eq!(exchange.to_string(), "# one\\r\\n# two\\u{202e}\n#\nPOST {{base}}/\n");
}

#[test]
fn odd_characters_in_targets_names_and_values_are_escaped() {
    let exchange = request("/a#b {{c}} ", &[("[n`", " v\t{{{"), ("HTTP", "{{base}}")], b"");
    let text = "POST {{base}}/a\\#b {\\u{7b}c}}\\u{20}\n\\u{5b}n\\u{60}: \\u{20}v\\t{\\u{7b}\\u{7b}\nHTTP: {\\u{7b}base}}\n";
    assert_eq!(exchange.to_string(), text);
    assert_eq!(read(text), Ok(vec![exchange]));
}

#[test]
fn an_error_names_its_line() {
    let error = read("GET {{base}}/\n\n\nHTTP 2000\n").unwrap_err();
    assert_eq!(error.to_string(), "line 4: invalid status `2000`, expected a number from 100 to 999");
}

fn bodies(exchanges: &mut [Exchange]) -> impl Iterator<Item = &mut Bytes> {
    exchanges.iter_mut().flat_map(|exchange| {
        let response = exchange.response.as_mut().map(|response| &mut response.body);
        std::iter::once(&mut exchange.request.body).chain(response)
    })
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn written_exchanges_are_read_again_except_for_the_layout_of_json(mut exchanges in vec(exchange(), 0..3)) {
        let text = write(&exchanges);
        for comment in exchanges.iter_mut().flat_map(|exchange| &mut exchange.comments) {
            *comment = visible(comment).into_owned();
        }
        let mut again = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read(&write(&again)).unwrap(), &again, "\n{}", text);
        for (before, after) in bodies(&mut exchanges).zip(bodies(&mut again)) {
            if before != after {
                let before_text = std::str::from_utf8(before).unwrap();
                let laid_out = layout::lay_out(before_text);
                prop_assert_eq!(laid_out.as_deref().map(str::as_bytes), Some(&after[..]));
                *before = after.clone();
            }
        }
        prop_assert_eq!(again, exchanges, "\n{}", text);
    }

    #[test]
    fn written_entries_are_read_again(entries in vec(entry(), 0..3)) {
        let text = write_entries(&entries);
        let again = read_entries(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&write_entries(&again), &text);
        prop_assert_eq!(again.len(), entries.len());
        for (before, after) in entries.iter().zip(&again) {
            prop_assert_eq!(&after.captures, &before.captures);
            prop_assert_eq!(after.templates.len(), before.templates.len(), "\n{}", text);
            let (before, after) = (&before.exchange, &after.exchange);
            prop_assert_eq!((&after.request.target, &after.request.headers), (&before.request.target, &before.request.headers));
        }
    }
}
