//! The permissions of operations, by all spellings of their addresses.

use http::{Method, StatusCode};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::settings::{Auth, Settings};

use crate::support::{harness, tokens};

const USER: &str = "00000000-0000-4000-8000-000000000001";

fn status(method: &Method, target: &str, scopes: &str, body: &str) -> StatusCode {
    let world = World::new(Settings { auth: Auth::Strict, ..harness::settings(Behaviors::default()) });
    let token = tokens::token(&world, &format!("user scopes={scopes}"));
    let headers = [("Authorization", format!("Bearer {token}")), ("Content-Type", "application/json".to_owned())];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let request = RecordedRequest { method: method.clone(), target: target.to_owned(), headers, body: body.to_owned().into() };
    harness::send(&world, &request).status
}

/// An operation, a permission that is too low for it, one that is sufficient, and the spellings of its address.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "DELETE",
        "User.Read",
        "User.ReadWrite.All",
        &[
            "/v1.0/users/{user}",
            "/v1.0/us%65rs/{user}",
            "/v1.0/USERS/{user}",
            "/V1.0/users/{user}/",
            "/v1.0/users('{user}')",
            "/v1.0/users(id='{user}')",
            "/v1.0/users(%27{user}%27)",
            "/v1.0/http://h/v1.0/users/{user}",
            "/v1.0/http://h/v1.0/us%65rs('{user}')",
            "/v1.0/users/{user}/microsoft.graph.user",
        ],
    ),
    ("GET", "Mail.Read", "User.Read.All", &["/v1.0/users/{user}/displayName", "/v1.0/users/{user}/displayName/$value"]),
    ("GET", "Mail.Read", "User.Read.All", &["/v1.0/users/$count", "/v1.0/USERS/%24count"]),
    (
        "PATCH",
        "Directory.Read.All",
        "User.ReadWrite.All",
        &[
            "/v1.0/users/{user}",
            "/v1.0/directoryObjects/{user}/microsoft.graph.user",
            "/v1.0/directoryObjects('{user}')/graph.user",
        ],
    ),
    (
        "POST",
        "User.Read",
        "Mail.Send",
        &[
            "/v1.0/me/sendMail",
            "/v1.0/me/send%4Dail",
            "/v1.0/ME/SENDMAIL",
            "/v1.0/me/microsoft.graph.sendMail",
            "/v1.0/me/microsoft.graph.send%4Dail",
            "/v1.0/http://h/v1.0/me/sendMail",
        ],
    ),
    (
        "GET",
        "User.Read,User.Read.All,GroupMember.Read.All,Group.Read.All,Directory.Read.All",
        "Mail.Read",
        &[
            "/v1.0/me/messages",
            "/v1.0/me/mess%61ges",
            "/v1.0/%6de/messages",
            "/v1.0/users/{user}/messages",
            "/v1.0/users('{user}')/messages/$count",
            "/v1.0/users/{user}/mailFolders/inbox/messages/m",
            "/v1.0/users/{user}/mailFolders/inbox/childFolders/b/messages/m",
            "/v1.0/users/{user}/mailFolders('inbox')/childFolders('b')/childFolders('c')/messages('m')/subject",
            "/v1.0/groups/3d88b7a2-f988-4f4b-bb34-d66df66af126/members/{user}/microsoft.graph.user/messages",
            "/v1.0/me/manager/microsoft.graph.user/messages",
        ],
    ),
    (
        "DELETE",
        "Calendars.Read",
        "Calendars.ReadWrite",
        &["/v1.0/me/events/e", "/v1.0/me/ev%65nts('e')", "/v1.0/me/calendar/events/e", "/v1.0/me/events/e/calendar/events/f"],
    ),
    (
        "DELETE",
        "Files.Read",
        "Files.ReadWrite",
        &[
            "/v1.0/me/drive/items/x",
            "/v1.0/me/drive/root/children/x",
            "/v1.0/me/drive/root/children('x')/children/y",
            "/v1.0/me/drive/items/x/children/y",
            "/v1.0/me/drive/root:/a/b.txt",
            "/v1.0/me/drive/root%3A/a/b.txt",
            "/v1.0/me/drive/items/x:/a/b.txt",
        ],
    ),
    (
        "PUT",
        "Files.Read",
        "Files.ReadWrite",
        &[
            "/v1.0/me/drive/items/x/content",
            "/v1.0/me/drive/items/a/children/b/content",
            "/v1.0/me/drive/items/a/children/b/cont%65nt",
            "/v1.0/me/drive/root:/c.txt:/content",
            "/v1.0/me/drive/root:/a:/children/b:/c.txt:/content",
            "/v1.0/me/drive/items/a:/b:/children/c:/d.txt:/content",
        ],
    ),
];

#[test]
fn every_spelling_of_an_address_needs_the_same_permission() {
    let mut wrong = Vec::new();
    for (method, low, high, spellings) in ROWS {
        let method: Method = method.parse().unwrap();
        let body = if method == Method::GET || method == Method::DELETE { "" } else { "{}" };
        for spelling in *spellings {
            let target = spelling.replace("{user}", USER);
            let (refused, accepted) = (status(&method, &target, low, body), status(&method, &target, high, body));
            if refused != StatusCode::FORBIDDEN || accepted == StatusCode::FORBIDDEN {
                wrong.push(format!("{method} {target}: {refused} with {low}, {accepted} with {high}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_subscription_needs_the_permission_of_its_resource_in_every_spelling() {
    for resource in
        ["users/{user}/messages", "us%65rs/{user}/messages", "/me/m%65ssages", "m%65/messages", "users('{user}')/mess%61ges"]
    {
        let resource = resource.replace("{user}", USER);
        let body = serde_json::json!({
            "changeType": "created", "notificationUrl": "https://localhost/", "resource": resource, "expirationDateTime": "2100-01-01T00:00:00Z",
        });
        let answer = |scopes| status(&Method::POST, "/v1.0/subscriptions", scopes, &body.to_string());
        assert_eq!(answer("User.Read,User.Read.All"), StatusCode::FORBIDDEN, "{resource}");
        assert_ne!(answer("Mail.Read"), StatusCode::FORBIDDEN, "{resource}");
    }
}

#[test]
fn an_address_without_published_permissions_is_refused_if_others_of_its_type_have_some() {
    for (method, target, is_refused) in [
        (Method::GET, "/v1.0/subscriptions/x", false),
        (Method::POST, "/v1.0/subscriptions", false),
        (Method::GET, "/v1.0/groups/3d88b7a2-f988-4f4b-bb34-d66df66af126/drive/root/children/x/createdByUser/messages", true),
    ] {
        let body = if method == Method::POST { "{}" } else { "" };
        let status = status(&method, target, "Calendars.Read", body);
        assert_eq!(status == StatusCode::FORBIDDEN, is_refused, "{method} {target}: {status}");
    }
}
