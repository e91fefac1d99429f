//! Least privilege: tokens and the permissions of operations.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::entra::caller::Granted;
use crate::policy::permissions::{Sufficient, TokenKind, default_permissions};
use crate::report::evidence::{Call, Run};
use crate::report::hits::Hits;
use crate::report::permissions::{are_met, covering, sufficient};

/// The most permissions that a detail names, the least privileged ones first.
const NAMED: usize = 5;

/// Scopes of sign-in, beside the permissions of Graph.
const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];

pub(super) fn no_token(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| !call.has_token && call.used.is_some()) {
        hits.about("requests without a token", call, || "Graph answers them with 401; `--auth open` has let them through");
    }
    hits
}

pub(super) fn uncovered_operation(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        let Some(token) = &call.token else { continue };
        let Some(found) = needed(run, call, token.kind).filter(|found| !are_met(found, &token.permissions)) else { continue };
        let kind = match token.kind {
            TokenKind::Application => "an application",
            TokenKind::Work => "a user",
            TokenKind::Personal => "a user with a personal account",
        };
        if found.is_empty() {
            hits.add(call, || format!("the operation is not supported for {kind}"));
        } else {
            hits.add(call, || {
                let names = found.iter().take(NAMED).map(|one| one.names.join("+")).collect::<Vec<_>>().join(", ");
                let more = if found.len() > NAMED { format!(", and {} more", found.len() - NAMED) } else { String::new() };
                format!("the token of {kind} needs one of: {names}{more}")
            });
        }
    }
    hits
}

/// Returns the sufficient permissions of a request, if some are known.
fn needed(run: &Run<'_>, call: &Call<'_>, kind: TokenKind) -> Option<Vec<Sufficient>> {
    sufficient(run.world, call.used.as_deref()?, call.method.as_str(), kind)
}

/// The permissions of tokens for which nothing is registered: the emulator gives them, the client has not asked for any.
struct Defaults {
    application: BTreeSet<String>,
    delegated: BTreeSet<String>,
}

impl Defaults {
    fn new() -> Defaults {
        let application = default_permissions(|row| row.application).into_iter().collect();
        Defaults { application, delegated: default_permissions(|row| row.delegated).into_iter().collect() }
    }

    fn are_those_of(&self, token: &Granted) -> bool {
        let defaults = if token.kind == TokenKind::Application { &self.application } else { &self.delegated };
        let held: BTreeSet<&String> = token.permissions.iter().filter(|name| !SIGN_IN.contains(&name.as_str())).collect();
        held.len() == defaults.len() && held.into_iter().eq(defaults)
    }
}

pub(super) fn excess_permissions(run: &Run<'_>) -> Hits {
    struct Tokens<'r, 'w> {
        first: &'r Call<'w>,
        held: BTreeSet<String>,
        operations: HashSet<Rc<str>>,
        /// Whether the permissions of an operation are unknown.
        is_partial: bool,
        needed: Vec<Vec<Sufficient>>,
    }
    let mut hits = Hits::default();
    let (defaults, mut known) = (Defaults::new(), HashSet::new());
    let mut kinds: HashMap<&str, Tokens<'_, '_>> = HashMap::new();
    for call in run.graph() {
        let Some(token) = &call.token else { continue };
        let subject = match token.kind {
            TokenKind::Application => "tokens of applications",
            TokenKind::Work => "tokens of users",
            TokenKind::Personal => "tokens of users with personal accounts",
        };
        let tokens = kinds.entry(subject).or_insert_with(|| Tokens {
            first: call,
            held: BTreeSet::new(),
            operations: HashSet::new(),
            is_partial: false,
            needed: Vec::new(),
        });
        if known.insert(call.token_number) && !defaults.are_those_of(token) {
            tokens.held.extend(token.permissions.iter().cloned());
        }
        if tokens.operations.insert(call.operation()) {
            let needed = needed(run, call, token.kind);
            tokens.is_partial |= needed.is_none() && (call.used.is_some() || call.is_success());
            tokens.needed.extend(needed);
        }
    }
    // An operation with unknown permissions may need any of those held.
    let mut kinds: Vec<_> = kinds.into_iter().filter(|(_, tokens)| !tokens.is_partial).collect();
    kinds.sort_by_key(|(_, tokens)| tokens.first.number);
    for (subject, tokens) in kinds {
        let enough = covering(&tokens.needed);
        let is_needed = |name: &&String| {
            let others: Vec<String> = tokens.held.iter().filter(|other| other != name).cloned().collect();
            // Without it, something that was covered is no longer.
            let held: Vec<String> = tokens.held.iter().cloned().collect();
            enough.iter().any(|one| one.eq_ignore_ascii_case(name))
                || tokens.needed.iter().any(|needed| are_met(needed, &held) && !are_met(needed, &others))
        };
        let excess = tokens.held.iter().filter(|name| !SIGN_IN.contains(&name.as_str()) && !is_needed(name));
        let excess: Vec<&str> = excess.map(String::as_str).collect();
        if !excess.is_empty() {
            let enough = if enough.is_empty() { "none".to_owned() } else { enough.join(", ") };
            hits.about(subject, tokens.first, || format!("not needed: {}; enough: {enough}", excess.join(", ")));
        }
    }
    hits
}
