//! Findings of rules, with the requests that show them.

use serde::{Deserialize, Serialize};

/// The severity of a finding, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It will fail in production.
    Error,
    /// It will fail some day, or costs.
    Warning,
    /// It could be better.
    Note,
}

impl Severity {
    /// All severities, the worst first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Note];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }

    /// Returns the severity with a name.
    pub fn from_name(name: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// A report on the requests of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The name of the world.
    pub world: String,
    /// The number of requests that the journal still has.
    pub requests: u64,
    /// The number of entries that the journal has dropped for want of room: the report does not know of them.
    pub dropped: u64,
    /// The names of the rules that were applied.
    pub rules: Vec<String>,
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// The permissions of the operations.
    pub permissions: PermissionReport,
}

/// The result of a rule for one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name of the rule.
    pub rule: String,
    /// The severity.
    pub severity: Severity,
    /// The problem in a sentence.
    pub title: String,
    /// The subject, such as an operation. It is the same in each run.
    pub subject: String,
    /// The observation.
    pub detail: String,
    /// The advice.
    pub better: String,
    /// The page or issue that documents it.
    pub source: String,
    /// The grade of the evidence: strong, medium, weak or none.
    pub grade: String,
    /// The number of times that it was seen.
    pub count: u64,
    /// The requests, ten at most.
    pub requests: Vec<Sighting>,
}

/// A request that shows a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// Its number in the journal.
    pub number: u64,
    /// Its time on the world's clock.
    pub time: String,
    /// Its method.
    pub method: String,
    /// Its target, without secrets.
    pub target: String,
}

/// The permissions of the operations of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionReport {
    /// The operations, in the order of their first use.
    pub operations: Vec<OperationUse>,
    /// For each kind of token, the least privileged permissions that cover all operations which support the kind.
    pub covering: PermissionKinds,
}

/// An operation, and the permissions for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationUse {
    /// The method and the path, with `{id}` for each key.
    pub operation: String,
    /// The number of requests.
    pub count: u64,
    /// The least privileged permissions, for each kind of token. `A+B` needs both; a kind without any is not supported.
    pub least: PermissionKinds,
    /// Whether permissions are known for the operation.
    pub is_known: bool,
}

/// Permissions for each kind of token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionKinds {
    /// Those of users of an organization.
    pub delegated: Vec<String>,
    /// Those of users with a personal account.
    pub personal: Vec<String>,
    /// Those of applications without a user.
    pub application: Vec<String>,
}
