//! Messages to connectors, decrypted by OpenSSL, and the commands `encrypt` and `decrypt`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use wfi_emulator::internals::workloads::shifts::envelope::{self, MessageKeys, Secret};

const SECRET: &str = "0123456789abcdef0123456789abcdefFEDCBA9876543210FEDCBA9876543210";

/// Runs a command to its end with these bytes as standard input.
fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that refuses its arguments reads nothing.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn program(arguments: &[&str], input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let output =
        run_with_input(Command::new(env!("CARGO_BIN_EXE_wfi-emulator")).args(arguments).env_remove("WFI_EMULATOR_SECRET"), input);
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

/// The script shares no code with the emulator: it follows the documented steps with OpenSSL.
#[test]
#[cfg(unix)]
fn a_message_to_a_connector_is_decrypted_by_openssl() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has openssl");
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decrypt.sh");
    let secret = Secret::new(SECRET).unwrap();
    for length in [0, 1, 15, 16, 17, 99, 5_000] {
        let plaintext: Vec<u8> = (0..length).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect();
        let body = envelope::encrypt(&secret, &MessageKeys::random().unwrap(), &plaintext);
        let output = run_with_input(Command::new("bash").arg(&script).arg(SECRET), &body);
        assert!(output.status.success(), "{length}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, plaintext, "{length} bytes");
        let mut altered = body;
        let at = altered.len() / 2;
        altered[at] ^= 1;
        assert!(
            !run_with_input(Command::new("bash").arg(&script).arg(SECRET), &altered).status.success(),
            "{length} bytes, one altered"
        );
    }
}

#[test]
fn encrypt_and_decrypt_reverse_each_other_in_every_form() {
    let plaintext = "{\"tenantId\":\"…\"}\n".as_bytes();
    for form in ["raw", "hex", "base64"] {
        let (status, body, _) = program(&["encrypt", "--secret", SECRET, "--form", form], plaintext);
        assert_eq!(status, Some(0));
        assert_eq!(form == "raw", std::str::from_utf8(&body).is_err(), "{form}");
        let (status, decrypted, problem) = program(&["decrypt", "--secret", SECRET, "--form", form], &body);
        assert_eq!((status, decrypted, problem.as_str()), (Some(0), plaintext.to_vec(), ""), "{form}");
        // The encoding is recognized, also with line breaks.
        let lines: Vec<u8> =
            if form == "raw" { body } else { body.chunks(60).flat_map(|line| [line, b"\r\n"].concat()).collect() };
        let (status, decrypted, problem) = program(&["decrypt", "--secret", SECRET], &lines);
        assert_eq!((status, decrypted, problem.as_str()), (Some(0), plaintext.to_vec(), ""), "{form}");
    }
}

/// `script`, which is a part of every Debian, gives the program a terminal.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_commands_say_that_they_wait_for_input() {
    use std::process::{Command, Stdio};

    for command in ["encrypt", "decrypt"] {
        let line = format!("{} {command} --secret {SECRET} --form hex 2>&1 >/dev/null", env!("CARGO_BIN_EXE_wfi-emulator"));
        let script = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
        let shown = String::from_utf8(script.expect("script is installed").stdout).unwrap();
        assert!(shown.contains("reading from the terminal, to the end with Ctrl-D\r\n"), "{command}: {shown:?}");
    }
}

#[test]
fn marks_of_windows_are_removed_from_digits_and_reported_of_plaintext() {
    let plaintext = b"{}";
    for form in ["hex", "base64"] {
        let (_, body, problem) = program(&["encrypt", "--secret", SECRET, "--form", form], plaintext);
        assert_eq!(problem, "");
        let text = String::from_utf8(body).unwrap();
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for marked in [format!("\u{feff}{text}").into_bytes(), [&b"\xFF\xFE"[..], &utf16].concat()] {
            let (status, decrypted, problem) = program(&["decrypt", "--secret", SECRET, "--form", form], &marked);
            assert_eq!((status, &decrypted[..], problem.as_str()), (Some(0), &plaintext[..], ""), "{form}");
        }
    }
    let (status, body, report) = program(&["encrypt", "--secret", SECRET], "\u{feff}{}".as_bytes());
    assert_eq!(status, Some(0));
    insta::assert_snapshot!(report, @"byte order mark of UTF-8 in standard input: it is encrypted with the text, as a connector would get it");
    assert_eq!(program(&["decrypt", "--secret", SECRET], &body).1, "\u{feff}{}".as_bytes());
}

#[test]
fn a_captured_body_is_decrypted() {
    let keys: [u8; MessageKeys::LENGTH] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let body = envelope::encrypt(&Secret::new(SECRET).unwrap(), &MessageKeys::from_bytes(&keys), b"a captured body");
    let (status, output, problem) = program(&["decrypt", "--secret", SECRET, "--parts"], &body);
    assert_eq!((status, problem.as_str()), (Some(0), ""));
    let expected = [
        "EK  97410098557e00088add49bea688718113b398219960361f9fb24ee1671a96be (the data key, encrypted)",
        "IV  202122232425262728292a2b2c2d2e2f",
        "CT  42ebded1728432888d28fdc1acf1320f… (16 bytes)",
        "AT  728f59a01b10c005af9fc770beef897ac19ee551848ea66f0f0ca684f714de38 (the tag)",
        "plaintext 15 bytes",
    ];
    assert_eq!(String::from_utf8(output).unwrap().lines().collect::<Vec<_>>(), expected);
    let (status, output, problem) = program(&["decrypt", "--secret", &"0".repeat(64)], &body);
    assert_eq!((status, output), (Some(1), Vec::new()));
    insta::assert_snapshot!(problem, @"wfi-emulator: tag: tag mismatch: wrong secret or altered bytes");
    let (status, output, problem) = program(&["decrypt", "--secret", SECRET], b"{\"tenantId\":\"0\"}");
    assert_eq!((status, output), (Some(1), Vec::new()));
    insta::assert_snapshot!(problem, @"wfi-emulator: framing: KeyID: found 0x7b at byte 0, expected 0x10");
    let (status, _, problem) = program(&["encrypt", "--secret", "My Secret"], b"{}");
    assert_eq!(status, Some(2));
    insta::assert_snapshot!(problem, @"wfi-emulator: invalid secret: 9 characters, expected 64");
}
