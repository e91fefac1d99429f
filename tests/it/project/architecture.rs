//! The order of the wings and the absence of cycles between files, checked in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The wings of docs/architecture.md, lowest first.
fn listed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = text.split_once("\n## Wings\n").expect("architecture.md has a table of wings");
    let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap_or_default().trim_end_matches('/').trim_end_matches(".rs").to_owned()).collect()
}

/// Source texts by module path: `graph::route` for `src/graph/route.rs`.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    fn walk(folder: &Path, module: &str, found: &mut Sources) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let inner = if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
            if path.is_dir() {
                walk(&path, &inner, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(inner, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = Sources::new();
    walk(&root().join("src"), "", &mut found);
    // The crate's root declares modules and re-exports; the program's root starts it.
    found.retain(|module, _| module != "lib" && module != "main" && !module.ends_with("::tests"));
    found
}

/// A use of one file by another: its line, and the name used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    line: usize,
    user: String,
    used: String,
    name: String,
}

/// Returns the paths in a piece of source, use groups expanded: `a::{b, c::D}` is `a::b` and `a::c::D`.
fn paths(text: &str) -> Vec<(usize, String)> {
    fn expand(prefix: &str, group: &str, line: usize, found: &mut Vec<(usize, String)>) {
        let (mut depth, mut start, mut at) = (0_usize, 0, line);
        let mut parts = Vec::new();
        for (index, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    parts.push((at, &group[start..index]));
                    start = index + 1;
                }
                '\n' => at += 1,
                _ => {}
            }
        }
        parts.push((at, &group[start..]));
        for (line, part) in parts {
            let part = part.trim();
            match part.split_once("::{") {
                Some((inner, rest)) => expand(&format!("{prefix}::{inner}"), rest.strip_suffix('}').unwrap_or(rest), line, found),
                None if part.is_empty() => {}
                None => found.push((line, format!("{prefix}::{}", part.split(" as ").next().unwrap_or(part)))),
            }
        }
    }
    let mut found = Vec::new();
    for (index, _) in text.match_indices("crate::").chain(text.match_indices("super::")) {
        let before = text[..index].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || text[..index].ends_with("::") {
            continue;
        }
        let line = text[..index].matches('\n').count() + 1;
        let path: String = text[index..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
        match path.strip_suffix("::") {
            Some(prefix) if text[index + path.len()..].starts_with('{') => {
                let group = &text[index + path.len() + 1..];
                let mut depth = 1_usize;
                let end = group.char_indices().find(|(_, character)| {
                    match character {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                });
                expand(prefix, &group[..end.map_or(group.len(), |(end, _)| end)], line, &mut found);
            }
            _ => found.push((line, path.trim_end_matches(':').to_owned())),
        }
    }
    found
}

/// Returns the uses between files. Unit tests, at the end of a file, and comments are left out.
fn uses(sources: &Sources) -> BTreeSet<Use> {
    let mut found = BTreeSet::new();
    for (module, text) in sources {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: String =
            code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }.to_owned() + "\n").collect();
        // A file may name items of its children by a relative path.
        let children = code.lines().filter_map(|line| {
            line.trim_start_matches("pub(crate) ").trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')
        });
        for child in children {
            let is_used = code.match_indices(&format!("{child}::")).any(|(index, _)| {
                !code[..index].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '_' | ':'))
            });
            let used = format!("{module}::{child}");
            if is_used && sources.contains_key(&used) {
                found.insert(Use { line: 0, user: module.clone(), used, name: String::new() });
            }
        }
        for (line, path) in paths(&code) {
            let mut segments: Vec<&str> = path.split("::").collect();
            let mut base: Vec<&str> = module.split("::").collect();
            if segments[0] == "crate" {
                base.clear();
                segments.remove(0);
            }
            while segments.first() == Some(&"super") {
                base.pop();
                segments.remove(0);
            }
            base.extend(segments.into_iter().filter(|segment| *segment != "self"));
            // The longest beginning that is a file.
            let file = (1..=base.len()).rev().map(|length| base[..length].join("::")).find(|file| sources.contains_key(file));
            let Some(used) = file.filter(|used| used != module) else { continue };
            let name = base.get(used.split("::").count()).copied().unwrap_or_default().to_owned();
            found.insert(Use { line, user: module.clone(), used, name });
        }
    }
    found
}

fn wing(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

/// Returns the uses of a wing by a lower one.
fn upward<'u>(order: &[String], uses: &'u BTreeSet<Use>) -> Vec<&'u Use> {
    let place = |module: &str| {
        order.iter().position(|listed| listed == wing(module)).unwrap_or_else(|| panic!("{module} is in no listed wing"))
    };
    uses.iter().filter(|found| place(&found.used) > place(&found.user)).collect()
}

/// Whether a file uses a type or a constant of its parent. Such a use does not count as a cycle: a child is a part of its parent.
fn is_child_of_parent(found: &Use) -> bool {
    let is_type = found.name.starts_with(|first: char| first.is_ascii_uppercase());
    found.user.strip_prefix(&*found.used).is_some_and(|rest| rest.starts_with("::")) && is_type
}

/// Returns the files in a cycle, or between two cycles: each uses another one of them, and is used by one.
fn in_cycles(uses: &BTreeSet<Use>) -> BTreeSet<&str> {
    let edges: BTreeSet<(&str, &str)> =
        uses.iter().filter(|found| !is_child_of_parent(found)).map(|found| (&*found.user, &*found.used)).collect();
    let mut left: BTreeSet<&str> = edges.iter().flat_map(|(user, used)| [*user, *used]).collect();
    loop {
        let is_left = |user: &str, used: &str| left.contains(user) && left.contains(used);
        let outgoing: BTreeSet<&str> = edges.iter().filter(|(user, used)| is_left(user, used)).map(|(user, _)| *user).collect();
        let incoming: BTreeSet<&str> = edges.iter().filter(|(user, used)| is_left(user, used)).map(|(_, used)| *used).collect();
        let both: BTreeSet<&str> = outgoing.intersection(&incoming).copied().collect();
        if both.len() == left.len() {
            return left;
        }
        left = both;
    }
}

#[test]
fn wings_use_only_lower_wings() {
    let (order, sources) = (listed(), sources());
    let found = uses(&sources);
    let upward: Vec<String> =
        upward(&order, &found).iter().map(|found| format!("{}:{} uses {}", found.user, found.line, found.used)).collect();
    assert!(upward.is_empty(), "these files use a higher wing:\n{}", upward.join("\n"));
    for listed in &order {
        assert!(sources.keys().any(|module| wing(module) == listed), "{listed} is in the list but not in the sources");
    }
    assert!(found.len() > 500, "uses are found: {}", found.len());
}

#[test]
fn no_files_use_each_other_in_cycles() {
    let found = uses(&sources());
    let cycles = in_cycles(&found);
    let within = |found: &&Use| cycles.contains(&*found.user) && cycles.contains(&*found.used) && !is_child_of_parent(found);
    let uses: Vec<String> = found
        .iter()
        .filter(within)
        .map(|found| format!("{}:{} uses {}::{}", found.user, found.line, found.used, found.name))
        .collect();
    assert!(uses.is_empty(), "these files use each other in cycles:\n{}", uses.join("\n"));
}

fn uses_in(files: &[(&str, &str)]) -> BTreeSet<Use> {
    uses(&files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect())
}

#[test]
fn an_upward_use_is_found_in_every_form() {
    let order = ["low".to_owned(), "high".to_owned()];
    for text in [
        "use crate::high::thing::Thing;",
        "use crate::{high::thing};",
        "use crate::high::{other, thing::{self, Thing}};",
        "fn f() { crate::high::thing::make(); }",
        "use super::super::high::thing::Thing;",
    ] {
        let found = uses_in(&[("low", ""), ("low::a", text), ("high", ""), ("high::thing", "")]);
        assert_eq!(upward(&order, &found).first().map(|found| &*found.user), Some("low::a"), "{text}");
    }
    for text in
        ["// see crate::high::thing", "use crate::low::b::B;", "#[cfg(test)]\nmod tests { use crate::high::thing::Thing; }"]
    {
        let found =
            uses_in(&[("low", ""), ("low::a", text), ("low::b", ""), ("high", ""), ("high::thing", "use crate::low::a::A;")]);
        assert!(upward(&order, &found).is_empty(), "{text}");
    }
}

#[test]
fn a_cycle_is_found_and_a_type_of_the_parent_does_not_count() {
    let siblings =
        uses_in(&[("w", ""), ("w::a", "use super::b::B;"), ("w::b", "use crate::w::c::f;"), ("w::c", "use super::a::A;")]);
    assert_eq!(in_cycles(&siblings).len(), 3);
    let child_calls = uses_in(&[("w::a", "mod b;\nuse b::B;"), ("w::a::b", "use super::f;")]);
    assert_eq!(in_cycles(&child_calls).len(), 2);
    let child_types = uses_in(&[("w::a", "mod b;\nuse crate::w::a::b::B;"), ("w::a::b", "use super::A;")]);
    assert!(in_cycles(&child_types).is_empty());
}

#[test]
fn every_dependency_has_its_reason_in_architecture_md() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, reasons) = text.split_once("\n## Dependencies\n").expect("architecture.md has a list of dependencies");
    let reasons: Vec<&str> = reasons.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).collect();
    let mut in_dependencies = false;
    let mut count = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| in_dependencies) {
            assert!(reasons.contains(&name), "{name} has no reason in docs/architecture.md");
            count += 1;
        }
    }
    assert!(count > 10);
}
