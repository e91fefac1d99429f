//! A grammar of exchanges with a planted secret: places × encodings × damage × what else is learned before and after.
//!
//! Inputs are bytes, of which each decides one choice, so that the property test and the fuzzer share the grammar.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use wfi_emulator::internals::text::exchange::{Exchange, RecordedRequest, RecordedResponse};
use wfi_emulator::internals::text::redact::{NamePlace, examples};

use super::choices::Choices;

/// The part of the planted secret that no encoding of characters changes.
pub(crate) const CORE: &str = "Pl4nted7S3cretQ9x";

/// Exchanges of which one names the secret; the others only repeat it.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) before: Option<Exchange>,
    pub(crate) naming: Exchange,
    /// Other private values, learned in between.
    pub(crate) others: usize,
    pub(crate) after: Option<Exchange>,
}

fn secret_name(choices: &mut Choices<'_>, place: NamePlace) -> String {
    let names: Vec<String> = examples(place).filter(|(_, kind)| kind.is_secret()).map(|(name, _)| name).collect();
    let high = choices.below(256);
    names[(high * 256 + choices.below(256)) % names.len()].clone()
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn every_byte(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<String>>().concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<String>>().concat()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<String>>().concat()
}

fn utf_16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail")
}

/// Returns a text in which a name says that the secret is one.
fn named(choices: &mut Choices<'_>, secret: &str) -> String {
    let member = secret_name(choices, NamePlace::Member);
    let parameter = secret_name(choices, NamePlace::Parameter);
    match choices.below(16) {
        0 => format!("{{\"encryption\":{{{}:{}}}}}", quoted(&member), quoted(secret)),
        1 => format!("{{\"a\":[{{\"x\":1}},{{{}:{}}}]}}", quoted(&member), quoted(secret)),
        2 => format!("{{{}:\"{}\"}}", quoted(&member), escaped(secret)),
        3 => format!("{{\"{}\":{}}}", escaped(&member), quoted(secret)),
        4 => format!("{{{}:[{}]}}", quoted(&member), quoted(secret)),
        5 => format!("{{\"encryption\":{}}}", quoted(secret)),
        6 => format!("{{\"name\":{},\"value\":{}}}", quoted(&member), quoted(secret)),
        7 => format!("{{\"url\":\"/x/encryption/secret\",\"method\":\"PUT\",\"body\":{{\"value\":{}}}}}", quoted(secret)),
        8 => format!("a=b&{parameter}={}&c=d", percent(secret)),
        9 => format!("a&{parameter}={}", every_byte(secret)),
        10 => format!("https://a.test/b?c=d;{parameter}={}", percent(secret)),
        11 => format!("https://a.test/b#code=x&{parameter}={}", percent(secret)),
        12 => format!("https://me:{}@10.0.0.5/x", percent(secret)),
        13 => format!("cannot connect to admin:{}@10.0.0.5:5432", percent(secret)),
        14 => format!("/cb?next={}", percent(&format!("/x?{parameter}={}", percent(secret)))),
        _ => format!("/x?$filter=encryption/secret eq '{}'&a=b", secret.replace('\'', "''").replace(['&', '#', '%', '+'], "")),
    }
}

/// Encodes a text as a part of another one.
fn wrapped(choices: &mut Choices<'_>, text: String) -> String {
    match choices.below(10) {
        0 => text,
        1 => format!("{{\"body\":{}}}", quoted(&text)),
        2 => format!("{{\"body\":\"{}\"}}", escaped(&text)),
        3 => format!("{{\"body\":\"{}\"}}", STANDARD.encode(&text)),
        4 => format!("{{\"body\":\"{}\"}}", URL_SAFE_NO_PAD.encode(&text)),
        5 => format!("{{\"body\":\"{}\"}}", hex(text.as_bytes())),
        6 => format!(
            "{{\"requests\":[{{\"id\":\"1\",\"url\":\"/x\",\"headers\":{{\"Prefer\":\"a\"}},\"body\":{}}}]}}",
            quoted(&STANDARD.encode(&text))
        ),
        7 => format!("a=b&c={}", percent(&text)),
        8 => format!("{{\"body\":\"{}\"}}", STANDARD.encode(utf_16(&text))),
        _ => format!("{{\"body\":\"{}\"}}", STANDARD.encode(gzip(text.as_bytes()))),
    }
}

/// Damages a text; returns its bytes.
fn damaged(choices: &mut Choices<'_>, text: String) -> Vec<u8> {
    let inner = |value: &str| format!("{{\"a\":{value},\"b\":{text}}}");
    let is_json = text.starts_with('{');
    match choices.below(14) {
        1 if is_json => inner("1e999").into_bytes(),
        2 if is_json => inner("\"\\ud800\"").into_bytes(),
        3 if is_json => inner(&format!("{}{}", "[".repeat(130), "]".repeat(130))).into_bytes(),
        4 if is_json => format!(")]}}',\n{text}").into_bytes(),
        5 => format!("\u{feff}{text}").into_bytes(),
        6 => text.as_bytes()[..text.len() - 1].to_vec(),
        7 => format!("a=openid profile&{text}").into_bytes(),
        8 => format!("a&b&{text}").into_bytes(),
        9 => utf_16(&text),
        10 => [text.as_bytes(), b"\0"].concat(),
        11 => [text.as_bytes(), b"\xff"].concat(),
        12 => format!("{text}\n{text}").into_bytes(),
        _ => text.into_bytes(),
    }
}

/// Returns a text that repeats the secret without a name, in some encoding.
fn echo(choices: &mut Choices<'_>, secret: &str) -> String {
    match choices.below(9) {
        0 => format!("bad value {secret} here"),
        1 => format!("bad value {} here", percent(secret)),
        2 => format!("bad value {} here", percent(&percent(secret))),
        3 => format!("bad value {} here", STANDARD.encode(secret)),
        4 => format!("bad value {} here", URL_SAFE_NO_PAD.encode(format!("in {secret}"))),
        5 => format!("bad value {} here", hex(secret.as_bytes())),
        6 => format!("{{\"message\":\"{}\"}}", escaped(secret)),
        7 => format!("{{\"message\":{}}}", quoted(&format!("{{\"inner\":{}}}", quoted(secret)))),
        _ => format!("{{\"message\":\"{}\"}}", STANDARD.encode(utf_16(secret))),
    }
}

fn exchange(target: &str, headers: &[(&str, &str)], body: &[u8], answer: &str) -> Exchange {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let json = vec![("content-type".to_owned(), "application/json".to_owned())];
    Exchange {
        comments: Vec::new(),
        request: RecordedRequest { method: Method::POST, target: target.to_owned(), headers, body: body.to_vec().into() },
        response: Some(RecordedResponse { status: StatusCode::OK, headers: json, body: answer.as_bytes().to_vec().into() }),
    }
}

/// Returns the exchanges of an input.
pub(crate) fn planted(data: &[u8]) -> Planted {
    let mut choices = Choices(data);
    let secret = choices.one(&[CORE.to_owned(), format!("{CORE}+/="), format!("a b{CORE}\"\\é"), format!("{CORE}&x;y")]);
    let content_type =
        choices.one(&["application/json", "application/x-www-form-urlencoded", "text/plain", "", "application/xml"]);
    let typed: Vec<(&str, &str)> = if content_type.is_empty() { Vec::new() } else { vec![("Content-Type", content_type)] };
    let header = secret_name(&mut choices, NamePlace::Header);
    let parameter = secret_name(&mut choices, NamePlace::Parameter);
    let one_line = percent(&secret);
    let answer_echo = echo(&mut choices, &secret);
    let answer = if answer_echo.starts_with('{') { answer_echo } else { format!("{{\"message\":{}}}", quoted(&answer_echo)) };
    let place = choices.below(8);
    let naming = match place {
        0 => {
            // In a header the characters of the secret would end its value, or belong to a scheme.
            let value = choices.one(&[format!("Bearer {CORE}"), CORE.to_owned(), format!("a={CORE}; b=c")]);
            exchange("/v1.0/nothing", &[(&header, &value)], b"", &format!("{{\"message\":{}}}", quoted(&format!("is {value}"))))
        }
        1 => exchange(&format!("/v1.0/nothing?a=b&{parameter}={one_line}"), &[], b"", &answer),
        2 => exchange(&format!("/v1.0/nothing?a=1;{parameter}={one_line}"), &[], b"", &answer),
        3 => exchange("/v1.0/x/encryption/secret/$value", &[("Content-Type", "text/plain")], secret.as_bytes(), "{}"),
        4 => {
            let body = format!("{{\"value\":{}}}", quoted(&secret));
            exchange("/v1.0/x/encryption/secret", &[("Content-Type", "application/json")], body.as_bytes(), &answer)
        }
        5 => {
            let location = named(&mut choices, CORE);
            exchange("/v1.0/nothing", &[("Location", &location)], b"", "{}")
        }
        _ => {
            let mut text = named(&mut choices, &secret);
            for _ in 0..choices.below(3) {
                text = wrapped(&mut choices, text);
            }
            let body = damaged(&mut choices, text);
            let coded: Vec<(&str, &str)> = typed.iter().copied().chain(std::iter::once(("Content-Encoding", "gzip"))).collect();
            match choices.below(8) {
                1 => exchange("/v1.0/nothing", &coded, &gzip(&body), "{}"),
                _ => exchange("/v1.0/nothing", &typed, &body, "{}"),
            }
        }
    };
    let mut echoing = || {
        let text = echo(&mut choices, CORE);
        match choices.below(3) {
            0 => exchange("/v1.0/nothing", &[("Content-Type", "text/plain")], text.as_bytes(), "{}"),
            1 => exchange(&format!("/v1.0/nothing/{}", percent(&text)), &[], b"", "{}"),
            _ => exchange("/v1.0/nothing", &[("X-Note", &text)], b"", "{}"),
        }
    };
    // A longer secret than what is repeated is not what was repeated; and what could not be read has not been learned.
    let is_known = secret == CORE && place < 5;
    let (before, after) = (echoing(), echoing());
    let others = if choices.below(64) == 63 { 1100 } else { 0 };
    Planted { before: is_known.then_some(before), naming, others, after: is_known.then_some(after) }
}

/// Returns an exchange that teaches a number of other private values.
pub(crate) fn others(count: usize) -> Exchange {
    let ids: Vec<String> = (0..count).map(|index| format!("{{\"secret\":\"other-Secret-{index:06}\"}}")).collect();
    exchange("/v1.0/others", &[("Content-Type", "application/json")], format!("[{}]", ids.join(",")).as_bytes(), "{}")
}

/// Returns the form in which a text has the planted secret, if it has it.
pub(crate) fn trace(text: &str) -> Option<String> {
    let within_base64 = |bytes: &[u8]| -> Vec<String> {
        // Within a longer text there are three forms, by the offset; the ends depend on the neighbors.
        let forms = (0..3).map(|before| {
            let encoded = STANDARD.encode([&b"xxx"[..before], bytes].concat());
            let (from, to) = ([0, 2, 3][before], encoded.trim_end_matches('=').len() - 2);
            encoded[from..to].to_owned()
        });
        forms.collect()
    };
    let wide: Vec<u8> = CORE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![CORE.to_owned()];
    for _ in 0..2 {
        let inner: Vec<String> = forms.clone();
        for form in inner {
            forms.extend(within_base64(form.as_bytes()));
            forms.push(hex(form.as_bytes()));
        }
    }
    forms.extend(within_base64(&wide));
    forms.push(hex(&wide));
    forms.sort();
    forms.dedup();
    let mut texts = vec![text.to_owned(), text.replace('\0', "")];
    for _ in 0..4 {
        let last = &texts[texts.len() - 1];
        let decoded = percent_encoding::percent_decode_str(last).decode_utf8_lossy().replace("\\\\", "\\");
        let mut out = String::new();
        let mut rest = decoded.as_str();
        while let Some(at) = rest.find("\\u") {
            out.push_str(&rest[..at]);
            match rest.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
                Some(unit) => {
                    out.push(char::from_u32(unit).unwrap_or('?'));
                    rest = &rest[at + 6..];
                }
                None => {
                    rest = &rest[at + 2..];
                }
            }
        }
        out.push_str(rest);
        if out == *last {
            break;
        }
        texts.push(out);
    }
    for text in &texts {
        let standard = text.replace('-', "+").replace('_', "/");
        if let Some(form) = forms.iter().find(|form| text.contains(form.as_str()) || standard.contains(form.as_str())) {
            return Some(form.clone());
        }
        let upper = text.to_ascii_lowercase();
        if upper.contains(&hex(CORE.as_bytes())) {
            return Some("hexadecimal".to_owned());
        }
    }
    None
}
