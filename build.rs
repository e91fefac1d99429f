//! Links the release build of the program for Linux into fewer resident pages.
//!
//! Without relocations the kernel need not copy the tables of texts (0.25 MiB), and equal functions are kept once. The price is that the
//! program itself is at a fixed address; stack, heap and libraries still are not. Only the linker that Rust 1.90 and later bring along for
//! this target folds functions, so any other linker is left alone.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let target = variable("TARGET");
    let is_own_linker = variable("CARGO_ENCODED_RUSTFLAGS").contains("link")
        || !variable("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER").is_empty();
    if target == "x86_64-unknown-linux-gnu" && variable("PROFILE") == "release" && !is_own_linker && brings_its_linker() {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}

/// Whether the compiler links with a linker of its own: `rustc 1.90.0 (…)` and later.
fn brings_its_linker() -> bool {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    let Ok(output) = output else { return false };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let minor = text.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    text.starts_with("rustc 1.") && minor.is_some_and(|minor| minor >= 90)
}
