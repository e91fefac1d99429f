//! The pages name files that exist: a link or a path in a code span is checked against the tree.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all Markdown pages that are for people, relative to the root.
fn pages() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "examples/spawn/README.md",
        "fuzz/README.md",
        "packages/python/README.md",
        "packages/npm/wfi-emulator/README.md",
        "packages/nuget/README.md",
        "packages/nuget/WfiEmulator.Testing/README.md",
    ]
    .map(PathBuf::from)
    .to_vec();
    for folder in ["", "docs"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        found.extend(pages.map(|path| path.strip_prefix(root()).unwrap().to_owned()));
    }
    found.sort();
    found
}

/// Returns the targets of the relative links of a page.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

/// Returns the paths of sources that a page names in code spans. A pattern or a placeholder is not a path.
fn source_paths(text: &str) -> Vec<&str> {
    const FOLDERS: [&str; 8] = ["src/", "tests/", "docs/", "fixtures/", "benches/", "examples/", "fuzz/", ".github/"];
    let spans = text.split('`').skip(1).step_by(2).filter_map(|span| span.split_whitespace().next());
    let is_path = |span: &&str| FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains(['*', '{', '…', ',']);
    spans.filter(is_path).filter(|span| !span.contains("NAME")).collect()
}

#[test]
fn every_link_leads_to_a_file() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            let target = root().join(&page).parent().unwrap().join(file);
            assert!(target.exists(), "{}: the link {link} leads to a missing file", page.display());
            count += 1;
        }
    }
    assert!(count > 30, "found {count} links");
}

#[test]
fn every_path_in_a_code_span_exists() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        for path in source_paths(&text).into_iter().filter(|path| !root().join(path).exists()) {
            missing.push(format!("{}: {path}", page.display()));
        }
    }
    assert!(missing.is_empty(), "missing files:\n{}", missing.join("\n"));
}

#[test]
fn every_page_is_in_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    for page in pages() {
        let name = page.to_str().unwrap().replace('\\', "/");
        let link = name.strip_prefix("docs/").map_or_else(|| format!("](../{name})"), |name| format!("]({name})"));
        assert!(name == "docs/README.md" || index.contains(&link), "docs/README.md does not list {name}");
    }
}
