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
    {"aio":"Afy2xpdj2rfJCyK8UNXjlESwLY0ehPHHquSxrqoW71avhgzp","appid":"00000000-0000-4000-8000-000000000002","appidacr":"1","aud":"https://graph.microsoft.com","exp":1767326645,"iat":1767322745,"idp":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","idtyp":"app","iss":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","nbf":1767322745,"oid":"eb72190f-98ee-41f3-bed3-f8ce2869cc3d","rh":"1.A_KIcN4Oc2ivFLUdyVExh6ttumLTqsSqfTVqXB.","roles":["AppRoleAssignment.ReadWrite.All","Application.ReadWrite.All","Calendars.ReadWrite","Channel.Create","ChannelMember.ReadWrite.All","ChannelMessage.Send","ChannelSettings.ReadWrite.All","Chat.ReadWrite","Contacts.ReadWrite","Directory.ReadWrite.All","Domain.ReadWrite.All","Files.ReadWrite","Files.ReadWrite.All","Group.ReadWrite.All","GroupMember.ReadWrite.All","Mail.ReadWrite","Mail.Send","MailboxSettings.ReadWrite","Notes.ReadWrite.All","Organization.ReadWrite.All","Schedule.Read.All","Schedule.ReadWrite.All","Sites.ReadWrite.All","Tasks.ReadWrite","Tasks.ReadWrite.All","Team.Create","Team.ReadBasic.All","TeamMember.ReadWrite.All","TeamSettings.ReadWrite.All","User.ReadWrite.All","WorkforceIntegration.Read.All","WorkforceIntegration.ReadWrite.All"],"sub":"eb72190f-98ee-41f3-bed3-f8ce2869cc3d","tid":"00000000-0000-4000-8000-000000000000","uti":"K6Ial5aNekdDsI3o16PJSG","ver":"1.0"}
    {"aio":"AIxZfsx4WgB2Udag5nxB8gEcvODQtxDbkCgXIdlBybcvWC2-","appid":"connector","appidacr":"1","aud":"api://x","exp":1767323645,"iat":1767322745,"idp":"https://sts.windows.net/t/","iss":"https://sts.windows.net/t/","nbf":1767322745,"oid":"cc611e6c-4cef-4eb3-bc0c-0c8280260ad8","rh":"1.A-eTrk1z_7rvvUSpN5bjfoctfa9MzNW01CKK1v.","roles":["A.Read","B.Read","C.Read"],"sub":"cc611e6c-4cef-4eb3-bc0c-0c8280260ad8","tid":"t","uti":"oc2Zxm_PkAlIXrhDptdGcu","ver":"1.0"}
    {"acr":"1","aio":"AE1t3BRGfuIUw0xjt66GhCRLybvsD2Vabxz1B4YQdROc7gla","amr":["pwd"],"appid":"00000000-0000-4000-8000-000000000002","appidacr":"0","aud":"https://graph.microsoft.com","exp":1767319445,"family_name":"User","given_name":"Local","iat":1767319444,"idtyp":"user","iss":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","name":"Local User","nbf":1767319444,"oid":"00000000-0000-4000-8000-000000000001","rh":"1.A_KIcN4Oc2ivFLUdyVExh6ttumLTqsSqfTVqXB.","scp":"AppRoleAssignment.ReadWrite.All Application.ReadWrite.All Calendars.ReadWrite Channel.Create ChannelMember.ReadWrite.All ChannelMessage.Send ChannelSettings.ReadWrite.All Chat.ReadWrite Contacts.ReadWrite Directory.ReadWrite.All Domain.ReadWrite.All Files.ReadWrite Files.ReadWrite.All Group.ReadWrite.All GroupMember.ReadWrite.All Mail.ReadWrite Mail.Send MailboxSettings.ReadWrite Notes.ReadWrite.All Organization.ReadWrite.All Schedule.Read.All Schedule.ReadWrite.All Sites.ReadWrite.All Tasks.ReadWrite Tasks.ReadWrite.All Team.Create Team.ReadBasic.All TeamMember.ReadWrite.All TeamSettings.ReadWrite.All User.ReadWrite.All WorkforceIntegration.Read.All WorkforceIntegration.ReadWrite.All","sub":"Bydn_0viCCHnmNMXc7y9WMK6c7xvNhQ884sWN5nbKvg","tid":"00000000-0000-4000-8000-000000000000","unique_name":"local.user@contoso.onmicrosoft.com","upn":"local.user@contoso.onmicrosoft.com","uti":"dSmLLhKUDmtJ1vSBSpsZTp","ver":"1.0"}
    {"acr":"1","aio":"Afy2xpdj2rfJCyK8UNXjlESwLY0ehPHHquSxrqoW71avhgzp","amr":["pwd"],"appid":"00000000-0000-4000-8000-000000000002","appidacr":"0","aud":"https://graph.microsoft.com","exp":1767326645,"iat":1767322745,"idtyp":"user","iss":"https://sts.windows.net/e3b98a4d-a31a-427d-8bde-6e43033f66ba/","name":"Adele","nbf":1767322745,"oid":"u","rh":"1.AzmgNbzeaI511Ls_tPp5EyYLmJXw-lwY006tTd.","scp":"AppRoleAssignment.ReadWrite.All Application.ReadWrite.All Calendars.ReadWrite Channel.Create ChannelMember.ReadWrite.All ChannelMessage.Send ChannelSettings.ReadWrite.All Chat.ReadWrite Contacts.ReadWrite Directory.ReadWrite.All Domain.ReadWrite.All Files.ReadWrite Files.ReadWrite.All Group.ReadWrite.All GroupMember.ReadWrite.All Mail.ReadWrite Mail.Send MailboxSettings.ReadWrite Notes.ReadWrite.All Organization.ReadWrite.All Schedule.Read.All Schedule.ReadWrite.All Sites.ReadWrite.All Tasks.ReadWrite Tasks.ReadWrite.All Team.Create Team.ReadBasic.All TeamMember.ReadWrite.All TeamSettings.ReadWrite.All User.ReadWrite.All WorkforceIntegration.Read.All WorkforceIntegration.ReadWrite.All","sub":"U6Fi_cCL0QVNmR7Df2JRl5KJSXdCn0OxFl4D9ZqU9mc","tid":"e3b98a4d-a31a-427d-8bde-6e43033f66ba","unique_name":"adele@contoso.com","upn":"adele@contoso.com","uti":"K6Ial5aNekdDsI3o16PJSG","ver":"1.0"}
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
        "wfi-emulator: {file}: unknown field `apps`, expected one of `$schema`, `tenantId`, `domains`, `applications`, `users`, `conditionalAccess` at line 1 column 7\n"
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

#[test]
fn a_token_names_the_user_who_is_in_the_initial_entities() {
    let claims = |arguments: &[&str]| {
        let token = outcome(&[&["token"], arguments].concat());
        assert_eq!((token.status, token.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        crate::support::tokens::claims(token.stdout.trim_end())
    };
    let built_in = claims(&["--user", "Nora.Lindqvist@contoso.onmicrosoft.com"]);
    assert_eq!(built_in["oid"], "c5d0c76b-80c4-481c-be50-923cd8d680a1");
    assert_eq!(claims(&["--user", "c5d0c76b-80c4-481c-be50-923cd8d680a1"])["upn"], built_in["upn"]);
    let folder = Folder::new("token-of-a-fixture");
    let id = "0b4a5ad7-1df5-4b0c-8d42-2b8a2b3f6a11";
    folder.file("users.json", &format!(r#"[{{"id":"{id}","userPrincipalName":"zoe@fabrikam.com","displayName":"Zoe"}}]"#));
    let own = claims(&["--user", "zoe@fabrikam.com", "--fixtures", folder.path()]);
    assert_eq!((&own["oid"], &own["name"]), (&id.into(), &"Zoe".into()));
    assert_ne!(claims(&["--user", "zoe@fabrikam.com"])["oid"], id);
}
