//! Which places are private, built in and told by a file.

use std::fmt;

/// What kind of value a private one is, which decides what its pseudonym looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
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

impl Kind {
    const ALL: [Kind; 7] = [Kind::Token, Kind::Secret, Kind::Cookie, Kind::Name, Kind::Mail, Kind::Id, Kind::Word];

    /// Returns the name, which pseudonyms begin with.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::Secret => "secret",
            Kind::Cookie => "cookie",
            Kind::Name => "name",
            Kind::Mail => "user",
            Kind::Id => "id",
            Kind::Word => "word",
        }
    }

    /// Tells whether knowing the value gives access to something.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Kind::Token | Kind::Secret | Kind::Cookie)
    }

    fn from_name(name: &str) -> Option<Kind> {
        if name == "mail" { Some(Kind::Mail) } else { Kind::ALL.into_iter().find(|kind| kind.name() == name) }
    }
}

const HEADERS: &[(&str, Kind)] = &[
    ("authorization", Kind::Token),
    ("proxy-authorization", Kind::Token),
    ("x-ms-authorization-auxiliary", Kind::Token),
    ("x-zumo-auth", Kind::Token),
    ("cookie", Kind::Cookie),
    ("set-cookie", Kind::Cookie),
    ("api-key", Kind::Secret),
    ("x-api-key", Kind::Secret),
    ("x-functions-key", Kind::Secret),
    ("x-csrf-token", Kind::Secret),
    ("ocp-apim-subscription-key", Kind::Secret),
    ("from", Kind::Mail),
    ("x-anchormailbox", Kind::Mail),
    ("x-ms-client-principal-name", Kind::Name),
];

/// Members of JSON objects, which are parameters too.
const MEMBERS: &[(&str, Kind)] = &[
    ("access_token", Kind::Token),
    ("accesstoken", Kind::Token),
    ("refresh_token", Kind::Token),
    ("id_token", Kind::Token),
    ("token", Kind::Token),
    ("assertion", Kind::Token),
    ("client_assertion", Kind::Token),
    ("secret", Kind::Secret),
    ("client_secret", Kind::Secret),
    ("clientsecret", Kind::Secret),
    ("clientstate", Kind::Secret),
    ("secrettext", Kind::Secret),
    ("password", Kind::Secret),
    ("passwd", Kind::Secret),
    ("device_code", Kind::Secret),
    ("user_code", Kind::Secret),
    ("code_verifier", Kind::Secret),
    ("api_key", Kind::Secret),
    ("apikey", Kind::Secret),
    ("displayname", Kind::Name),
    ("givenname", Kind::Name),
    ("surname", Kind::Name),
    ("mailnickname", Kind::Name),
    ("family_name", Kind::Name),
    ("given_name", Kind::Name),
    ("username", Kind::Name),
    ("mobilephone", Kind::Name),
    ("businessphones", Kind::Name),
    ("notes", Kind::Name),
    ("description", Kind::Name),
    ("mail", Kind::Mail),
    ("email", Kind::Mail),
    ("userprincipalname", Kind::Mail),
    ("preferred_username", Kind::Mail),
    ("upn", Kind::Mail),
    ("login_hint", Kind::Mail),
];

/// Parameters of addresses and forms alone; `code` names an error in JSON.
const PARAMETERS: &[(&str, Kind)] = &[
    ("code", Kind::Secret),
    ("sig", Kind::Secret),
    ("signature", Kind::Secret),
    ("state", Kind::Secret),
    ("nonce", Kind::Secret),
    ("subscription-key", Kind::Secret),
    ("validationtoken", Kind::Secret),
];

/// Values that are the same for everybody.
const KEPT: &[&str] = &["00000000-0000-0000-0000-000000000000", "00000003-0000-0000-c000-000000000000"];

/// An id as short as this is a number within a message, such as that of an item of a batch.
const SHORT_ID: usize = 12;

/// The rules of a file, beside those that are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactionRules {
    headers: Vec<(String, Kind)>,
    members: Vec<(String, Kind)>,
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
                Some((name.to_ascii_lowercase(), Kind::from_name(kind.trim())?))
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

    pub(super) fn header(&self, name: &str) -> Option<Kind> {
        let name = name.to_ascii_lowercase();
        find(&self.headers, HEADERS, &name)
    }

    /// Returns what the value of a member is.
    pub(super) fn member(&self, name: &str, value: &str) -> Option<Kind> {
        if value.is_empty() || self.keeps(value) {
            return None;
        }
        // An id that is no GUID has no form of its own; those with a GUID in them are found by that.
        let is_id = name.eq_ignore_ascii_case("id") || !name.contains('@') && (name.ends_with("Id") || name.ends_with("_id"));
        let is_long_id = is_id && value.len() > SHORT_ID && !super::text::has_guid(value) && !value.contains(' ');
        let name = name.to_ascii_lowercase();
        // The items of a batch have their headers as members.
        let named = find(&self.members, MEMBERS, &name).or_else(|| self.header(&name));
        named.or(is_long_id.then_some(Kind::Id))
    }

    /// Returns what the value of a parameter is.
    pub(super) fn parameter(&self, name: &str) -> Option<Kind> {
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

fn find(own: &[(String, Kind)], built_in: &[(&str, Kind)], name: &str) -> Option<Kind> {
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
        assert_eq!(rules.header("x-site"), Some(Kind::Name));
        assert_eq!(rules.parameter("costcenter"), Some(Kind::Secret));
        assert_eq!((rules.member("CostCenter", "1"), rules.member("costCenter", "WFI_1")), (Some(Kind::Secret), None));
        for text in ["header x", "\nmember a b", "word", "what is this"] {
            assert!(RedactionRules::read(text).unwrap_err().to_string().contains("found '"), "{text}");
        }
    }
}
