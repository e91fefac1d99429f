//! The walk through an exchange: every place that can hold a private value, in every encoding, for recordings and masks alike.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::encodings::{self, DEEPEST};
use super::names::{self, NamePlace, SecretKind};
use super::pseudonym::is_own;
use super::{LEFT_OUT, REDACTED, Redactor, Style};
use super::{address, assignments, filter, shapes};
use crate::text::json::{self, Json, Member};
use crate::text::{form, gzip};

/// The largest packed body that is unpacked, in bytes.
const UNPACKED_LIMIT: usize = 8 * 1024 * 1024;

/// The side of a message. On a path that leads to a secret, any text of a request is one, but an answer may be an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Request => "request",
            Side::Response => "response",
        }
    }
}

impl Redactor {
    fn kind(&self, place: NamePlace, name: &str) -> Option<SecretKind> {
        let kind = self.rules.classify(place, name);
        if self.style == Style::Pseudonyms { kind } else { kind.filter(|kind| kind.is_secret()) }
    }

    /// Returns the kind of a member that is a secret.
    fn secret_kind(&self, member: &str) -> Option<SecretKind> {
        self.kind(NamePlace::Member, member).filter(|kind| kind.is_secret())
    }

    /// Classifies a string in JSON. Within a member that is a secret as a whole, all strings are secrets.
    fn kind_of_text(&self, member: Option<&str>, outer: Option<SecretKind>, text: &str) -> Option<SecretKind> {
        let own = match self.style {
            Style::Pseudonyms => member.and_then(|member| self.rules.member(member, text)),
            _ => member.and_then(|member| self.secret_kind(member)),
        };
        let is_annotation = || member.is_some_and(|member| member.contains("@odata."));
        own.or(outer.filter(|_| !is_annotation())).filter(|_| !text.is_empty() && !self.rules.keeps(text))
    }

    /// Returns the replacement of a private value, and remembers the value.
    fn replacement(&mut self, kind: SecretKind, value: &str) -> String {
        if value == REDACTED {
            return REDACTED.to_owned();
        }
        let pseudonym = self.pseudonyms.of(kind, value);
        match self.style {
            _ if self.learns => value.to_owned(),
            Style::Masks if !value.is_empty() => REDACTED.to_owned(),
            _ => pseudonym,
        }
    }

    /// Returns the replacement of a token, behind the scheme that it may have.
    fn token(&mut self, kind: SecretKind, value: &str) -> String {
        let value = value.trim();
        let (scheme, token) = match value.split_once(' ') {
            Some((scheme, token)) if names::is_scheme(scheme) => (&value[..=scheme.len()], token),
            _ => ("", value),
        };
        if let Some(decoded) = encodings::base64_text(token).filter(|_| token != REDACTED) {
            for part in decoded.text.split(':').filter(|part| part.len() >= 4) {
                self.pseudonyms.of(SecretKind::Secret, part);
            }
        }
        self.learn_parts(kind, token);
        format!("{scheme}{}", self.replacement(kind, token))
    }

    /// Returns the replacement of a text that cannot be inspected.
    fn hidden(&mut self, text: &str) -> String {
        self.replacement(SecretKind::Secret, text)
    }

    /// Returns whether a text that does not parse may hold a private value.
    fn is_suspicious(&self, text: &str) -> bool {
        names::mentions_secret(text)
            || names::has_secret_word(text)
            || text.contains("\\u")
            || self.style == Style::Pseudonyms && names::mentions_private(text)
    }

    fn percent_encoded(&self, text: &str) -> String {
        if self.style == Style::Masks { encodings::readably_encoded(text) } else { encodings::percent_encoded(text) }
    }

    pub(super) fn headers(&mut self, headers: &[(String, String)]) -> Vec<(String, String)> {
        let redacted = headers.iter().map(|(name, value)| {
            let value = match self.kind(NamePlace::Header, name) {
                Some(kind @ SecretKind::Token) => self.token(kind, value),
                Some(kind @ SecretKind::Cookie) => {
                    self.learn_cookies(name, value);
                    if !name.eq_ignore_ascii_case("set-cookie") {
                        self.learn_parts(kind, value);
                    }
                    self.replacement(kind, value)
                }
                Some(kind) => {
                    self.learn_parts(kind, value);
                    self.replacement(kind, value)
                }
                None => self.text(value, 0).into_owned(),
            };
            (self.plain(name), value)
        });
        redacted.collect()
    }

    /// Remembers the parts of a secret header that are secrets by themselves, such as a token behind a word.
    fn learn_parts(&mut self, kind: SecretKind, value: &str) {
        if !kind.is_secret() {
            return;
        }
        let is_token = |part: &str| {
            let has = |is_of: fn(&u8) -> bool| part.as_bytes().iter().any(is_of);
            part.len() >= 12 && part.len() < value.len() && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
        };
        let value = value.trim_end_matches('=');
        for part in value.split([' ', ',', ';', '=', '"']).filter(|part| is_token(part)) {
            self.pseudonyms.of(kind, part);
        }
    }

    fn learn_cookies(&mut self, name: &str, value: &str) {
        // The attributes of a cookie, such as `Path` and `Expires`, are not private.
        let count = if name.eq_ignore_ascii_case("set-cookie") { 1 } else { usize::MAX };
        for pair in value.split(';').take(count) {
            let (_, value) = pair.split_once('=').unwrap_or(("", pair));
            if value.trim().len() >= 8 {
                self.pseudonyms.of(SecretKind::Cookie, value.trim());
            }
        }
    }

    /// Redacts the body of a message to a target. It is what its `Content-Type` says, and JSON if it begins so.
    pub(super) fn body(
        &mut self,
        side: Side,
        target: &str,
        headers: &[(String, String)],
        body: &Bytes,
        comments: &mut Vec<String>,
    ) -> Bytes {
        if body.is_empty() || body == LEFT_OUT || body == REDACTED {
            return body.clone();
        }
        let of = |name: &str| {
            headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_ascii_lowercase())
        };
        let content_type = of("content-type").unwrap_or_default();
        let opaque = |comments: &mut Vec<String>| {
            let length = body.len();
            comments.push(format!("The body of the {} is left out: {length} bytes that cannot be inspected.", side.name()));
            Bytes::new()
        };
        let plain = if self.style == Style::Masks {
            // Of other codings nothing is known.
            let Some(plain) = gzip::decoded_body(body, headers, UNPACKED_LIMIT) else {
                return Bytes::from_static(REDACTED.as_bytes());
            };
            plain
        } else if of("content-encoding").is_some_and(|encoding| encoding != "identity") {
            return opaque(comments);
        } else {
            Cow::Borrowed(&**body)
        };
        // The parts of multipart bodies and the scripts of pages are not parsed, and may contain secrets.
        let is_opaque = content_type.starts_with("multipart/") || content_type.starts_with("text/html");
        let is_form = content_type.contains("x-www-form-urlencoded");
        let says_json = content_type.contains("json");
        let text = std::str::from_utf8(&plain).ok().filter(|text| !text.contains('\0'));
        let redacted = match text {
            Some(text) if !is_opaque => {
                let (front, bare) = encodings::json_front(text);
                if says_json || bare.starts_with(['{', '[']) {
                    match json::parse(bare.as_bytes()) {
                        Ok(json) => self.json_body(side, target, front, bare, &json),
                        Err(_) if self.style != Style::Masks => {
                            comments
                                .push(format!("The body of the {} is left out: it is JSON that does not parse.", side.name()));
                            return LEFT_OUT.into();
                        }
                        // In malformed JSON a name can be written with escapes.
                        Err(_) if self.is_suspicious(text) || text.contains('\\') || path_kind(self, target).is_some() => {
                            self.hidden(text).into()
                        }
                        Err(_) => self.text(text, 0),
                    }
                } else if path_kind(self, target) == Some(PathKind::Secret) && (side == Side::Request || is_raw_value(target)) {
                    // The answer about the raw value of a property is that value; errors are JSON.
                    self.hidden(text).into()
                } else if is_form {
                    self.fields(text, 0).into()
                } else if self.style == Style::Masks
                    && !content_type.contains("xml")
                    && !address::looks_like_a_form(text)
                    && names::mentions_secret(text)
                {
                    self.hidden(text).into()
                } else {
                    self.text(text, 0)
                }
            }
            _ if self.style != Style::Masks => return opaque(comments),
            // In UTF-16, say, letters are between zeros.
            _ => {
                let lossy = || String::from_utf8_lossy(&plain).replace(['\0', char::REPLACEMENT_CHARACTER], "");
                let lossy = encodings::utf_16(&plain).unwrap_or_else(lossy);
                let is_hidden = says_json && text.is_none() || is_form && text.is_none() || self.is_suspicious(&lossy);
                if is_hidden || self.text(&lossy, 0) != lossy {
                    return Bytes::from_static(REDACTED.as_bytes());
                }
                return body.clone();
            }
        };
        match &plain {
            _ if redacted.as_bytes() == &*plain => body.clone(),
            Cow::Borrowed(_) => Bytes::from(redacted.into_owned()),
            // Packed bytes cannot be changed in part.
            Cow::Owned(_) => Bytes::from_static(REDACTED.as_bytes()),
        }
    }

    fn json_body<'t>(&mut self, side: Side, target: &str, front: &'t str, bare: &'t str, json: &Json<'t>) -> Cow<'t, str> {
        let value = match json {
            Json::Object(members) => members.iter().find(|(name, _)| name == "value").map(|(_, value)| value),
            _ => None,
        };
        let outer = match path_kind(self, target) {
            Some(PathKind::Secret) if side == Side::Request || value.is_some() || !matches!(json, Json::Object(_)) => {
                Some(SecretKind::Secret)
            }
            Some(PathKind::Holder) if !matches!(value, None | Some(Json::Object(_))) => Some(SecretKind::Secret),
            _ => None,
        };
        let redacted = self.json(None, outer, json, 0);
        if redacted == *json { Cow::Owned(format!("{front}{bare}")) } else { Cow::Owned(written(front, &redacted)) }
    }

    /// Redacts a text that has no name: JSON, a form, or words with addresses, assignments and encoded parts.
    pub(super) fn text<'t>(&mut self, text: &'t str, depth: usize) -> Cow<'t, str> {
        if text.len() < 3 {
            return Cow::Borrowed(text);
        }
        if depth > DEEPEST {
            let hides = self.style == Style::Pseudonyms || names::mentions_secret(text);
            return if hides { self.hidden(text).into() } else { Cow::Borrowed(text) };
        }
        let (front, bare) = encodings::json_front(text);
        if bare.starts_with(['{', '[', '"']) {
            match json::parse(bare.as_bytes()) {
                Ok(json @ (Json::Object(_) | Json::Array(_))) => {
                    let redacted = self.json(None, None, &json, depth);
                    return if redacted == json { Cow::Borrowed(text) } else { written(front, &redacted).into() };
                }
                // A difference in a report is a part of JSON, often one text with escapes.
                Ok(Json::String(inner)) => {
                    if let Cow::Owned(redacted) = self.text(&inner, depth + 1) {
                        return written(front, &Json::String(redacted.into())).into();
                    }
                }
                Err(_) if bare.contains('"') && bare.contains(':') && self.is_suspicious(bare) => {
                    return self.hidden(text).into();
                }
                Ok(_) | Err(_) => {}
            }
        }
        // Names can be written with escapes wherever JSON is a part of another text.
        let has_json = || bare.contains("\":") && (names::mentions_secret(bare) || names::has_secret_word(bare));
        if bare.contains("\\u") && bare.contains('"') || has_json() {
            return self.hidden(text).into();
        }
        let redacted = if address::looks_like_a_form(text) { self.fields(text, depth) } else { self.prose(text, depth) };
        if redacted == text { Cow::Borrowed(text) } else { redacted.into() }
    }

    fn json<'j>(&mut self, member: Option<&str>, outer: Option<SecretKind>, json: &Json<'j>, depth: usize) -> Json<'j> {
        match json {
            Json::Object(members) => {
                let pair = self.kind_of_pair(members);
                let path = self.kind_of_batch_item(members);
                let redacted = members.iter().map(|(name, value)| {
                    let own = self.secret_kind(name);
                    let outer = match &**name {
                        "value" | "Value" if pair.is_some() => pair,
                        "body" if path.is_some() => path,
                        _ => own.or(outer),
                    };
                    let value = match value {
                        Json::Null => Json::Null,
                        // The type of the value may be a part of the mistake that a test looks for, but it is not worth a leak.
                        value if own.is_some() && self.style == Style::Masks && !matches!(value, Json::String(_)) => {
                            self.json(Some(name), outer, value, depth);
                            Json::String(REDACTED.into())
                        }
                        Json::String(text) if outer.is_none() && name.eq_ignore_ascii_case("url") => {
                            Json::String(self.address(text, depth).into())
                        }
                        value if names::is_holder(name) => self.held(name, outer, value, depth),
                        value => self.json(Some(name), outer, value, depth),
                    };
                    (Cow::Owned(self.plain(name)), value)
                });
                Json::Object(redacted.collect())
            }
            Json::Array(elements) => {
                Json::Array(elements.iter().map(|element| self.json(member, outer, element, depth)).collect())
            }
            Json::String(text) => match self.kind_of_text(member, outer, text) {
                Some(kind @ SecretKind::Token) => Json::String(self.token(kind, text).into()),
                Some(kind) => Json::String(self.replacement(kind, text).into()),
                None => Json::String(self.text(text, depth + 1).into_owned().into()),
            },
            Json::Number(number) => match outer.or_else(|| member.and_then(|member| self.secret_kind(member))) {
                Some(kind) => {
                    self.pseudonyms.of(kind, &number.to_string());
                    if self.style == Style::Masks { Json::String(REDACTED.into()) } else { Json::Number(0.into()) }
                }
                None => Json::Number(number.clone()),
            },
            other => other.clone(),
        }
    }

    /// Redacts the value of a member that is an object with secrets, or a list of such. Texts in its place are secrets.
    fn held<'j>(&mut self, name: &str, outer: Option<SecretKind>, value: &Json<'j>, depth: usize) -> Json<'j> {
        match value {
            Json::Array(elements) => Json::Array(elements.iter().map(|element| self.held(name, outer, element, depth)).collect()),
            Json::String(_) | Json::Number(_) => self.json(None, Some(SecretKind::Secret), value, depth),
            value => self.json(Some(name), outer, value, depth),
        }
    }

    /// Returns the kind of the value in an object such as `{"name": "Authorization", "value": "…"}`.
    fn kind_of_pair(&self, members: &[Member<'_>]) -> Option<SecretKind> {
        if !members.iter().any(|(name, _)| name.eq_ignore_ascii_case("value")) {
            return None;
        }
        let named = |(name, value): &Member<'_>| match value {
            Json::String(text) if ["name", "key", "header", "field"].iter().any(|word| name.eq_ignore_ascii_case(word)) => {
                self.kind(NamePlace::Header, text).or_else(|| self.secret_kind(text)).filter(|kind| kind.is_secret())
            }
            _ => None,
        };
        members.iter().find_map(named)
    }

    /// Returns the kind of the body of an item of a batch, whose address may lead to a secret.
    fn kind_of_batch_item(&self, members: &[Member<'_>]) -> Option<SecretKind> {
        let url = members.iter().find_map(|(name, value)| match value {
            Json::String(url) if name == "url" => Some(url),
            _ => None,
        })?;
        let body = members.iter().find(|(name, _)| name == "body").map(|(_, body)| body)?;
        match (path_kind(self, url)?, body) {
            (PathKind::Holder, Json::Object(members)) => {
                let value = members.iter().find(|(name, _)| name == "value").map(|(_, value)| value);
                (!matches!(value, None | Some(Json::Object(_)))).then_some(SecretKind::Secret)
            }
            (PathKind::Secret | PathKind::Holder, _) => Some(SecretKind::Secret),
        }
    }

    /// Redacts an address: `user:password`, path, query and fragment.
    pub(super) fn address(&mut self, address: &str, depth: usize) -> String {
        let user = address::userinfo(address);
        let behind = user.as_ref().map_or(0, |range| range.end);
        let start = address[behind..].find(['?', '#']).map_or(address.len(), |at| behind + at);
        let (path, fields) = address.split_at(start);
        let path = match user {
            Some(range) => {
                let user = self.user(&path[range.clone()]);
                // The sign between password and host is not that of a mail address.
                let host = path[range.end..].strip_prefix('@').unwrap_or(&path[range.end..]);
                let host = match address::userinfo(host) {
                    Some(_) if depth > DEEPEST => self.hidden(host),
                    Some(_) => self.address(host, depth + 1),
                    None => self.path(host, depth),
                };
                format!("{}{user}@{host}", &path[..range.start])
            }
            None => self.path(path, depth),
        };
        path + &self.query_and_fragment(fields, depth)
    }

    fn path(&mut self, path: &str, depth: usize) -> String {
        let path = self.assigned(path);
        self.words(&path, depth)
    }

    fn user(&mut self, user: &str) -> String {
        let (name, password) = user.split_once(':').map_or((None, user), |(name, password)| (Some(name), password));
        let masked = self.replacement(SecretKind::Secret, &form::percent_decoded(password));
        match name {
            _ if self.learns => user.to_owned(),
            _ if self.style == Style::Masks => REDACTED.to_owned(),
            Some(name) if self.style == Style::Pseudonyms => {
                let name = self.replacement(SecretKind::Name, &form::percent_decoded(name));
                format!("{}:{masked}", encodings::percent_encoded(&name))
            }
            Some(name) => format!("{name}:{masked}"),
            None => masked,
        }
    }

    /// Redacts a query and a fragment, each with the sign in front of it.
    fn query_and_fragment(&mut self, text: &str, depth: usize) -> String {
        let parts = address::query_and_fragment(text).map(|(sign, form)| {
            // The fragment of a context is a path.
            let is_path = sign == "#" && !address::looks_like_a_form(form);
            let redacted = if is_path { self.path(form, depth) } else { self.fields(form, depth) };
            format!("{sign}{redacted}")
        });
        parts.collect()
    }

    /// Redacts the fields of a form or a query.
    fn fields(&mut self, text: &str, depth: usize) -> String {
        let fields: Vec<String> = text.split('&').map(|pair| self.field(pair, depth)).collect();
        fields.join("&")
    }

    fn field(&mut self, pair: &str, depth: usize) -> String {
        let Some((name, value)) = pair.split_once('=') else { return self.decoded_text(pair, depth) };
        let decoded_name = encodings::fully_decoded(name);
        let decoded = form::decoded(value);
        let name = self.decoded_text(name, depth);
        let redacted: Cow<'_, str> = match self.kind(NamePlace::Parameter, &decoded_name) {
            Some(kind) => {
                // In an address within an address the value is encoded twice.
                let inner = encodings::fully_decoded(&decoded);
                if inner != decoded {
                    self.pseudonyms.of(kind, &inner);
                }
                self.replacement(kind, &decoded).into()
            }
            None if self.has_inner_field(value) => {
                let (first, mut rest) = value.split_once(';').unwrap_or((value, ""));
                let mut out = format!("{name}{}", self.field(&format!("={first}"), depth));
                while !rest.is_empty() {
                    // A semicolon may be a part of a secret, so that goes on to the end.
                    let end = if self.is_private_field(rest) { rest.len() } else { rest.find(';').unwrap_or(rest.len()) };
                    out.push(';');
                    out.push_str(&self.field(&rest[..end], depth));
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                return out;
            }
            None if address::userinfo(value).is_some() => return format!("{name}={}", self.address(value, depth + 1)),
            None if filter::is_name(&decoded_name) => self.filter(&decoded, depth).into(),
            None => match self.text_with_plus(value, depth) {
                Some(redacted) => return format!("{name}={redacted}"),
                None => self.text(&decoded, depth + 1),
            },
        };
        let value = if redacted == decoded { value.to_owned() } else { self.percent_encoded(&redacted) };
        format!("{name}={value}")
    }

    /// Returns whether a value has a private field of its own behind a semicolon.
    fn has_inner_field(&self, value: &str) -> bool {
        value.split(';').skip(1).any(|pair| self.is_private_field(pair))
    }

    fn is_private_field(&self, pair: &str) -> bool {
        pair.split_once('=').is_some_and(|(name, _)| self.kind(NamePlace::Parameter, &encodings::fully_decoded(name)).is_some())
    }

    /// Redacts a text in which a plus sign may be one of Base64 instead of a blank; nothing if nothing is found.
    fn text_with_plus(&mut self, text: &str, depth: usize) -> Option<String> {
        if !text.contains('+') {
            return None;
        }
        let redacted = self.text(text, depth + 1);
        if redacted == text { None } else { Some(redacted.into_owned()) }
    }

    /// Redacts a text that is encoded as a field is.
    fn decoded_text(&mut self, encoded: &str, depth: usize) -> String {
        // Decoded, a password may hold what ends an address.
        if address::userinfo(encoded).is_some() {
            return self.address(encoded, depth + 1);
        }
        if let Some(redacted) = self.text_with_plus(encoded, depth) {
            return redacted;
        }
        let decoded = form::decoded(encoded);
        let redacted = self.text(&decoded, depth + 1);
        if redacted == decoded { encoded.to_owned() } else { self.percent_encoded(&redacted) }
    }

    /// Redacts the values in a filter that mentions a private member: one of them may belong to it.
    fn filter(&mut self, filter: &str, depth: usize) -> String {
        let mentions_secret = names::mentions_secret(filter);
        if !(mentions_secret || self.style == Style::Pseudonyms && self.rules.mentions(filter)) {
            return self.text(filter, depth + 1).into_owned();
        }
        let Some(parts) = filter::filter_parts(filter) else { return self.hidden(filter) };
        let kind = if mentions_secret { SecretKind::Secret } else { SecretKind::Name };
        let kind = if self.style == Style::Pseudonyms { SecretKind::Name } else { kind };
        let mut out = String::new();
        for part in parts {
            match part {
                filter::FilterPart::Text(text) => out.push_str(&self.plain(text)),
                filter::FilterPart::Literal("") => out.push_str("''"),
                filter::FilterPart::Literal(literal) => {
                    let literal = literal.replace("''", "'");
                    out.push_str(&format!("'{}'", self.replacement(kind, &literal).replace('\'', "''")));
                }
                filter::FilterPart::Bare { value, left } => {
                    let is_secret = self.kind(NamePlace::Member, left).is_some_and(SecretKind::is_secret);
                    if is_secret || !filter::is_literal(value) {
                        out.push_str(&self.replacement(SecretKind::Secret, value));
                    } else {
                        out.push_str(&self.plain(value));
                    }
                }
            }
        }
        out
    }

    /// Redacts words with addresses and assignments among them.
    fn prose(&mut self, text: &str, depth: usize) -> String {
        if address::is_whole_address(text) {
            return self.address(text, depth);
        }
        // Between blanks a filter has parts that mean nothing alone.
        let (mut filtered, mut rest) = (String::new(), text);
        while let Some((before, filter, after)) = filter::split_filter(rest) {
            filtered.push_str(before);
            filtered.push_str(&self.filter(filter, depth));
            rest = after;
        }
        filtered.push_str(rest);
        let text = self.assigned(&filtered);
        // Names of several words lie between the addresses.
        let (mut out, mut words) = (String::with_capacity(text.len()), String::new());
        for word in text.split_inclusive(|character: char| character.is_whitespace() || "\"<>".contains(character)) {
            let bare = word.trim_end_matches(|character: char| character.is_whitespace() || "\"<>".contains(character));
            if address::looks_like_an_address(bare) || address::userinfo(bare).is_some() {
                out.push_str(&self.words(&std::mem::take(&mut words), depth));
                out.push_str(&self.address(bare, depth));
                out.push_str(&word[bare.len()..]);
            } else {
                words.push_str(word);
            }
        }
        out + &self.words(&words, depth)
    }

    /// Replaces the values of assignments to secret names: `name=value`, `name: value`, `<name>value</name>`, and credentials that have the
    /// name of their scheme in front.
    fn assigned<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let classify = |place, name: &str| self.kind(place, name).filter(|kind| kind.is_secret());
        let mut found = assignments::assignments(text, &classify);
        let credentials = assignments::credentials(text).into_iter().filter(|range| !is_own(&text[range.clone()]));
        let is_known = |range: &Range<usize>| {
            let at = found.partition_point(|(other, _)| other.end <= range.start);
            found.get(at).is_some_and(|(other, _)| other.start < range.end)
        };
        let others: Vec<_> = credentials.filter(|range| !is_known(range)).map(|range| (range, SecretKind::Token)).collect();
        if !others.is_empty() {
            found.extend(others);
            found.sort_unstable_by_key(|(range, _)| range.start);
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (range, kind) in found {
            out.push_str(&text[done..range.start]);
            out.push_str(&self.token(kind, &text[range.clone()]));
            done = range.end;
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }

    /// Redacts words that may be encoded.
    fn words(&mut self, text: &str, depth: usize) -> String {
        let plain = self.plain(text);
        let mut out = String::with_capacity(plain.len());
        for word in plain.split_inclusive(|character: char| !encodings::is_of_encoding(character)) {
            let end = word.trim_end_matches(|character: char| !encodings::is_of_encoding(character)).len();
            let (word, rest) = word.split_at(end);
            if word.len() < encodings::SHORTEST_BASE64 && !word.contains('%') {
                out.push_str(word);
            } else {
                out.push_str(&self.word(word, depth));
            }
            out.push_str(rest);
        }
        out
    }

    fn word(&mut self, word: &str, depth: usize) -> String {
        if word.contains('%') {
            // The separators of a path stay as they are.
            let parts = word.split_inclusive(['/', '=']).map(|part| {
                let bare = part.trim_end_matches(['/', '=']);
                self.percent_word(bare, depth) + &part[bare.len()..]
            });
            return parts.collect();
        }
        let mut out = String::with_capacity(word.len());
        for piece in encodings::base64_pieces(word) {
            if let Some(redacted) = self.packed(piece, depth) {
                out.push_str(&redacted);
                continue;
            }
            // A slash may be a character of Base64 or a separator of a path.
            let parts = piece.split('/').map(|part| self.packed(part, depth).unwrap_or_else(|| part.to_owned()));
            out.push_str(&parts.collect::<Vec<String>>().join("/"));
        }
        out
    }

    fn percent_word(&mut self, encoded: &str, depth: usize) -> String {
        if !encoded.contains('%') {
            return encoded.to_owned();
        }
        let decoded = form::percent_decoded(encoded);
        let redacted = self.text(&decoded, depth + 1);
        if redacted == decoded { encoded.to_owned() } else { self.percent_encoded(&redacted) }
    }

    /// Redacts a text in Base64 or in hexadecimal digits; nothing if it does not hold a text.
    fn packed(&mut self, piece: &str, depth: usize) -> Option<String> {
        let decoded = encodings::hex_text(piece).or_else(|| encodings::base64_text(piece))?;
        let redacted = self.text(&decoded.text, depth + 1);
        Some(if redacted == decoded.text { piece.to_owned() } else { decoded.encode(&redacted) })
    }

    /// Replaces values that are known or private by their form, where they are not encoded.
    pub(super) fn plain(&mut self, text: &str) -> String {
        if self.learns {
            return text.to_owned();
        }
        let mask = (self.style == Style::Masks).then_some(REDACTED);
        let known = self.pseudonyms.replace_known(text, self.rules.words(), mask);
        shapes::replace_forms(&known, &mut |kind, value| {
            let is_wanted = self.style == Style::Pseudonyms || kind.is_secret();
            (is_wanted && !self.rules.keeps(value) && !is_own(value)).then(|| self.replacement(kind, value))
        })
    }
}

fn written(front: &str, json: &Json<'_>) -> String {
    let mut out = front.as_bytes().to_vec();
    json.write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The meaning of the last segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathKind {
    /// A secret.
    Secret,
    /// An object that holds secrets.
    Holder,
}

/// Whether a target addresses the raw value of a property.
fn is_raw_value(target: &str) -> bool {
    let path = &target[..target.find(['?', '#']).unwrap_or(target.len())];
    path.rsplit('/').next().is_some_and(|last| encodings::fully_decoded(last) == "$value")
}

/// Classifies a path by its last segment other than `$value` and keys.
fn path_kind(redactor: &Redactor, target: &str) -> Option<PathKind> {
    let path = &target[..target.find(['?', '#']).unwrap_or(target.len())];
    // The endpoint of tokens takes forms, whose fields have names.
    if path.contains("/oauth2/") {
        return None;
    }
    let last = path.rsplit('/').map(encodings::fully_decoded).find(|segment| !segment.is_empty() && segment != "$value")?;
    let name = last.split('(').next().unwrap_or_default();
    if redactor.secret_kind(name).is_some() {
        Some(PathKind::Secret)
    } else if names::is_holder(name) {
        Some(PathKind::Holder)
    } else {
        None
    }
}
