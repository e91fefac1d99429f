//! Names of private values: the one table that recordings, the journal, the log, verification and comparison reports ask.
//!
//! A name is recognized by its shape: it is compared without regard to case, `-` and `_`, so that `refresh_token`, `refreshToken` and
//! `Refresh-Token` are one row; a row with a star matches any beginning; words behind the noun (`passwordHash`, `token_value`,
//! `secret2`) do not matter; and a name whose last word is `key` is a secret unless the word before is known to be harmless.

/// The kind of a private value, which decides the form of its pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// A token or another proof of identity: `token-1`.
    Token,
    /// Any other secret: `secret-1`, padded to the length of the secret.
    Secret,
    /// A cookie: `cookie-1`.
    Cookie,
    /// The name of a person or a thing: `name-1`.
    Name,
    /// A mail address: `user-1@example.com`.
    Mail,
    /// An id: a GUID for a GUID, else `id-1`.
    Id,
    /// A word that a rule names: `word-1`.
    Word,
}

impl SecretKind {
    const ALL: [SecretKind; 7] = [
        SecretKind::Token,
        SecretKind::Secret,
        SecretKind::Cookie,
        SecretKind::Name,
        SecretKind::Mail,
        SecretKind::Id,
        SecretKind::Word,
    ];

    /// Returns the prefix of its pseudonyms.
    pub fn name(self) -> &'static str {
        match self {
            SecretKind::Token => "token",
            SecretKind::Secret => "secret",
            SecretKind::Cookie => "cookie",
            SecretKind::Name => "name",
            SecretKind::Mail => "user",
            SecretKind::Id => "id",
            SecretKind::Word => "word",
        }
    }

    /// Returns whether the value grants access to something.
    pub fn is_secret(self) -> bool {
        matches!(self, SecretKind::Token | SecretKind::Secret | SecretKind::Cookie)
    }

    pub(super) fn from_name(name: &str) -> Option<SecretKind> {
        if name == "mail" { Some(SecretKind::Mail) } else { SecretKind::ALL.into_iter().find(|kind| kind.name() == name) }
    }
}

/// The place of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamePlace {
    /// A header of a request or a response.
    Header,
    /// A member of a JSON object. The items of a batch have their headers as members.
    Member,
    /// A query parameter, a form field, or a parameter in a fragment.
    Parameter,
}

/// The places to which a row applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Everywhere,
    /// Headers, and members since a batch has headers as members.
    Headers,
    /// Members and parameters.
    Content,
    /// Parameters alone: in JSON the name has another meaning.
    Parameters,
    /// Headers and parameters: in JSON the name has another meaning.
    Wire,
}

impl Scope {
    fn has(self, place: NamePlace) -> bool {
        match self {
            Scope::Everywhere => true,
            Scope::Headers => place != NamePlace::Parameter,
            Scope::Content => place != NamePlace::Header,
            Scope::Parameters => place == NamePlace::Parameter,
            Scope::Wire => place != NamePlace::Member,
        }
    }
}

/// Names in lower case without `-` and `_`. A star matches any beginning, also an empty one. The first row that fits decides.
const NAMES: &[(&str, SecretKind, Scope)] = &[
    ("*authorization", SecretKind::Token, Scope::Everywhere),
    ("xmsauthorizationauxiliary", SecretKind::Token, Scope::Everywhere),
    ("xzumoauth", SecretKind::Token, Scope::Everywhere),
    ("xmsclientprincipal", SecretKind::Token, Scope::Everywhere),
    ("*csrftoken", SecretKind::Secret, Scope::Everywhere),
    ("*xsrftoken", SecretKind::Secret, Scope::Everywhere),
    ("validationtoken", SecretKind::Secret, Scope::Everywhere),
    ("*token", SecretKind::Token, Scope::Everywhere),
    ("*assertion", SecretKind::Token, Scope::Everywhere),
    ("idtokenhint", SecretKind::Token, Scope::Everywhere),
    ("samlresponse", SecretKind::Token, Scope::Everywhere),
    ("wresult", SecretKind::Token, Scope::Everywhere),
    ("*jwt", SecretKind::Token, Scope::Everywhere),
    ("*bearer", SecretKind::Token, Scope::Wire),
    ("auth", SecretKind::Token, Scope::Wire),
    ("xauth", SecretKind::Token, Scope::Wire),
    ("dpop", SecretKind::Token, Scope::Wire),
    ("credential", SecretKind::Secret, Scope::Wire),
    ("xcredential", SecretKind::Secret, Scope::Wire),
    ("pass", SecretKind::Secret, Scope::Wire),
    ("xpass", SecretKind::Secret, Scope::Wire),
    ("session", SecretKind::Secret, Scope::Wire),
    ("xsession", SecretKind::Secret, Scope::Wire),
    ("xidentityheader", SecretKind::Secret, Scope::Everywhere),
    ("cookie", SecretKind::Cookie, Scope::Everywhere),
    ("setcookie", SecretKind::Cookie, Scope::Everywhere),
    ("*secret", SecretKind::Secret, Scope::Everywhere),
    ("secretkey", SecretKind::Secret, Scope::Everywhere),
    ("clientstate", SecretKind::Secret, Scope::Everywhere),
    ("*password", SecretKind::Secret, Scope::Everywhere),
    ("*passwd", SecretKind::Secret, Scope::Everywhere),
    ("*passphrase", SecretKind::Secret, Scope::Everywhere),
    ("*pwd", SecretKind::Secret, Scope::Everywhere),
    ("*passcode", SecretKind::Secret, Scope::Everywhere),
    ("*accesspass", SecretKind::Secret, Scope::Everywhere),
    ("pin", SecretKind::Secret, Scope::Everywhere),
    ("*unlockpin", SecretKind::Secret, Scope::Everywhere),
    ("otp", SecretKind::Secret, Scope::Everywhere),
    ("totp", SecretKind::Secret, Scope::Everywhere),
    ("devicecode", SecretKind::Secret, Scope::Everywhere),
    ("usercode", SecretKind::Secret, Scope::Everywhere),
    ("authorizationcode", SecretKind::Secret, Scope::Everywhere),
    ("*authcode", SecretKind::Secret, Scope::Everywhere),
    ("*accesscode", SecretKind::Secret, Scope::Everywhere),
    ("*verificationcode", SecretKind::Secret, Scope::Everywhere),
    ("*recoverycode", SecretKind::Secret, Scope::Everywhere),
    ("codeverifier", SecretKind::Secret, Scope::Everywhere),
    // With the method `plain` the challenge is the verifier (RFC 7636, 4.2).
    ("codechallenge", SecretKind::Secret, Scope::Everywhere),
    ("logouthint", SecretKind::Secret, Scope::Everywhere),
    ("*apikey", SecretKind::Secret, Scope::Everywhere),
    ("*accesskey", SecretKind::Secret, Scope::Everywhere),
    ("*accountkey", SecretKind::Secret, Scope::Everywhere),
    ("*functionskey", SecretKind::Secret, Scope::Everywhere),
    ("*subscriptionkey", SecretKind::Secret, Scope::Everywhere),
    ("*privatekey", SecretKind::Secret, Scope::Everywhere),
    ("*connectionstring", SecretKind::Secret, Scope::Everywhere),
    ("*connstr", SecretKind::Secret, Scope::Everywhere),
    ("*requestdigest", SecretKind::Secret, Scope::Everywhere),
    ("*functionkey", SecretKind::Secret, Scope::Everywhere),
    ("*sharedkey", SecretKind::Secret, Scope::Everywhere),
    ("*masterkey", SecretKind::Secret, Scope::Everywhere),
    ("*signingkey", SecretKind::Secret, Scope::Everywhere),
    ("*encryptionkey", SecretKind::Secret, Scope::Everywhere),
    ("sharedaccesssignature", SecretKind::Secret, Scope::Everywhere),
    // Addresses that grant access to content, without a token.
    ("uploadurl", SecretKind::Secret, Scope::Content),
    ("downloadurl", SecretKind::Secret, Scope::Content),
    ("sig", SecretKind::Secret, Scope::Everywhere),
    ("tempauth", SecretKind::Token, Scope::Everywhere),
    // In JSON these are the code of an error, and words of many other meanings.
    ("code", SecretKind::Secret, Scope::Parameters),
    ("*signature", SecretKind::Secret, Scope::Wire),
    ("*sessionid", SecretKind::Secret, Scope::Wire),
    ("hmac", SecretKind::Secret, Scope::Wire),
    ("key", SecretKind::Secret, Scope::Wire),
    ("ticket", SecretKind::Secret, Scope::Parameters),
    ("state", SecretKind::Secret, Scope::Parameters),
    ("nonce", SecretKind::Secret, Scope::Parameters),
    ("from", SecretKind::Mail, Scope::Headers),
    ("xanchormailbox", SecretKind::Mail, Scope::Headers),
    ("xmsclientprincipalname", SecretKind::Name, Scope::Headers),
    ("displayname", SecretKind::Name, Scope::Content),
    ("givenname", SecretKind::Name, Scope::Content),
    ("surname", SecretKind::Name, Scope::Content),
    ("mailnickname", SecretKind::Name, Scope::Content),
    ("familyname", SecretKind::Name, Scope::Content),
    ("username", SecretKind::Name, Scope::Content),
    ("mobilephone", SecretKind::Name, Scope::Content),
    ("businessphones", SecretKind::Name, Scope::Content),
    ("notes", SecretKind::Name, Scope::Content),
    ("description", SecretKind::Name, Scope::Content),
    ("mail", SecretKind::Mail, Scope::Content),
    ("email", SecretKind::Mail, Scope::Content),
    ("userprincipalname", SecretKind::Mail, Scope::Content),
    ("preferredusername", SecretKind::Mail, Scope::Content),
    ("upn", SecretKind::Mail, Scope::Content),
    ("loginhint", SecretKind::Mail, Scope::Content),
];

/// Names that a row with a star would catch: positions in a list and signals, which grant nothing.
const HARMLESS: &[&str] =
    &["skiptoken", "deltatoken", "nexttoken", "pagetoken", "pagingtoken", "continuationtoken", "synctoken", "cancellationtoken"];

/// Words in front of `key` that make it the name of something else: of a position, of a public value, or of a thing to look up.
const HARMLESS_KEYS: &[&str] = &[
    "change",
    "public",
    "foreign",
    "partition",
    "row",
    "sort",
    "order",
    "registry",
    "idempotency",
    "cache",
    "sequence",
    "resource",
    "object",
    "business",
    "natural",
    "unique",
    "composite",
    "candidate",
    "lookup",
    "item",
    "map",
    "index",
    "group",
    "translation",
    "message",
    "error",
    "localization",
    "hot",
    "short",
    "dictionary",
    "property",
    "alternate",
    "search",
    "entity",
    "external",
    "correlation",
    "deduplication",
    "routing",
    "issue",
];

/// Words behind the noun of a name that do not change its meaning.
const TAILS: &[&str] = &[
    "value",
    "values",
    "text",
    "string",
    "hash",
    "confirmation",
    "confirm",
    "repeat",
    "again",
    "plain",
    "base64",
    "encoded",
    "raw",
    "data",
    "current",
    "old",
    "new",
    "next",
    "previous",
    "primary",
    "secondary",
];

/// Names of objects that hold secrets: a text directly in one of them is a secret in the wrong place.
const HOLDERS: &[&str] =
    &["encryption", "credential", "credentials", "passwordcredential", "passwordcredentials", "passwordprofile"];

/// Schemes of the header `Authorization`, which tell how a client proves its identity and stay readable.
const SCHEMES: &[&str] = &["basic", "bearer", "digest", "mac", "negotiate", "ntlm", "pop"];

/// Classifies the value of a name; nothing if it is not private. The plural of a secret's name is the name of secrets.
pub(crate) fn classify(place: NamePlace, name: &str) -> Option<SecretKind> {
    let segments = || name.rsplit(SEPARATORS).map(str::trim).filter(|segment| is_named(segment));
    let classify_or_plural = |name: &str| {
        let singular =
            || name.strip_suffix('s').and_then(|name| classify_normalized(place, name)).filter(|kind| kind.is_secret());
        classify_normalized(place, name).or_else(singular)
    };
    let last = segments().next()?;
    if let Some(kind) = classify_or_plural(&normalized_text(last)) {
        return Some(kind);
    }
    // Most names are one word.
    let mut words = words(last);
    if words.len() == 1 && !is_tail(&words[0]) && !words[0].ends_with(|character: char| character.is_ascii_digit()) {
        return None;
    }
    while words.last().is_some_and(|word| is_tail(word)) {
        words.pop();
    }
    let key = |words: &[String]| match words {
        [.., qualifier, key] => matches!(key.as_str(), "key" | "keys") && !HARMLESS_KEYS.contains(&qualifier.as_str()),
        _ => false,
    };
    if words.is_empty() {
        return classify_or_plural(&normalized_text(segments().nth(1)?)).filter(|kind| kind.is_secret());
    }
    let bare = words.concat();
    let bare = bare.trim_end_matches(|character: char| character.is_ascii_digit());
    let kind = classify_or_plural(bare).filter(|kind| kind.is_secret());
    kind.or_else(|| key(&words).then_some(SecretKind::Secret))
}

/// Returns whether a member holds secrets, so that a text in place of its object is one.
pub(crate) fn is_holder(name: &str) -> bool {
    HOLDERS.contains(&normalized(name).as_str())
}

/// Returns whether a text that cannot be parsed has a word that is the name of a secret, or of a member that holds secrets.
pub(super) fn has_secret_word(text: &str) -> bool {
    let is_of_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let mut words = text.split(|character: char| !is_of_word(character)).filter(|word| (3..=128).contains(&word.len()));
    words.any(|word| is_secret_name(NamePlace::Member, word) || is_holder(word))
}

/// Characters between the segments of a name.
const SEPARATORS: [char; 9] = ['/', '.', '[', ']', ':', '#', '?', '$', '@'];

fn is_named(segment: &str) -> bool {
    !segment.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_tail(word: &str) -> bool {
    TAILS.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits a name into its words in lower case: at `-`, `_` and blanks, and in front of a capital letter that follows a small one.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in name.chars() {
        if matches!(character, '-' | '_' | ' ') || character.is_uppercase() && was_small {
            words.push(String::new());
        }
        if !matches!(character, '-' | '_' | ' ')
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        was_small = !character.is_uppercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn classify_normalized(place: NamePlace, name: &str) -> Option<SecretKind> {
    if HARMLESS.contains(&name) {
        return None;
    }
    let fits = |pattern: &str| pattern.strip_prefix('*').map_or_else(|| name == pattern, |ending| name.ends_with(ending));
    NAMES.iter().find(|(pattern, _, scope)| scope.has(place) && fits(pattern)).map(|(_, kind, _)| *kind)
}

/// Returns whether the value of a name is a secret: it grants access, so that no output may show it.
pub(crate) fn is_secret_name(place: NamePlace, name: &str) -> bool {
    classify(place, name).is_some_and(SecretKind::is_secret)
}

/// Returns an example of each name of the table for a place, rows with a star once bare and once with a beginning, and of each
/// shape of names.
pub fn examples(place: NamePlace) -> impl Iterator<Item = (String, SecretKind)> {
    let rows = NAMES.iter().filter(move |(_, _, scope)| scope.has(place));
    let named = rows.flat_map(|(pattern, kind, _)| {
        let bare = pattern.trim_start_matches('*');
        let longer = (bare.len() < pattern.len()).then(|| format!("x-own-{bare}"));
        std::iter::once(bare.to_owned()).chain(longer).map(|name| (name, *kind))
    });
    let by_shape = ["x-own-key", "token-value", "token_2", "ownKey", "clientSecretValue", "user.password.value"];
    // In headers case has no meaning.
    let count = if place == NamePlace::Header { 3 } else { by_shape.len() };
    named.chain(by_shape.into_iter().take(count).map(|name| (name.to_owned(), SecretKind::Secret)))
}

/// Returns whether a text, such as a filter or a body that cannot be parsed, contains the name of a secret.
pub(crate) fn mentions_secret(text: &str) -> bool {
    mentions(text, SecretKind::is_secret) || {
        let text = normalized_text(text);
        let mut parameters = NAMES.iter().filter(|(_, _, scope)| matches!(scope, Scope::Parameters | Scope::Wire));
        parameters.any(|(pattern, _, _)| {
            let name = pattern.trim_start_matches('*');
            text.match_indices(name).any(|(at, _)| text[at + name.len()..].starts_with('='))
        })
    }
}

/// Returns whether a text contains the name of a member or parameter whose value is private.
pub(super) fn mentions_private(text: &str) -> bool {
    mentions(text, |_| true)
}

fn mentions(text: &str, is_wanted: impl Fn(SecretKind) -> bool) -> bool {
    let text = normalized_text(text);
    let mut rows =
        NAMES.iter().filter(|(_, kind, scope)| is_wanted(*kind) && matches!(scope, Scope::Everywhere | Scope::Content));
    rows.any(|(pattern, _, _)| {
        let name = pattern.trim_start_matches('*');
        // As a part of a longer word, a name as short as `sig` means nothing.
        name.len() > 3 && text.contains(name) || name.len() <= 3 && has_word(&text, name)
    })
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let is_within = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        !is_within(text[..start].chars().next_back()) && !is_within(text[start + word.len()..].chars().next())
    })
}

/// Returns whether a text is a name of the table or a scheme of `Authorization`: a word of the protocol, not a secret.
pub(super) fn is_word_of_protocol(text: &str) -> bool {
    let name = normalized(text);
    is_scheme(text) || NAMES.iter().any(|(pattern, _, _)| pattern.trim_start_matches('*') == name)
}

/// Returns whether a word is a scheme of the header `Authorization`.
pub(super) fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
}

/// Returns a name in the form of the table. Of a path such as `encryption/secret`, `user[password]` or
/// `password[0]` the last segment that is not an index counts.
pub(super) fn normalized(name: &str) -> String {
    let mut segments = name.rsplit(SEPARATORS).map(str::trim);
    normalized_text(segments.find(|segment| is_named(segment)).unwrap_or_default())
}

/// Returns a text in the form of the table.
pub(super) fn normalized_text(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, '-' | '_')).map(|character| character.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_normalized_and_each_row_decides_something() {
        for (index, (pattern, kind, scope)) in NAMES.iter().enumerate() {
            let name = pattern.trim_start_matches('*');
            assert_eq!(name, normalized(name), "{pattern}");
            for place in [NamePlace::Header, NamePlace::Member, NamePlace::Parameter] {
                assert!(!scope.has(place) || classify(place, name) == Some(*kind), "{pattern} is hidden by an earlier row");
            }
            assert!(NAMES[..index].iter().all(|(other, _, _)| other != pattern), "duplicate row {pattern}");
        }
        for name in HARMLESS {
            let would_fit = NAMES.iter().any(|(pattern, _, _)| pattern.strip_prefix('*').is_some_and(|end| name.ends_with(end)));
            assert!(would_fit && classify(NamePlace::Parameter, name).is_none(), "{name}");
        }
    }

    #[test]
    #[allow(clippy::too_many_lines, reason = "a table of names")]
    fn names_are_found_however_they_are_written() {
        for name in [
            "temporaryAccessPass",
            "tempauth",
            "pin",
            "unlockPin",
            "secret",
            "client_secret",
            "clientSecret",
            "CLIENT-SECRET",
            "access_token",
            "refreshToken",
            "id_token",
            "id_token_hint",
            "logout_hint",
            "device_code",
            "user_code",
            "client_assertion",
            "assertion",
            "password",
            "passwd",
            "token",
            "code_verifier",
            "secretText",
            "clientState",
            "api_key",
            "apiKey",
            "x-functions-key",
            "Ocp-Apim-Subscription-Key",
            "subscription-key",
            "sig",
            "privateKey",
            "connectionString",
            "Authorization",
            "Proxy-Authorization",
            "x-ms-authorization-auxiliary",
            "Cookie",
            "Set-Cookie",
            "x-auth-token",
            "x-api-key",
            "x-csrf-token",
            "x-zumo-auth",
            "x-wfi-emulator-control-token",
            "botSecret",
            "encryption/secret",
            "user[password]",
            "validationToken",
            "newPassword",
            "password_confirmation",
            "passwordHash",
            "secret2",
            "tokenValue",
            "user.password.value",
            "SECRET_KEY",
            "storageKey",
            "x-own-service-key",
            "primaryKey",
            "clientSecrets",
            "PRIVATE-KEY",
            "sharedAccessKey",
        ] {
            for place in [NamePlace::Header, NamePlace::Member, NamePlace::Parameter] {
                assert!(is_secret_name(place, name), "{name} in {place:?}");
            }
        }
        for name in [
            "tokenType",
            "token_type",
            "expires_in",
            "client_assertion_type",
            "secret@odata.type",
            "$skiptoken",
            "%24deltatoken",
            "grant_type",
            "passwordCredentials",
            "tokenLifetimePolicies",
            "displayName",
            "id",
            "",
            "$select",
            "design",
            "@odata.nextLink",
            "isActive",
            "client_id",
            "scope",
            "assigned",
            "keyword",
            "keywords",
            "primaryKeyId",
            "publicKey",
            "partition_key",
            "monkey",
            "keyId",
            "tokenCount",
            "secretaryName",
            "passwordPolicies",
            "passwordLastChangedDateTime",
            "value",
            "newValue",
            "data2",
            "2",
        ] {
            for place in [NamePlace::Header, NamePlace::Member, NamePlace::Parameter] {
                assert!(!is_secret_name(place, name.trim_start_matches("%24")), "{name} in {place:?}");
            }
        }
        for name in ["code", "state", "nonce", "signature", "X-Amz-Signature", "key"] {
            assert!(is_secret_name(NamePlace::Parameter, name) && !is_secret_name(NamePlace::Member, name), "{name}");
        }
    }

    #[test]
    fn texts_mention_secrets() {
        for text in ["my secret is x", "encryption/clientSecret eq 'x'", "{\"Password\":", "a code=1", "sig eq 'x'", "ID_TOKEN"] {
            assert!(mentions_secret(text), "{text}");
        }
        for text in ["", "displayName eq 'x'", "design and assign", "the code of a state", "{\"code\":\"BadRequest\"}"] {
            assert!(!mentions_secret(text), "{text}");
        }
        assert!(mentions_private("displayName eq 'x'") && mentions_private("upn eq 'x'") && !mentions_private("isActive"));
    }
}
