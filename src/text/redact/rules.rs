//! Which places are private, built in and told by a file.

use std::fmt;

/// What kind of value a private one is, which decides what its pseudonym looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// What authorizes: `token-1`.
    Token,
    /// Any other secret: `secret-1`, and as long as the secret.
    Secret,
    /// A cookie: `cookie-1`.
    Cookie,
    /// The name of somebody or something: `name-1`.
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

    /// Returns the name, which pseudonyms begin with.
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

    /// Tells whether knowing the value gives access to something.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, SecretKind::Token | SecretKind::Secret | SecretKind::Cookie)
    }

    fn from_name(name: &str) -> Option<SecretKind> {
        if name == "mail" { Some(SecretKind::Mail) } else { SecretKind::ALL.into_iter().find(|kind| kind.name() == name) }
    }
}

const HEADERS: &[(&str, SecretKind)] = &[
    ("authorization", SecretKind::Token),
    ("proxy-authorization", SecretKind::Token),
    ("x-ms-authorization-auxiliary", SecretKind::Token),
    ("x-zumo-auth", SecretKind::Token),
    ("cookie", SecretKind::Cookie),
    ("set-cookie", SecretKind::Cookie),
    ("api-key", SecretKind::Secret),
    ("x-api-key", SecretKind::Secret),
    ("x-functions-key", SecretKind::Secret),
    ("x-csrf-token", SecretKind::Secret),
    ("ocp-apim-subscription-key", SecretKind::Secret),
    ("from", SecretKind::Mail),
    ("x-anchormailbox", SecretKind::Mail),
    ("x-ms-client-principal-name", SecretKind::Name),
];

/// Members of JSON objects, which are parameters too.
const MEMBERS: &[(&str, SecretKind)] = &[
    ("access_token", SecretKind::Token),
    ("accesstoken", SecretKind::Token),
    ("refresh_token", SecretKind::Token),
    ("id_token", SecretKind::Token),
    ("token", SecretKind::Token),
    ("assertion", SecretKind::Token),
    ("client_assertion", SecretKind::Token),
    ("secret", SecretKind::Secret),
    ("client_secret", SecretKind::Secret),
    ("clientsecret", SecretKind::Secret),
    ("clientstate", SecretKind::Secret),
    ("secrettext", SecretKind::Secret),
    ("password", SecretKind::Secret),
    ("passwd", SecretKind::Secret),
    ("device_code", SecretKind::Secret),
    ("user_code", SecretKind::Secret),
    ("code_verifier", SecretKind::Secret),
    ("api_key", SecretKind::Secret),
    ("apikey", SecretKind::Secret),
    ("displayname", SecretKind::Name),
    ("givenname", SecretKind::Name),
    ("surname", SecretKind::Name),
    ("mailnickname", SecretKind::Name),
    ("family_name", SecretKind::Name),
    ("given_name", SecretKind::Name),
    ("username", SecretKind::Name),
    ("mobilephone", SecretKind::Name),
    ("businessphones", SecretKind::Name),
    ("notes", SecretKind::Name),
    ("description", SecretKind::Name),
    ("mail", SecretKind::Mail),
    ("email", SecretKind::Mail),
    ("userprincipalname", SecretKind::Mail),
    ("preferred_username", SecretKind::Mail),
    ("upn", SecretKind::Mail),
    ("login_hint", SecretKind::Mail),
];

/// Parameters of addresses and forms alone; `code` names an error in JSON.
const PARAMETERS: &[(&str, SecretKind)] = &[
    ("code", SecretKind::Secret),
    ("sig", SecretKind::Secret),
    ("signature", SecretKind::Secret),
    ("state", SecretKind::Secret),
    ("nonce", SecretKind::Secret),
    ("subscription-key", SecretKind::Secret),
    ("validationtoken", SecretKind::Secret),
];

/// Values that are the same for everybody.
const KEPT: &[&str] = &["00000000-0000-0000-0000-000000000000", "00000003-0000-0000-c000-000000000000"];

/// An id as short as this is a number within a message, such as that of an item of a batch.
const SHORT_ID: usize = 12;

/// The rules of a file, beside those that are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactionRules {
    headers: Vec<(String, SecretKind)>,
    members: Vec<(String, SecretKind)>,
    words: Vec<String>,
    kept: Vec<String>,
}

/// Describes why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactionRulesError {
    /// The line at fault.
    pub line: usize,
    /// What was found and what was expected.
    pub reason: String,
}

impl fmt::Display for RedactionRulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for RedactionRulesError {}

impl RedactionRules {
    /// Reads the text of a file: lines `header NAME KIND`, `member NAME KIND` (also for parameters), `word TEXT`, `keep TEXT`.
    ///
    /// # Errors
    ///
    /// Fails on the first line that is no rule.
    pub fn read(text: &str) -> Result<RedactionRules, RedactionRulesError> {
        let mut rules = RedactionRules::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let rest = rest.trim();
            let named = || {
                let (name, kind) = rest.split_once(char::is_whitespace)?;
                Some((name.to_ascii_lowercase(), SecretKind::from_name(kind.trim())?))
            };
            match (verb, named()) {
                ("", _) => {}
                (comment, _) if comment.starts_with('#') => {}
                ("header", Some(row)) => rules.headers.push(row),
                ("member", Some(row)) => rules.members.push(row),
                ("word", _) if rest.len() > 1 => rules.words.push(rest.to_owned()),
                ("keep", _) if !rest.is_empty() => rules.kept.push(rest.to_owned()),
                _ => {
                    let reason = format!(
                        "found '{line}', expected header NAME KIND, member NAME KIND, word TEXT or keep TEXT, where KIND is token, secret, cookie, name, mail or id"
                    );
                    return Err(RedactionRulesError { line: index + 1, reason });
                }
            }
        }
        Ok(rules)
    }

    pub(super) fn header(&self, name: &str) -> Option<SecretKind> {
        let name = name.to_ascii_lowercase();
        find(&self.headers, HEADERS, &name)
    }

    /// Returns what the value of a member is.
    pub(super) fn member(&self, name: &str, value: &str) -> Option<SecretKind> {
        if value.is_empty() || self.keeps(value) {
            return None;
        }
        // An id that is no GUID has no form of its own; those with a GUID in them are found by that.
        let is_id = name.eq_ignore_ascii_case("id") || !name.contains('@') && (name.ends_with("Id") || name.ends_with("_id"));
        let is_long_id = is_id && value.len() > SHORT_ID && !super::text::has_guid(value) && !value.contains(' ');
        let name = name.to_ascii_lowercase();
        // The items of a batch have their headers as members.
        let named = find(&self.members, MEMBERS, &name).or_else(|| self.header(&name));
        named.or(is_long_id.then_some(SecretKind::Id))
    }

    /// Returns what the value of a parameter is.
    pub(super) fn parameter(&self, name: &str) -> Option<SecretKind> {
        let name = name.to_ascii_lowercase();
        find(&self.members, MEMBERS, &name).or_else(|| find(&[], PARAMETERS, &name))
    }

    /// Tells whether a parameter is a filter for private members.
    pub(super) fn is_filter(&self, name: &str, value: &str) -> bool {
        let value = value.to_ascii_lowercase();
        let is_named = |member: &str| value.contains(member);
        matches!(name, "$filter" | "$search")
            && (MEMBERS.iter().any(|(member, _)| is_named(member)) || self.members.iter().any(|(member, _)| is_named(member)))
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn keeps(&self, value: &str) -> bool {
        KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(value)) || self.kept.iter().any(|kept| kept == value)
    }
}

/// Tells whether a text is the name of a place.
pub(super) fn is_named(text: &str) -> bool {
    [HEADERS, MEMBERS, PARAMETERS].iter().any(|table| table.iter().any(|(name, _)| name.eq_ignore_ascii_case(text)))
}

fn find(own: &[(String, SecretKind)], built_in: &[(&str, SecretKind)], name: &str) -> Option<SecretKind> {
    let own = own.iter().find(|(other, _)| other == name).map(|(_, kind)| *kind);
    own.or_else(|| built_in.iter().find(|(other, _)| *other == name).map(|(_, kind)| *kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_lower_case_and_without_repetition() {
        for table in [HEADERS, MEMBERS, PARAMETERS] {
            for (index, (name, _)) in table.iter().enumerate() {
                assert_eq!(*name, name.to_ascii_lowercase());
                assert!(table[..index].iter().all(|(other, _)| other != name), "{name} stands twice");
            }
        }
    }

    #[test]
    fn a_file_adds_rules_and_a_wrong_line_is_named() {
        let rules =
            RedactionRules::read("# ours\nheader X-Site name\nmember costCenter secret\nword Contoso\nkeep WFI_1\n").unwrap();
        assert_eq!(rules.header("x-site"), Some(SecretKind::Name));
        assert_eq!(rules.parameter("costcenter"), Some(SecretKind::Secret));
        assert_eq!((rules.member("CostCenter", "1"), rules.member("costCenter", "WFI_1")), (Some(SecretKind::Secret), None));
        for text in ["header x", "\nmember a b", "word", "what is this"] {
            assert!(RedactionRules::read(text).unwrap_err().to_string().contains("found '"), "{text}");
        }
    }
}
