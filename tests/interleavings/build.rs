//! Copies the emulator's own sources with the types of checkers, so that the program itself knows nothing of them: `src/world/budget.rs`
//! with the atomics of loom, and all wings up to `world` with the locks and atomics of shuttle in `world`.

use std::fs;
use std::path::{Path, PathBuf};

/// The wings that `world` uses, and itself.
const WINGS: [&str; 5] = ["text", "policy", "edm", "odata", "world"];

/// Texts of the wing `world`, and those in their place in the checked copy. Each is there.
const REPLACEMENTS: [(&str, &str); 10] = [
    ("std::sync::", "crate::stand_ins::sync::"),
    ("use std::time::{Duration, Instant};", "use crate::stand_ins::time::{Duration, Instant};"),
    ("use std::time::{Instant, SystemTime};", "use crate::stand_ins::time::Instant;\nuse std::time::SystemTime;"),
    ("use arc_swap::", "use crate::stand_ins::arc_swap::"),
    ("use dashmap::", "use crate::stand_ins::dashmap::"),
    // The number of threads outlives a run of the checker.
    (
        "static THREADS: AtomicUsize = AtomicUsize::",
        "static THREADS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::",
    ),
    ("thread_local! {\n    /// The shard of this thread.", "shuttle::thread_local! {\n    /// The shard of this thread."),
    // The checker's threads share that of the system, so a second would not pass for long enough.
    ("const SEARCH_INTERVAL: Duration = Duration::from_secs(1);", "const SEARCH_INTERVAL: Duration = Duration::from_millis(2);"),
    // So few that some of three threads share one.
    ("const SHARDS: usize = 4;", "const SHARDS: usize = 2;"),
    ("#[cfg(test)]", "#[cfg(any())]"),
];

fn main() {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it"))
        .join("../..")
        .canonicalize()
        .expect("the emulator is where it was");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("Cargo sets it"));
    budget(&root, &out);
    wings(&root, &out);
}

fn budget(root: &Path, out: &Path) {
    let text = read(&root.join("src/world/budget.rs"));
    let (code, _) = text.split_once("#[cfg(test)]").expect("its unit tests are last");
    assert!(code.contains("std::sync::atomic::"));
    let code: String = code.lines().filter(|line| !line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
    write(&out.join("budget.rs"), &code.replace("std::sync::atomic::", "loom::sync::atomic::"));
}

fn wings(root: &Path, out: &Path) {
    println!("cargo::rerun-if-changed={}", root.join("fixtures").display());
    let mut is_used = [false; REPLACEMENTS.len()];
    let mut modules = String::new();
    for wing in WINGS {
        let module = root.join(format!("src/{wing}.rs"));
        let mut sources = vec![module.clone()];
        collect(&root.join("src").join(wing), &mut sources);
        for source in sources {
            let mut text = read(&source);
            for above in ["(\"../../../../fixtures/", "(\"../../../fixtures/", "(\"../../fixtures/"] {
                text = text.replace(above, &format!("(\"{}/fixtures/", root.display()));
            }
            for (index, (from, to)) in REPLACEMENTS.iter().enumerate() {
                if (wing == "world" || from.starts_with("#[cfg")) && text.contains(from) {
                    is_used[index] = true;
                    text = text.replace(from, to);
                }
            }
            // A module with a path of its own has its modules beside it.
            let copy = if source == module { root.join(format!("src/{wing}/mod.rs")) } else { source };
            let copy = out.join(copy.strip_prefix(root).expect("it is below the root"));
            fs::create_dir_all(copy.parent().expect("it has a folder")).expect("the folder of outputs is writable");
            write(&copy, &text);
        }
        let path = out.join(format!("src/{wing}/mod.rs"));
        modules.push_str(&format!("#[allow(warnings, clippy::all, clippy::pedantic)]\n#[path = {path:?}]\nmod {wing};\n"));
    }
    let unused = REPLACEMENTS.iter().zip(is_used).find(|(_, is_used)| !is_used);
    assert!(unused.is_none(), "nothing replaced: {unused:?}");
    write(&out.join("wings.rs"), &modules);
}

/// Adds the Rust files below a folder, and the texts that they include.
fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder).expect("a wing has a folder") {
        let path = entry.expect("a folder is readable").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "txt") {
            sources.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).expect("a source is readable")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the folder of outputs is writable");
}
