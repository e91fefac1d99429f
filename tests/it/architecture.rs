//! The order of modules, read from docs/architecture.md and held against the sources.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of the list, the one that may use nothing first.
fn listed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = text.split_once("\n## Modules\n").expect("architecture.md has a list of modules");
    let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap_or_default().to_owned()).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn modules_use_only_those_above_them() {
    let order = listed();
    let place = |module: &str| order.iter().position(|listed| listed == module);
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut seen = vec![false; order.len()];
    for file in files {
        let relative = file.strip_prefix(root().join("src")).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let own = place(&module).unwrap_or_else(|| panic!("{module} is not in the list of docs/architecture.md"));
        seen[own] = true;
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let at = format!("{}:{}", relative.display(), number + 1);
                let other = place(&used).unwrap_or_else(|| panic!("{at} uses crate::{used}, which is not in the list"));
                assert!(other <= own, "{at}: {module} uses {used}, which stands below it");
            }
        }
    }
    for (module, seen) in order.iter().zip(seen) {
        assert!(seen, "{module} is in the list but not in the sources");
    }
}

#[test]
fn every_dependency_has_its_reason_in_the_list() {
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
