//! The permissions of the operations of a run, and the set that covers them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::entra::check::{self, AskedOperation};
use crate::graph::used::UsedOperation;
use crate::policy::permissions::{Sufficient, TokenKind};
use crate::report::evidence::Run;
use crate::report::finding::{OperationUse, PermissionKinds, PermissionReport};
use crate::world::World;

/// The kinds of token.
const KINDS: [TokenKind; 3] = [TokenKind::Work, TokenKind::Personal, TokenKind::Application];

/// Returns the combinations of permissions that are sufficient for an operation, the least privileged ones first.
pub(super) fn sufficient(world: &World, used: &UsedOperation<'_>, method: &str, kind: TokenKind) -> Option<Vec<Sufficient>> {
    let addresses = || used.addresses.clone();
    let resource = used.structured.map(|structured| (used.model, structured));
    let method = if method == "HEAD" { "GET" } else { method };
    let mut found = check::sufficient(world, AskedOperation { resource, kind: used.kind, addresses: &addresses, method }, kind)?;
    if method == "GET" {
        leave_least_readers(&mut found);
    }
    Some(found)
}

/// Leaves marks of least privileged permissions to those that only read, if there are some: the published table also marks those of other methods of
/// the same path, and a read needs no permission to write.
fn leave_least_readers(found: &mut [Sufficient]) {
    let writes = |one: &Sufficient| one.names.iter().any(|name| name.contains("Write"));
    if found.iter().any(|one| one.is_least && !writes(one)) {
        for one in found {
            one.is_least &= !writes(one);
        }
    }
}

/// Whether permissions are sufficient.
pub(super) fn are_met(sufficient: &[Sufficient], held: &[String]) -> bool {
    let has = |name: &&str| held.iter().any(|held| held.eq_ignore_ascii_case(name));
    sufficient.iter().any(|one| one.names.iter().all(&has))
}

/// Returns the least privileged combinations; if none is marked, the first.
fn least(sufficient: &[Sufficient]) -> Vec<&Sufficient> {
    let marked: Vec<&Sufficient> = sufficient.iter().filter(|one| one.is_least).collect();
    if marked.is_empty() { sufficient.iter().take(1).collect() } else { marked }
}

/// Returns the permissions of all operations.
pub(super) fn report(run: &Run<'_>) -> PermissionReport {
    let mut index: HashMap<std::rc::Rc<str>, usize> = HashMap::new();
    let mut operations: Vec<OperationUse> = Vec::new();
    let mut needed: [Vec<Vec<Sufficient>>; 3] = Default::default();
    for call in run.graph() {
        let Some(used) = &call.used else { continue };
        let operation = call.operation();
        if let Some(known) = index.get(&operation) {
            operations[*known].count += 1;
            continue;
        }
        index.insert(operation.clone(), operations.len());
        let mut lists: [Vec<String>; 3] = Default::default();
        let mut is_known = false;
        for (place, kind) in KINDS.into_iter().enumerate() {
            let Some(found) = sufficient(run.world, used, call.method.as_str(), kind) else { continue };
            is_known = true;
            lists[place] = least(&found).iter().map(|one| one.names.join("+")).collect();
            if !found.is_empty() {
                needed[place].push(found);
            }
        }
        let [delegated, personal, application] = lists;
        operations.push(OperationUse {
            operation: operation.to_string(),
            count: 1,
            least: PermissionKinds { delegated, personal, application },
            is_known,
        });
    }
    let [delegated, personal, application] = needed.each_ref().map(|needed| covering(needed));
    PermissionReport { operations, covering: PermissionKinds { delegated, personal, application } }
}

/// Returns permissions that are sufficient for all operations: the least privileged ones of each, without those that others make
/// unnecessary.
pub(super) fn covering(needed: &[Vec<Sufficient>]) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    let add = |chosen: &mut Vec<String>, one: &Sufficient| {
        for name in &one.names {
            if !chosen.iter().any(|known| known == name) {
                chosen.push((*name).to_owned());
            }
        }
    };
    let mut open = Vec::new();
    for sufficient in needed {
        match &least(sufficient)[..] {
            [] => {}
            [only] => add(&mut chosen, only),
            _ => open.push(sufficient),
        }
    }
    // Of several least privileged ones, the one that most of the others need too.
    loop {
        open.retain(|sufficient| !are_met(sufficient, &chosen));
        let mut counts: HashMap<&[&str], usize> = HashMap::new();
        for one in open.iter().flat_map(|sufficient| least(sufficient)) {
            *counts.entry(&one.names).or_default() += 1;
        }
        let Some(first) = open.first() else { break };
        let candidates = least(first);
        // Of those, one that only reads, and the shortest.
        let rank = |one: &&&Sufficient| {
            let count = counts.get(&one.names[..]).copied().unwrap_or_default();
            let writes = one.names.iter().filter(|name| name.contains("Write")).count();
            (Reverse(count), writes, one.names.iter().map(|name| name.len()).sum::<usize>())
        };
        let best = candidates.iter().min_by_key(rank);
        if let Some(one) = best {
            add(&mut chosen, one);
        }
    }
    for name in chosen.clone() {
        let others: Vec<String> = chosen.iter().filter(|other| **other != name).cloned().collect();
        if needed.iter().all(|sufficient| sufficient.is_empty() || are_met(sufficient, &others)) {
            chosen = others;
        }
    }
    chosen.into_iter().collect::<BTreeSet<String>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(is_least: bool, names: &[&'static str]) -> Sufficient {
        Sufficient { is_least, names: names.to_vec() }
    }

    #[test]
    fn a_permission_that_another_includes_is_left_out() {
        let read = vec![one(true, &["A.Read"]), one(false, &["A.ReadWrite"])];
        let write = vec![one(true, &["A.ReadWrite"])];
        let both = vec![one(true, &["B.Read", "C.Read"])];
        assert_eq!(covering(&[read, write, both]), ["A.ReadWrite", "B.Read", "C.Read"]);
    }

    #[test]
    fn of_equally_small_ones_the_shared_one_is_chosen() {
        let first = vec![one(true, &["A.Read"]), one(true, &["B.Read"])];
        let second = vec![one(true, &["B.Read"]), one(true, &["C.Read"])];
        assert_eq!(covering(&[first, second]), ["B.Read"]);
        assert_eq!(covering(&[vec![], vec![one(false, &["A.Write"]), one(false, &["B.Write"])]]), ["A.Write"]);
    }
}
