//! The permissions of all operations of Graph, as microsoftgraph/microsoft-graph-devx-content publishes them (2026, MIT).
//!
//! `tests/permissions/compact` writes the table, a tree of paths, which is read in place: nothing is unpacked or kept. v1.0 and beta have
//! the same rows, and letters match in any case.

use std::cmp::Ordering;

use super::names::{PermissionKind, published};

/// The table, in the form that its writer describes.
static TABLE: &[u8] = include_bytes!("../../../fixtures/permissions/operations.bin");

/// The most nodes that are visited for a path: keys and functions have more than one form.
const VISITS: usize = 512;

/// The kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A user of an organization.
    Work,
    /// A user with a personal account.
    Personal,
    /// An application without a user.
    Application,
}

/// The permissions of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OperationPermissions {
    sets: [u16; 3],
}

/// A sufficient combination of permissions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sufficient {
    /// Whether no other has fewer privileges.
    pub(crate) is_least: bool,
    /// The permissions that are needed together.
    pub(crate) names: Vec<&'static str>,
}

impl OperationPermissions {
    /// Returns the sufficient combinations for a kind of token, the least privileged ones first: an empty list for a kind of token
    /// that the operation does not support.
    pub(crate) fn sufficient(self, kind: TokenKind) -> Vec<Sufficient> {
        let set = self.sets[match kind {
            TokenKind::Work => 0,
            TokenKind::Personal => 1,
            TokenKind::Application => 2,
        }];
        let (names, sets) = (part(0), part(1));
        let mut at = usize::from(set);
        let mut next = || {
            at += 1;
            sets.get(at - 1).copied().unwrap_or_default()
        };
        let count = next();
        let mut found = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let head = next();
            let names = (0..head & 0x7f).map(|_| line(names, u16::from_le_bytes([next(), next()]))).collect();
            found.push(Sufficient { is_least: head & 0x80 != 0, names });
        }
        found
    }

    /// Returns whether permissions that `has` are sufficient for a kind of token.
    pub(crate) fn are_met(self, kind: TokenKind, has: impl Fn(&str) -> bool) -> bool {
        self.sufficient(kind).iter().any(|one| one.names.iter().all(|name| has(name)))
    }
}

/// Adds the combinations with `ReadWrite` permissions in place of the `Read` permissions of the same names, where they exist.
pub(crate) fn with_writers(mut found: Vec<Sufficient>, kind: TokenKind) -> Vec<Sufficient> {
    let kind = if kind == TokenKind::Application { PermissionKind::Application } else { PermissionKind::Delegated };
    let has = |found: &[Sufficient], names: &[&str]| found.iter().any(|one| one.names == names);
    for index in 0..found.len() {
        let writers = found[index].names.iter().map(|name| writer(name, kind).unwrap_or(name)).collect::<Vec<_>>();
        if !has(&found, &writers) {
            found.push(Sufficient { is_least: false, names: writers });
        }
    }
    found
}

/// Returns the `ReadWrite` permission that includes a `Read` permission.
fn writer(name: &str, kind: PermissionKind) -> Option<&'static str> {
    let read = name.split('.').position(|part| part == "Read")?;
    let parts = name.split('.').enumerate().map(|(index, part)| if index == read { "ReadWrite" } else { part });
    let writer = parts.collect::<Vec<_>>().join(".");
    published(kind).find(|(known, _)| *known == writer).map(|(known, _)| known)
}

/// Returns the permissions of an operation, by the segments of its path behind the version; `None` if none are published. The names of files
/// in it are those of items.
pub(crate) fn of_operation<S: AsRef<str>>(segments: &[S], method: &str) -> Option<OperationPermissions> {
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let mut visits = VISITS;
    find(0, &segments, letter(method)?, &mut visits)
}

/// Returns whether permissions for a method are published at any address that ends with one of these names, or with a key behind it.
pub(crate) fn are_published(names: &[&str], method: &str) -> bool {
    letter(method).is_some_and(|letter| are_below(0, names, letter))
}

fn are_below(node: usize, names: &[&str], letter: u8) -> bool {
    let is_met = names.iter().map(|name| unqualified(name)).any(|name| {
        let holders = [child(node, name, ""), child(node, name, "()")];
        holders.into_iter().flatten().any(|holder| {
            operation(holder, letter).is_some() || child(holder, "{}", "").is_some_and(|one| operation(one, letter).is_some())
        })
    });
    is_met || children(node).any(|child| are_below(child, names, letter))
}

/// Returns the nodes below a node.
fn children(node: usize) -> impl Iterator<Item = usize> {
    let tree = part(3);
    let count = tree.get(node..node + 2).map_or(0, |count| usize::from(u16::from_le_bytes([count[0], count[1]])));
    let entries = tree.get(node + 2..node + 2 + 5 * count).unwrap_or_default();
    entries.chunks_exact(5).map(|entry| usize::from(entry[2]) | usize::from(entry[3]) << 8 | usize::from(entry[4]) << 16)
}

fn letter(method: &str) -> Option<u8> {
    Some(match method {
        "GET" | "HEAD" => b'G',
        "POST" => b'P',
        "PATCH" => b'A',
        "PUT" => b'U',
        "DELETE" => b'D',
        _ => return None,
    })
}

/// Finds an operation below a node.
fn find(node: usize, segments: &[&str], letter: u8, visits: &mut usize) -> Option<OperationPermissions> {
    *visits = visits.checked_sub(1)?;
    let Some((segment, rest)) = segments.split_first() else { return operation(node, letter) };
    let segment = unqualified(segment);
    let below = |name: &str, more: &str| child(node, name, more);
    let Some((name, arguments)) = segment.split_once('(') else {
        let literal = below(segment, "").and_then(|node| find(node, rest, letter, visits));
        return literal.or_else(|| find(below("{}", "")?, rest, letter, visits));
    };
    // A function, or a collection with a key in parentheses.
    let function = below(name, "()").and_then(|node| find(node, rest, letter, visits));
    function.or_else(|| {
        let holder = below(name, "")?;
        find(if arguments == ")" { holder } else { child(holder, "{}", "")? }, rest, letter, visits)
    })
}

/// Returns a segment without the namespace of Graph.
fn unqualified(segment: &str) -> &str {
    ["microsoft.graph.", "graph."]
        .iter()
        .find_map(|prefix| {
            let start = segment.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix))?;
            Some(&segment[start.len()..])
        })
        .unwrap_or(segment)
}

/// Returns the child of a node for a segment, which is `name` followed by `more`.
fn child(node: usize, name: &str, more: &str) -> Option<usize> {
    let (segments, tree) = (part(2), part(3));
    let count = usize::from(u16::from_le_bytes([*tree.get(node)?, *tree.get(node + 1)?]));
    let entries = tree.get(node + 2..node + 2 + 5 * count)?;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        let entry = &entries[5 * middle..5 * middle + 5];
        let known = line(segments, u16::from_le_bytes([entry[0], entry[1]])).bytes();
        let wanted = name.bytes().chain(more.bytes()).map(|byte| byte.to_ascii_lowercase());
        match known.cmp(wanted) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Some(usize::from(entry[2]) | usize::from(entry[3]) << 8 | usize::from(entry[4]) << 16),
        }
    }
    None
}

/// Returns the operation of a node with a method.
fn operation(node: usize, letter: u8) -> Option<OperationPermissions> {
    let tree = part(3);
    let children = usize::from(u16::from_le_bytes([*tree.get(node)?, *tree.get(node + 1)?]));
    let at = node + 2 + 5 * children;
    let count = usize::from(*tree.get(at)?);
    let entries = tree.get(at + 1..at + 1 + 7 * count)?;
    let entry = entries.chunks_exact(7).find(|entry| entry[0] == letter)?;
    let set = |column: usize| u16::from_le_bytes([entry[1 + 2 * column], entry[2 + 2 * column]]);
    Some(OperationPermissions { sets: [set(0), set(1), set(2)] })
}

/// Returns one of the four parts of the table.
fn part(index: usize) -> &'static [u8] {
    let mut rest = TABLE;
    for number in 0..=index {
        let Some((length, after)) = rest.split_first_chunk::<4>() else { return &[] };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((content, after)) = after.split_at_checked(length) else { return &[] };
        if number == index {
            return content;
        }
        rest = after;
    }
    &[]
}

/// Returns the line at a place.
fn line(text: &'static [u8], place: u16) -> &'static str {
    let rest = text.get(usize::from(place)..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    std::str::from_utf8(&rest[..end]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_path(path: &str, method: &str) -> Option<OperationPermissions> {
        of_operation(&path.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>(), method)
    }

    fn least(path: &str, method: &str, kind: TokenKind) -> Option<String> {
        let all = of_path(path, method)?.sufficient(kind);
        let least = all.iter().filter(|one| one.is_least).map(|one| one.names.join("+"));
        Some(least.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn operations_are_found_by_path_and_method() {
        use TokenKind::{Application, Personal, Work};
        for (path, method, kind, expected) in [
            ("/me", "GET", Work, Some("User.Read")),
            ("/ME", "GET", Personal, Some("User.Read")),
            ("/me", "GET", Application, Some("")),
            ("/users/adele@contoso.com", "PATCH", Application, Some("User.ReadWrite.All")),
            ("/users('adele@contoso.com')", "PATCH", Work, Some("User.ReadWrite.All")),
            ("/users/delta", "GET", Application, least("/users/microsoft.graph.delta", "GET", Application).as_deref()),
            ("/users/delta()", "GET", Application, least("/users/delta", "GET", Application).as_deref()),
            ("/applications(appId='x')", "GET", Work, Some("Application.Read.All Application.ReadWrite.All")),
            ("/me/messages", "GET", Work, Some("Mail.ReadBasic Mail.ReadWrite")),
            ("/users/a/messages/b/c", "GET", Work, None),
            ("/me/drive/items/1/content", "PUT", Work, Some("Files.ReadWrite")),
            ("/me/drive/items/1", "DELETE", Work, Some("Files.ReadWrite")),
            ("/nothing", "GET", Work, None),
            ("", "GET", Work, None),
            ("/me", "TRACE", Work, None),
        ] {
            assert_eq!(least(path, method, kind).as_deref(), expected, "{method} {path}");
        }
        assert!(least("/users/delta", "GET", Application).is_some_and(|least| !least.is_empty()));
    }

    #[test]
    fn some_operations_need_two_permissions() {
        let found = of_path("/policies/identitysecuritydefaultsenforcementpolicy", "PATCH").unwrap();
        let both = ["Policy.Read.All", "Policy.ReadWrite.SecurityDefaults"];
        assert!(found.are_met(TokenKind::Application, |name| both.contains(&name)));
        assert!(!found.are_met(TokenKind::Application, |name| name == both[1]));
    }

    #[test]
    fn every_node_and_set_of_the_table_is_whole() {
        fn walk(node: usize, count: &mut usize) {
            let tree = part(3);
            let children = usize::from(u16::from_le_bytes([tree[node], tree[node + 1]]));
            let names: Vec<&str> = (0..children)
                .map(|index| line(part(2), u16::from_le_bytes([tree[node + 2 + 5 * index], tree[node + 3 + 5 * index]])))
                .collect();
            assert!(names.is_sorted(), "{names:?}");
            for name in names {
                walk(child(node, name, "").unwrap(), count);
            }
            for letter in [b'G', b'P', b'A', b'U', b'D'] {
                let Some(found) = operation(node, letter) else { continue };
                *count += 1;
                for kind in [TokenKind::Work, TokenKind::Personal, TokenKind::Application] {
                    for one in found.sufficient(kind) {
                        assert!(!one.names.is_empty() && one.names.iter().all(|name| name.contains(['.', '-'])), "{one:?}");
                    }
                }
            }
        }
        let mut count = 0;
        walk(0, &mut count);
        assert!(count == 11_109, "{count}");
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn no_path_panics(path in "(/(users|me|\\{\\}|[a-z$.()'=]{0,8})){0,12}") {
            of_path(&path, "GET");
        }
    }
}
