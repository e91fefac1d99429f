//! The program and sign-in: `token`, the directory, and parts of requests that are not logged.

use crate::program::process::{Folder, Served, outcome, refused};

#[test]
fn a_token_is_printed_as_requested() {
    let claims = |arguments: &[&str]| {
        let token = outcome(&[&["token", "--clock", "2026-01-02T03:04:05Z"], arguments].concat());
        assert_eq!((token.status, token.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        crate::support::tokens::claims(token.stdout.trim_end()).to_string()
    };
    let folder = Folder::new("token");
    let directory = folder.file(
        "directory.json",
        r#"{"tenantId":"t","users":[{"id":"u","userPrincipalName":"adele@contoso.com","displayName":"Adele"}]}"#,
    );
    let lines = [
        claims(&["--app"]),
        claims(&[
            "--app",
            "connector",
            "--scope",
            "A.Read,B.Read",
            "--scope",
            "C.Read",
            "--expires",
            "10m",
            "--audience",
            "api://x",
            "--tenant",
            "t",
        ]),
        claims(&["--user", "--expires", "-1h"]),
        claims(&["--user", "adele@contoso.com", "--directory", &directory]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"appid":"00000000-0000-4000-8000-000000000002","appidacr":"1","aud":"https://graph.microsoft.com","exp":1767326644,"iat":1767322745,"idtyp":"app","iss":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","nbf":1767322745,"oid":"eb72190f-98ee-41f3-bed3-f8ce2869cc3d","roles":["Schedule.Read.All","Schedule.ReadWrite.All","Team.ReadBasic.All","WorkforceIntegration.Read.All","WorkforceIntegration.ReadWrite.All"],"sub":"eb72190f-98ee-41f3-bed3-f8ce2869cc3d","tid":"00000000-0000-4000-8000-000000000000","ver":"1.0"}
    {"appid":"connector","appidacr":"1","aud":"api://x","exp":1767323645,"iat":1767322745,"idtyp":"app","iss":"https://sts.windows.net/t/","nbf":1767322745,"oid":"cc611e6c-4cef-4eb3-bc0c-0c8280260ad8","roles":["A.Read","B.Read","C.Read"],"sub":"cc611e6c-4cef-4eb3-bc0c-0c8280260ad8","tid":"t","ver":"1.0"}
    {"appid":"00000000-0000-4000-8000-000000000002","appidacr":"0","aud":"https://graph.microsoft.com","exp":1767319445,"iat":1767319444,"idtyp":"user","iss":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","name":"Local User","nbf":1767319444,"oid":"00000000-0000-4000-8000-000000000001","scp":"Schedule.Read.All Schedule.ReadWrite.All Team.ReadBasic.All WorkforceIntegration.Read.All WorkforceIntegration.ReadWrite.All","sub":"072767ff-4be2-4821-a798-d31773bcbd58","tid":"00000000-0000-4000-8000-000000000000","upn":"local.user@contoso.onmicrosoft.com","ver":"1.0"}
    {"appid":"00000000-0000-4000-8000-000000000002","appidacr":"0","aud":"https://graph.microsoft.com","exp":1767326644,"iat":1767322745,"idtyp":"user","iss":"https://sts.windows.net/t/","name":"Adele","nbf":1767322745,"oid":"u","scp":"Schedule.Read.All Schedule.ReadWrite.All Team.ReadBasic.All WorkforceIntegration.Read.All WorkforceIntegration.ReadWrite.All","sub":"53a162fd-c08b-4105-8d99-1ec37f625197","tid":"t","upn":"adele@contoso.com","ver":"1.0"}
    "#);
    let shortest = outcome(&["token", "--clock", "1970-01-01T00:00:00Z", "--expires", "-9223372036854775808s"]).stdout;
    assert_eq!(crate::support::tokens::claims(shortest.trim_end())["exp"], i64::MIN);
    for arguments in [
        &["token", "--expires", "soon"][..],
        &["token", "--app", "a", "--user", "b"],
        &["token", "--user", "lynne", "--directory", &directory],
    ] {
        assert_eq!(outcome(arguments).status, Some(2), "{arguments:?}");
    }
}

#[test]
fn an_unusable_directory_is_reported_before_the_program_listens() {
    let folder = Folder::new("directory");
    let file = folder.file("directory.json", r#"{"apps":[]}"#);
    let expected = format!(
        "wfi-emulator: {file}: unknown field `apps`, expected one of `tenantId`, `applications`, `users` at line 1 column 7\n"
    );
    assert_eq!(outcome(&["--directory", &file]), refused(&expected));
}

#[test]
fn credentials_sent_to_the_token_service_are_not_logged() {
    let served = Served::start(&["--log", "info"]);
    served.status("POST", "/common/oauth2/v2.0/token?client_secret=hidden", "grant_type=password");
    let line = served.logged();
    assert!(line.starts_with("POST /common/oauth2/v2.0/token 400 … refused by entra-"), "{line}");
}
