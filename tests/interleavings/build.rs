//! Copies `src/world/budget.rs` of the emulator with the atomics of loom, so that the program itself knows nothing of loom: its other
//! dependencies cannot be built with it.

use std::path::Path;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/world/budget.rs");
    println!("cargo::rerun-if-changed={}", path.display());
    let text = std::fs::read_to_string(&path).expect("the budget is where it was");
    let (code, _) = text.split_once("#[cfg(test)]").expect("its unit tests are last");
    assert!(code.contains("std::sync::atomic::"));
    let code: String = code.lines().filter(|line| !line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
    let out = std::env::var("OUT_DIR").expect("Cargo sets it");
    std::fs::write(Path::new(&out).join("budget.rs"), code.replace("std::sync::atomic::", "loom::sync::atomic::"))
        .expect("the folder of outputs is writable");
}
