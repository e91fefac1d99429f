//! Messages in the format of Internet mail (RFC 5322, RFC 2045 to 2047), in base64: the headers and the text become members of a message.
//!
//! Medium (learn.microsoft.com/graph/api/user-post-messages, user-sendmail, message-reply and the pages beside it). The row `mime-messages` says
//! which parts are read.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::odata::error::Error;
use crate::policy::behavior::MimeMessages;
use crate::policy::refusal;
use crate::text::charset::Charset;
use crate::text::json::quoted;
use crate::world::workload::BodyForm;

pub(super) static FORMS: [BodyForm; 1] = [BodyForm {
    media_type: "text/plain",
    creates: "message",
    operations: &[
        ("sendMail", "user"),
        ("reply", "message"),
        ("replyAll", "message"),
        ("forward", "message"),
        ("createReply", "message"),
        ("createReplyAll", "message"),
        ("createForward", "message"),
    ],
    choice: ("mime-messages", |behaviors| behaviors.mime_messages == MimeMessages::Read),
    read,
}];

/// The depth of parts within parts, with a wide margin.
const DEPTH: usize = 8;

/// The recipients of a header that are read: learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
/// takes no message to more than 1,000.
const RECIPIENTS: usize = 1_000;

/// Headers with addresses, and the members of a message that have them.
const ADDRESSES: [(&str, &str); 4] =
    [("To", "toRecipients"), ("Cc", "ccRecipients"), ("Bcc", "bccRecipients"), ("Reply-To", "replyTo")];

/// Returns the JSON of a message, or of the arguments of an operation.
fn read(body: &[u8], operation: Option<&str>) -> Result<String, Error> {
    let bytes = base64(body).ok_or_else(|| Error::new(&refusal::INVALID_MIME, &[]))?;
    let mime = Part::of(&bytes);
    let (is_html, content) = mime.content(DEPTH).unwrap_or_default();
    let kind = if is_html { "html" } else { "text" };
    let mut json = format!(r#"{{"body":{{"contentType":"{kind}","content":{}}}"#, quoted(&content));
    let mut member = |name: &str, value: &str| {
        let _ = write!(json, ",{}:{value}", quoted(name));
    };
    if let Some(subject) = mime.header("Subject") {
        member("subject", &quoted(&decoded_words(subject)));
    }
    for (header, name) in [("From", "from"), ("Sender", "sender")] {
        // The author is the sender, too, unless another one is named (RFC 5322, 3.6.2).
        let value = mime.header(header).or_else(|| mime.header("From"));
        if let Some(recipient) = value.and_then(|value| recipients(value, 1).pop()) {
            member(name, &recipient);
        }
    }
    // An answer goes to the sender of the other message (learn.microsoft.com/graph/api/message-reply).
    let is_answer = matches!(operation, Some("reply" | "createReply"));
    for (header, name) in ADDRESSES.iter().filter(|_| !is_answer) {
        if let Some(value) = mime.header(header) {
            member(name, &format!("[{}]", recipients(value, RECIPIENTS).join(",")));
        }
    }
    if let Some(id) = mime.header("Message-ID") {
        member("internetMessageId", &quoted(id));
    }
    json.push('}');
    Ok(if operation.is_some() { format!(r#"{{"Message":{json}}}"#) } else { json })
}

/// Decodes base64, which can have line ends.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>()).ok()
}

/// A message, or a part of one.
struct Part<'m> {
    headers: Vec<(String, String)>,
    body: &'m [u8],
}

impl<'m> Part<'m> {
    fn of(text: &'m [u8]) -> Part<'m> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            let line = String::from_utf8_lossy(line);
            match (line.starts_with([' ', '\t']), line.split_once(':')) {
                (true, _) => {
                    if let Some((_, value)) = headers.last_mut() {
                        value.push(' ');
                        value.push_str(line.trim());
                    }
                }
                (false, Some((name, value))) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
                (false, None) => {}
            }
        }
        Part { headers, body: rest }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Returns the text, and whether it is HTML: of alternatives the HTML, of other parts the first text.
    fn content(&self, depth: usize) -> Option<(bool, String)> {
        let stated = self.header("Content-Type").unwrap_or("text/plain");
        let media_type = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media_type.starts_with("multipart/") && depth > 0 {
            let parts = self.parts(parameter(stated, "boundary")?);
            let mut texts = parts.iter().filter_map(|part| Part::of(part).content(depth - 1));
            if media_type != "multipart/alternative" {
                return texts.next();
            }
            let texts: Vec<(bool, String)> = texts.collect();
            return texts.iter().find(|(is_html, _)| *is_html).or(texts.first()).cloned();
        }
        let disposition = self.header("Content-Disposition").unwrap_or_default().to_ascii_lowercase();
        if !matches!(&*media_type, "text/plain" | "text/html") || disposition.starts_with("attachment") {
            return None;
        }
        let encoding = self.header("Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
        let bytes = match encoding.as_str() {
            "base64" => base64(self.body).unwrap_or_default(),
            "quoted-printable" => quoted_printable(self.body, false),
            _ => self.body.to_vec(),
        };
        Some((media_type == "text/html", in_charset(parameter(stated, "charset").unwrap_or("utf-8"), &bytes)))
    }

    /// Returns the parts between the lines with the boundary.
    fn parts(&self, boundary: &str) -> Vec<&'m [u8]> {
        let mut parts = Vec::new();
        let (mut rest, mut begin) = (self.body, None);
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            let mark = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
            if let Some(end) = mark.map(<[u8]>::trim_ascii).filter(|end| matches!(*end, b"" | b"--")) {
                let until = self.body.len() - rest.len();
                // The line end before a boundary belongs to it (RFC 2046, 5.1.1).
                parts.extend(begin.map(|begin| without_line_end(&self.body[begin..until])));
                begin = end.is_empty().then(|| self.body.len() - after.len());
            }
            rest = after;
        }
        parts.extend(begin.map(|begin| &self.body[begin..]));
        parts
    }
}

/// Returns the first line without its end, and what follows.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
    (without_line_end(&text[..end]), &text[end..])
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns a parameter of a header.
fn parameter<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    let mut is_quoted = false;
    let is_end = |character: char| {
        is_quoted ^= character == '"';
        character == ';' && !is_quoted
    };
    let pairs = header.split(is_end).skip(1).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"')).filter(|value| !value.is_empty())
}

fn in_charset(name: &str, bytes: &[u8]) -> String {
    Charset::of_name(name, bytes).unwrap_or(Charset::Utf8).decode(bytes).0.into_owned()
}

/// Decodes quoted-printable text. In the words of headers an underscore is a blank (RFC 2047, 4.2).
fn quoted_printable(text: &[u8], is_word: bool) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                decoded.extend(hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low));
                rest = after;
            }
            (b'_', _) if is_word => decoded.push(b' '),
            _ => decoded.push(*first),
        }
    }
    decoded
}

/// Decodes the encoded words of a header (RFC 2047). Blanks between two of them do not count.
fn decoded_words(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut follows_word = false;
    while let Some(begin) = rest.find("=?") {
        let (before, word) = rest.split_at(begin);
        let mut parts = word[2..].splitn(4, '?');
        let read = || {
            let (charset, form, text, after) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?.strip_prefix('=')?);
            let bytes = match form {
                "B" | "b" => base64(text.as_bytes())?,
                "Q" | "q" => quoted_printable(text.as_bytes(), true),
                _ => return None,
            };
            // A language can follow the charset (RFC 2231, 5).
            Some((in_charset(charset.split('*').next().unwrap_or_default(), &bytes), after))
        };
        let word = { read }();
        if !(follows_word && word.is_some() && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        follows_word = word.is_some();
        if let Some((text, after)) = word {
            decoded.push_str(&text);
            rest = after;
        } else {
            decoded.push_str("=?");
            rest = &rest[begin + 2..];
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Returns the addresses of a header as JSON. Names of groups and comments do not count.
fn recipients(text: &str, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let (mut name, mut address) = (String::new(), None::<String>);
    let (mut is_quoted, mut comment) = (false, 0_usize);
    let mut finish = |name: &mut String, address: &mut Option<String>| {
        let (name, address) = (std::mem::take(name), address.take());
        let (name, address) = match address {
            Some(address) => (decoded_words(name.trim()), address.trim().to_owned()),
            None => (String::new(), name.trim().to_owned()),
        };
        if !address.is_empty() && found.len() < limit {
            let name = if name.is_empty() { &address } else { &name };
            found.push(format!(r#"{{"emailAddress":{{"name":{},"address":{}}}}}"#, quoted(name), quoted(&address)));
        }
    };
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if is_quoted => name.extend(characters.next()),
            '"' if comment == 0 => is_quoted = !is_quoted,
            _ if is_quoted => name.push(character),
            '(' => comment += 1,
            ')' => comment = comment.saturating_sub(1),
            _ if comment > 0 => {}
            '<' => address = Some(characters.by_ref().take_while(|character| *character != '>').collect()),
            ':' => name.clear(),
            ',' | ';' => finish(&mut name, &mut address),
            _ => name.push(character),
        }
    }
    finish(&mut name, &mut address);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(mime: &str) -> serde_json::Value {
        serde_json::from_str(&read(STANDARD.encode(mime).as_bytes(), None).unwrap()).unwrap()
    }

    #[test]
    fn words_of_headers_are_decoded() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("=?UTF-8?Q?Br=C3=B6tchen_heute?=", "Brötchen heute"),
            ("=?utf-8?b?QnLDtnRjaGVu?= =?iso-8859-1?q?_f=FCr_alle?=", "Brötchen für alle"),
            ("a =?utf-8?q?b?= c", "a b c"),
            ("=?utf-8?x?y?=", "=?utf-8?x?y?="),
            ("=?utf-8", "=?utf-8"),
        ] {
            assert_eq!(decoded_words(text), decoded, "{text}");
        }
    }

    #[test]
    fn addresses_are_read_with_their_names() {
        let addresses = r#"Megan <megan@contoso.com>, "Wilber, \"Alex\"" <alex@contoso.com>, bare@contoso.com (a note), Team: a@b.c, =?utf-8?q?J=C3=B6rg?= <j@b.c>;"#;
        let pairs: Vec<(String, String)> = recipients(addresses, RECIPIENTS)
            .iter()
            .map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap()["emailAddress"].take())
            .map(|email| (email["name"].as_str().unwrap().to_owned(), email["address"].as_str().unwrap().to_owned()))
            .collect();
        let expected = [
            ("Megan", "megan@contoso.com"),
            ("Wilber, \"Alex\"", "alex@contoso.com"),
            ("bare@contoso.com", "bare@contoso.com"),
            ("a@b.c", "a@b.c"),
            ("Jörg", "j@b.c"),
        ];
        assert_eq!(pairs, expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
    }

    #[test]
    fn of_parts_the_text_is_read() {
        let parts = "Content-Type: multipart/mixed;\r\n boundary=\"outer\"\r\n\r\nno part\r\n--outer\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n\
                     --in\r\n\r\nplain\r\n--in\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<b>f=FC=\r\nr</b>\r\n--in--\r\n\
                     --outer\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--outer--\r\n";
        assert_eq!(message(parts)["body"], serde_json::json!({ "contentType": "html", "content": "<b>für</b>" }));
        let encoded = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nSGVs\nbG8=\n";
        assert_eq!(message(encoded)["body"], serde_json::json!({ "contentType": "text", "content": "Hello" }));
        assert_eq!(message("Content-Type: application/pkcs7-mime\r\n\r\nx")["body"]["content"], "");
    }

    #[test]
    fn a_boundary_in_quotes_can_have_a_semicolon() {
        let mime = "Content-Type: multipart/mixed; boundary=\"a;b\"; x=y\n\n--a;b\n\ntext\n--a;b--\n";
        assert_eq!(message(mime)["body"]["content"], "text");
    }

    #[test]
    fn recipients_are_read_up_to_a_number() {
        let many = message(&format!("From: a,b\nTo: {}\n\n", "a,".repeat(200_000)));
        assert_eq!(many["toRecipients"].as_array().unwrap().len(), RECIPIENTS);
        assert_eq!(many["from"]["emailAddress"]["address"], "a");
    }

    #[test]
    fn parts_are_nested_to_a_limited_depth() {
        let nested = "Content-Type: multipart/mixed; boundary=a\n\n--a\n".repeat(10_000);
        assert_eq!(message(&nested)["body"]["content"], "");
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_message_is_read_or_refused(mime in ".{0,300}", prefix in "(Content-Type: multipart/mixed; boundary=a\n\n--a\n|To: |)") {
            let json = read(STANDARD.encode(prefix + &mime).as_bytes(), Some("sendMail")).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
        }
    }
}
