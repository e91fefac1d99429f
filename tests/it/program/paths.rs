//! Fixture files whose folders name a path: `users/u1/messages.json`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::program::process::{Folder, PATIENCE, Served, outcome, refused};
use crate::program::suite::Client;
use crate::support::museum;

/// A folder with files, each with its path in it.
fn folder(name: &str, files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(name);
    for (path, text) in files {
        write(&folder, path, text);
    }
    folder
}

fn write(folder: &Folder, path: &str, text: &str) {
    let file = folder.0.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

const USERS: (&str, &str) = ("users.json", r#"[{"id":"u1","displayName":"Adele"}]"#);

#[test]
fn files_in_folders_are_at_the_path_of_the_folders() {
    let files = [
        USERS,
        ("users/u2.json", r#"{"$schema":"../x.json","displayName":"Megan"}"#),
        ("users/u1/messages.json", r#"[{"id":"m1","subject":"First"}]"#),
        ("users/u2/messages.json", r#"{"@odata.context":"x","value":[{"id":"m1","subject":"Other"}]}"#),
        (
            "users/u1/messages/m1/attachments.json",
            r##"[{"@odata.type":"#microsoft.graph.fileAttachment","id":"a1","name":"f"}]"##,
        ),
        ("users/u1/mailFolders/inbox%2Fold.json", r#"{"displayName":"Old"}"#),
        ("teams.json", r#"[{"id":"t1","displayName":"Team"}]"#),
        ("teams/t1/schedule.json", r#"{"timeZone":"Europe/Paris"}"#),
        ("teams/t1/schedule/shifts.json", r#"[{"id":"SHFT_1"}]"#),
        ("teamwork/workforceIntegrations.json", r#"[{"id":"WFI_1","displayName":"Contoso"}]"#),
        (".git/config.json", "not JSON"),
        ("._users.json", "not JSON"),
        ("users/u1/._messages.json", "not JSON"),
        ("notes/readme.txt", "not JSON"),
    ];
    let folder = folder("path-files", &files);
    let checked = outcome(&["check", folder.path()]);
    assert_eq!((checked.status, checked.stderr.as_str()), (Some(0), ""));
    assert!(checked.stdout.ends_with(": 10 entities, no problems\n"), "{}", checked.stdout);
    let served = Served::start(&["--fixtures", folder.path()]);
    for (path, part) in [
        ("users/u2", r#""displayName":"Megan""#),
        ("users/u1/messages/m1", r#""subject":"First""#),
        ("users/u2/messages/m1", r#""subject":"Other""#),
        ("users/u1/messages/m1/attachments", r#""name":"f""#),
        ("users/u1/mailFolders/inbox%2Fold", r#""id":"inbox/old""#),
        ("teams/t1/schedule", r#""timeZone":"Europe/Paris""#),
        ("teams/t1/schedule/shifts/SHFT_1", r#""id":"SHFT_1""#),
        ("teamwork/workforceIntegrations/WFI_1", r#""displayName":"Contoso""#),
    ] {
        let answer = served.exchange("GET", &format!("/v1.0/{path}"), "");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(part), "{path}: {answer}");
    }
}

#[test]
fn a_singleton_leads_to_the_entity_that_it_represents() {
    let local = r#"[{"id":"00000000-0000-4000-8000-000000000001","displayName":"Local"}]"#;
    let message = ("me/messages.json", r#"[{"id":"m1","subject":"Mine"}]"#);
    for (name, users) in [("me-local", local), ("me-bound", r#"{"users":[{"id":"u1"}],"me@odata.bind":"users('u1')"}"#)] {
        let folder = folder(name, &[("users.json", users), message]);
        let served = Served::start(&["--fixtures", folder.path()]);
        assert!(served.exchange("GET", "/v1.0/me/messages/m1", "").contains("Mine"), "{name}");
    }
    let files = [("users/00000000-0000-4000-8000-000000000001.json", r#"{"displayName":"Local"}"#), message];
    let served = Served::start(&["--fixtures", folder("me-own-file", &files).path()]);
    assert!(served.exchange("GET", "/v1.0/me/messages/m1", "").contains("Mine"));
    let folder = folder("me-nobody", &[("teams.json", "[]"), message]);
    let file = folder.0.join("me/messages.json");
    let problem = format!("wfi-emulator: {}: unknown entity me: no file has the entity that it represents\n", file.display());
    assert_eq!(outcome(&["check", folder.path()]), refused(&problem));
}

#[test]
fn keys_of_any_type_and_members_of_complex_values_are_on_a_path() {
    let csdl = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/museum.csdl");
    let folder = folder(
        "path-museum",
        &[
            ("museum.json", museum::ENTITIES),
            ("exhibits/p1/place/guards.json", r#"[{"badge":77,"name":"New"}]"#),
            ("exhibits/p1/place/guards/78.json", r#"{"name":"Other"}"#),
            ("exhibits/p1/sketches.json", r#"[{"id":"s9","name":"Of a painting alone"}]"#),
        ],
    );
    let served = Served::start(&["--fixtures", folder.path(), "--schema", csdl.to_str().unwrap()]);
    for (path, part) in [
        ("exhibits/p1/place/guards(77)", r#""name":"New""#),
        ("exhibits/p1/place/guards(78)", r#""badge":78"#),
        ("exhibits/p1/museum.painting/sketches/s9", "Of a painting alone"),
    ] {
        let answer = served.exchange("GET", &format!("/v1.0/{path}"), "");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(part), "{path}: {answer}");
    }
}

#[test]
fn problems_of_paths_name_the_file_and_the_segment() {
    for (number, (path, text, problem)) in [
        ("users/u9/messages.json", "[]", "unknown entity users/u9: its own file is users/u9.json, or one of its collection"),
        (
            "user/u1/messages.json",
            "[]",
            "unknown entity set or singleton 'user' (did you mean 'users'?): folders name paths, such as users/u1/messages.json",
        ),
        (
            "users/u1/message.json",
            "[]",
            "unknown navigation property 'message' of microsoft.graph.user (did you mean 'messages'?)",
        ),
        ("users/u1/manager.json", "{}", "manager has links: name the addresses in `manager@odata.bind` of the entity"),
        ("users/u1/mailboxSettings.json", "{}", "no entities: mailboxSettings is a value of its entity"),
        ("users/u1.json", "{}", "$.id: duplicate id 'u1' (first used at FOLDER/users.json: $[0])"),
        ("users/u2.json", r#"{"id":"u3"}"#, "$.id: \"u3\" contradicts the name of the file"),
        ("users/u2.json", "[]", "$: expected an entity, found an array"),
        ("users/u1/messages.json", "{}", "$.value: missing, expected an array of entities"),
        ("users/u1/messages.json", r#"[{"id":"m","subject":7}]"#, "$[0].subject: found the number 7, expected a string"),
        (
            "users/u1/messages.json",
            r#"{"value":[{"id":"m","subject":7}]}"#,
            "$.value[0].subject: found the number 7, expected a string",
        ),
        ("users/u1%FF/messages.json", "[]", "name is not UTF-8"),
        ("users/u1/mess%FFages.json", "[]", "name is not UTF-8"),
        (
            "node_modules/accepts/package.json",
            "{}",
            "unknown entity set or singleton 'node_modules': folders name paths, such as users/u1/messages.json",
        ),
        (
            "users.u1.messages.json",
            "[]",
            "path in the file name: use folders, as in users/u1/messages.json (users/u1/messages.json)",
        ),
        ("me.messages.json", "[]", "path in the file name: use folders, as in users/u1/messages.json (me/messages.json)"),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = folder(&format!("path-problem-{number}"), &[USERS, (path, text)]);
        let file = folder.0.join(path);
        let problem = problem.replace("FOLDER", folder.path());
        let expected = refused(&format!("wfi-emulator: {}: {problem}\n", file.display()));
        assert_eq!(outcome(&["check", folder.path()]), expected, "{path} {text}");
        assert_eq!(outcome(&["--port", "0", "--fixtures", folder.path()]), expected, "{path} {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn names_of_other_bytes_than_utf_8_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    for (number, path) in [&b"users/u\xff/messages.json"[..], b"users/u1/messages\xff.json"].into_iter().enumerate() {
        let folder = folder(&format!("path-bytes-{number}"), &[USERS]);
        let file = folder.0.join(OsStr::from_bytes(path));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "[]").unwrap();
        let expected = refused(&format!("wfi-emulator: {}: name is not UTF-8\n", file.display()));
        assert_eq!(outcome(&["check", folder.path()]), expected);
    }
    let folder = folder("path-bytes-other", &[USERS]);
    let hidden = folder.0.join(OsStr::from_bytes(b".h\xff"));
    let other = folder.0.join(OsStr::from_bytes(b"n\xff"));
    for (inner, name) in [(hidden, "users.json"), (other, "readme.txt")] {
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join(name), "not JSON").unwrap();
    }
    assert!(outcome(&["check", folder.path()]).stdout.ends_with(": 1 entity, no problems\n"));
}

#[cfg(unix)]
#[test]
fn an_unreadable_folder_matters_only_where_a_path_can_begin() {
    use std::os::unix::fs::PermissionsExt as _;
    for (name, is_problem) in [("lost+found", false), ("teams", true)] {
        let folder = folder(&format!("path-unreadable-{name}"), &[USERS]);
        let inner = folder.0.join(name);
        std::fs::create_dir(&inner).unwrap();
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser reads all.
        let is_readable = std::fs::read_dir(&inner).is_ok();
        let checked = outcome(&["check", folder.path()]);
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o700)).unwrap();
        let expected = if is_problem && !is_readable { Some(2) } else { Some(0) };
        assert_eq!(checked.status, expected, "{name}: {checked:?}");
    }
}

#[test]
fn names_with_dots_still_tell_files_of_one_set_apart() {
    let folder = folder("path-dots", &[USERS, ("users.large.json", r#"[{"id":"u2"}]"#)]);
    assert!(outcome(&["check", folder.path()]).stdout.ends_with(": 2 entities, no problems\n"));
}

#[test]
fn a_changed_file_in_a_folder_is_reloaded() {
    let folder = folder("path-watch", &[USERS, ("users/u1/messages.json", r#"[{"id":"m1","subject":"First"}]"#)]);
    let served = Served::start(&["--fixtures", folder.path(), "--watch"]);
    let mut client = Client::new(served.address());
    assert_eq!(client.json("GET", "/v1.0/users/u1/messages/m1", "")["subject"], "First");
    write(&folder, "users/u1/messages.json", r#"[{"id":"m1","subject":"Second"}]"#);
    let started = Instant::now();
    while client.json("GET", "/v1.0/users/u1/messages/m1", "")["subject"] != "Second" {
        assert!(started.elapsed() < PATIENCE, "the file is never reloaded");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_json_schema_of_a_file_in_a_folder_has_the_entities_of_its_path() {
    let printed = outcome(&["json-schema", "fixtures", "users/messages"]);
    assert_eq!((printed.status, printed.stderr.as_str()), (Some(0), ""));
    let schema = jsonschema::validator_for(&serde_json::from_str(&printed.stdout).unwrap()).unwrap();
    for (file, is_valid) in [
        (r#"[{"id":"m1","subject":"First"}]"#, true),
        (r#"{"value":[{"id":"m1"}]}"#, true),
        (r#"[{"id":"m1","subject":7}]"#, false),
        (r#"[{"subject":"Without an id"}]"#, false),
    ] {
        assert_eq!(schema.is_valid(&serde_json::from_str(file).unwrap()), is_valid, "{file}");
    }
    let unknown = outcome(&["json-schema", "fixtures", "users/manager"]);
    assert_eq!(unknown, refused("wfi-emulator: unknown collection 'users/manager'\n"));
}
