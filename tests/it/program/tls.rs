//! The program over TLS: the printed address, the local authority, certificates from files.

use std::io::{Read as _, Write as _};
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::program::process::{COLLECTION, Folder, PATIENCE, Program, Served, command, outcome};
use crate::support::harness::HOST;

/// Returns the answer to a GET over TLS from a client that trusts these certificates.
fn get_over_tls(served: &Served, trusted: &str, path: &str, headers: &str) -> std::io::Result<String> {
    get_over_tls_as("localhost", served, trusted, path, headers)
}

/// Returns the same of a client that calls the server by a name.
fn get_over_tls_as(name: &'static str, served: &Served, trusted: &str, path: &str, headers: &str) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = std::sync::Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let connection = rustls::ClientConnection::new(config, name.try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, served.connect());
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{headers}\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn with_tls_the_base_url_is_https_and_the_authority_is_saved() {
    let folder = Folder::new("tls");
    let ca = outcome(&["ca", "--path", "--ca-dir", folder.path()]);
    assert_eq!((ca.status, ca.stderr.as_str()), (Some(0), ""));
    let read_certificate = || std::fs::read_to_string(ca.stdout.trim_end()).unwrap();
    let earlier = read_certificate();
    let served = Served::start(&["--tls", "--ca-dir", folder.path(), "--san", "one.test,two.test", "--auth", "strict"]);
    let certificate = read_certificate();
    assert!(get_over_tls(&served, &earlier, COLLECTION, "").is_err(), "a copy from before is not for the new names");
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);
    let refused = get_over_tls(&served, &certificate, COLLECTION, "").unwrap();
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let token = outcome(&["token", "--app", "--scope", "WorkforceIntegration.Read.All"]).stdout;
    let answer =
        get_over_tls(&served, &certificate, COLLECTION, &format!("Authorization: Bearer {}\r\n", token.trim_end())).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("https://localhost:9340/v1.0/"), "{answer}");
    assert_eq!(served.status("GET", COLLECTION, ""), 401, "plain HTTP is served beside it");
}

#[cfg(unix)]
#[test]
fn the_greeting_has_both_addresses_and_the_certificate_to_trust() {
    let folder = Folder::new("greeting");
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.file("cert.pem", &own.cert.pem()), folder.file("key.pem", &own.signing_key.serialize_pem()));
    let file = format!("{}/ca.pem", folder.path());
    for (arguments, flag, told) in [
        (
            &["--ca-dir", folder.path()][..],
            format!("--cacert '{file}' "),
            format!("; CA for clients to trust: {file} (see `wfi-emulator ca`)"),
        ),
        (
            &["--ca-dir", "memory"],
            "--insecure ".to_owned(),
            "; the CA is in memory only: clients must disable verification".to_owned(),
        ),
        (&["--cert", &certificate, "--key", &key], String::new(), String::new()),
    ] {
        let served = Served::start(&[&["--tls"], arguments].concat());
        let (url, address) = (served.url.clone(), served.address().to_owned());
        let outcome = served.stop();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""), "one line, which was read already");
        // A command that is too long for a line goes on in the next one.
        let greeting = outcome.stderr.replace(" \\\n    ", " ").replace(";\n  ", "; ");
        for expected in [format!("\ntry: curl {flag}{url}/v1.0/"), format!("\nwithout TLS: http://{address}{told}\n")] {
            assert!(greeting.contains(&expected), "{expected:?} in {greeting}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_log_reports_a_client_that_does_not_trust_the_certificate() {
    let served = Served::start(&["--tls", "--ca-dir", "memory", "--log", "info"]);
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    assert!(get_over_tls(&served, &stranger.cert.pem(), COLLECTION, "").is_err());
    // The server may read the alert after the client has ended.
    let mut log = String::new();
    while !log.contains("certificate not trusted by client (UnknownCA); run `wfi-emulator ca`") {
        log += &served.program.stderr.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}: {log}"));
    }
    served.stop();
}

#[cfg(unix)]
#[test]
fn the_log_reports_a_client_that_ends_a_connection_after_the_handshake() {
    // As .NET does, which checks a certificate after the handshake.
    let served = Served::start(&["--tls", "--ca-dir", "memory", "--log", "info"]);
    for is_told in [false, true] {
        let mut connection = distrustful_client();
        let mut stream = served.connect();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).unwrap();
        }
        if is_told {
            connection.send_close_notify();
            connection.complete_io(&mut stream).unwrap();
        }
    }
    // A client with a request is not one of them, nor is one without a handshake.
    served.status("GET", COLLECTION, "");
    drop(served.connect());
    let outcome = served.stop();
    let hint = "certificate not trusted by client (closed after the handshake, without a request); run `wfi-emulator ca`";
    assert_eq!(outcome.stderr.matches(hint).count(), 2, "{}", outcome.stderr);
}

/// A client that takes every certificate, until it has seen it.
fn distrustful_client() -> rustls::ClientConnection {
    #[derive(Debug)]
    struct Blind(std::sync::Arc<rustls::crypto::CryptoProvider>);

    impl rustls::client::danger::ServerCertVerifier for Blind {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }

    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let verifier = std::sync::Arc::new(Blind(provider.clone()));
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    rustls::ClientConnection::new(std::sync::Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

#[test]
fn a_certificate_from_a_file_is_served() {
    let folder = Folder::new("own");
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.file("cert.pem", &own.cert.pem()), folder.file("key.pem", &own.signing_key.serialize_pem()));
    let served = Served::start(&["--tls", "--cert", &certificate, "--key", &key]);
    assert!(get_over_tls(&served, &own.cert.pem(), COLLECTION, "").unwrap().starts_with("HTTP/1.1 200 "));
    let other = folder.file("other.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let encrypted =
        folder.file("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00";
    let encrypted_before =
        folder.file("before.pem", &format!("-----BEGIN RSA PRIVATE KEY-----\n{header}\n\nMIIE\n-----END RSA PRIVATE KEY-----\n"));
    for (certificate, key, complaint) in [
        (&key, &key, format!("{key}: found no certificate in PEM form")),
        (&certificate, &certificate, format!("{certificate}: no private key found: expected an unencrypted one in PEM")),
        (&certificate, &encrypted, format!("{encrypted}: no private key found: expected an unencrypted one in PEM")),
        (
            &certificate,
            &encrypted_before,
            format!("{encrypted_before}: no private key found: expected an unencrypted one in PEM"),
        ),
        (&certificate, &other, format!("{other}: key does not match the certificate in {certificate}")),
        (&"nowhere.pem".to_owned(), &key, "nowhere.pem: No such file".to_owned()),
    ] {
        let outcome = outcome(&["--port", "0", "--tls", "--cert", certificate, "--key", key]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""));
        assert!(outcome.stderr.starts_with(&format!("wfi-emulator: {complaint}")), "{}", outcome.stderr);
    }
    // Nor can a file be the folder of an authority, for any command.
    for arguments in [&["--port", "0", "--tls", "--ca-dir", &key][..], &["ca", "--ca-dir", &key]] {
        let outcome = outcome(arguments);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""));
        assert!(
            outcome.stderr.starts_with(&format!("wfi-emulator: {key}")) && outcome.stderr.lines().count() == 1,
            "{outcome:?}"
        );
    }
}

#[test]
fn an_impossible_host_name_is_an_error() {
    for name in ["", "a b", "https://a.test", "a.test:9340", "*.10.0.0.1", "é.test"] {
        let outcome = outcome(&["--port", "0", "--tls", "--ca-dir", "memory", "--san", name]);
        assert_eq!(outcome.status, Some(2), "{name}");
        assert!(outcome.stderr.contains("expected a host name or an IP address"), "{name}: {}", outcome.stderr);
    }
    Served::start(&["--tls", "--ca-dir", "memory", "--san", "*.a.test,a_b.test,10.0.0.1,fe80::1"]);
}

#[test]
fn tls_flags_without_tls_are_an_error() {
    for arguments in
        [&["--san", "a.test"][..], &["--cert", "a", "--key", "b"], &["--tls", "--cert", "a"], &["--tls", "--key", "a"]]
    {
        assert_eq!(outcome(arguments).status, Some(2), "{arguments:?}");
    }
}

#[test]
fn ca_explains_the_authority_for_every_runtime() {
    let folder = Folder::new("ca");
    let explained = outcome(&["ca", "--ca-dir", folder.path()]);
    let path = format!("{}/ca.pem", folder.path());
    let (first, rest) = explained.stdout.split_once('\n').unwrap();
    assert_eq!((explained.status, first), (Some(0), path.as_str()));
    let (until, rest) = rest.split_once('\n').unwrap();
    assert!(until.starts_with("valid until 20") && until.ends_with("Z; keep the key next to it private"), "{until}");
    insta::assert_snapshot!(rest.replace(&path, "<ca>").replace(folder.path(), "<folder>"), @r#"
    set variables before the program starts: a running one does not read them again

    curl
      curl --cacert '<ca>' https://localhost:9340/v1.0/teamwork/workforceIntegrations

    Python
      export SSL_CERT_FILE='<ca>' REQUESTS_CA_BUNDLE='<ca>'   # httpx and aiohttp read the first, requests the second

    pip
      export PIP_CERT="$(wfi-emulator ca --bundle --ca-dir '<folder>')"; export SSL_CERT_FILE="$PIP_CERT" REQUESTS_CA_BUNDLE="$PIP_CERT"   # the system's CAs too

    Node
      export NODE_EXTRA_CA_CERTS='<ca>'

    Go
      export SSL_CERT_FILE='<ca>'   # Linux; on macOS and Windows Go reads the system's store

    Java
      keytool -importcert -noprompt -alias wfi-emulator -file '<ca>' -keystore wfi-emulator.p12 -storetype PKCS12 -storepass changeit
      export JAVA_TOOL_OPTIONS='-Djavax.net.ssl.trustStore=wfi-emulator.p12 -Djavax.net.ssl.trustStorePassword=changeit'

    .NET
      export SSL_CERT_FILE='<ca>'   # Linux; elsewhere the system's store, below

    PowerShell
      $env:SSL_CERT_FILE = $env:REQUESTS_CA_BUNDLE = $env:NODE_EXTRA_CA_CERTS = '<ca>'   # for programs started after it
      $env:SSL_CERT_FILE = $env:REQUESTS_CA_BUNDLE = $env:PIP_CERT = $(wfi-emulator ca --bundle --ca-dir '<folder>')   # the system's CAs too
      pwsh   # Linux: commands of a new PowerShell; the running one has read its certificates already

    Windows
      certutil -user -addstore Root "<ca>"   # PowerShell and .NET

    macOS
      security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db '<ca>'
    "#);
    // The second call prints the same one.
    assert_eq!(outcome(&["ca", "--ca-dir", folder.path()]), explained);
    let nowhere = outcome(&["ca", "--ca-dir", "memory"]);
    assert_eq!((nowhere.status, nowhere.stdout.as_str()), (Some(2), ""));
    // Without a flag it is in the user's cache folder.
    let mut command = command(&["ca", "--path"], &[("XDG_CACHE_HOME", folder.path())]);
    command.env("LOCALAPPDATA", folder.path()).env("HOME", folder.path());
    let path = Program::start(command).outcome().stdout;
    assert!(path.starts_with(folder.path()) && Path::new(path.trim_end()).ends_with("wfi-emulator/ca.pem"), "{path}");
}

#[test]
fn a_bundle_has_the_certificates_of_the_system_and_the_local_one() {
    let folder = Folder::new("bundle");
    let system = rcgen::generate_simple_self_signed(["system.test".to_owned()]).unwrap().cert.pem();
    let system_file = folder.file("system.pem", &system);
    let run = |arguments: &[&str], system: &str| {
        let arguments = [&["ca", "--ca-dir", folder.path()], arguments].concat();
        Program::start(command(&arguments, &[("SSL_CERT_FILE", system)])).outcome()
    };
    let bundle = run(&["--bundle"], &system_file);
    assert_eq!((bundle.status, bundle.stderr.as_str()), (Some(0), ""));
    let path = bundle.stdout.trim_end();
    assert_eq!(path, format!("{}/ca-bundle.pem", folder.path()));
    let certificates = |path: &str| -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
    };
    let local = format!("{}/ca.pem", folder.path());
    assert_eq!(certificates(path), [certificates(&system_file), certificates(&local)].concat());
    let missing = run(&["--bundle"], "/nowhere/system.pem");
    assert_eq!(missing.status, Some(2));
    assert!(
        missing.stderr.starts_with("wfi-emulator: /nowhere/system.pem: ") && missing.stderr.contains("SSL_CERT_FILE"),
        "{missing:?}"
    );
    let text = run(&[], &system_file).stdout;
    assert!(text.contains(&format!("$(wfi-emulator ca --bundle --ca-dir '{}')", folder.path())), "{text}");
}

#[test]
fn the_commands_have_the_port_of_the_running_emulator() {
    let folder = Folder::new("ca-port");
    let ready = folder.file("ready", r#"{"port":4711}"#);
    let text =
        |variables: &[(&str, &str)]| Program::start(command(&["ca", "--ca-dir", folder.path()], variables)).outcome().stdout;
    for (variables, port) in
        [(&[][..], 9340), (&[("WFI_EMULATOR_PORT", "4712")], 4712), (&[("WFI_EMULATOR_READY_FILE", &*ready)], 4711)]
    {
        assert!(text(variables).contains(&format!(" https://localhost:{port}/v1.0/")), "{port}: {}", text(variables));
    }
}

#[cfg(unix)]
#[test]
fn a_name_that_the_certificate_lacks_is_logged_once_with_the_remedy() {
    let served = Served::start(&["--tls", "--ca-dir", "memory", "--log", "info"]);
    let stranger = rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap();
    for _ in 0..2 {
        assert!(get_over_tls_as("other.test", &served, &stranger.cert.pem(), COLLECTION, "").is_err());
    }
    let outcome = served.stop();
    let line = "WARN certificate without the name other.test that a client asks for; add it with --san\n";
    assert_eq!(outcome.stderr.matches(line).count(), 1, "{}", outcome.stderr);
}
