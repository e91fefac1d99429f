//! The crates that the library needs without the program, by the features of the manifest.

use std::collections::BTreeSet;
use std::process::Command;

/// Returns the crates that are compiled for the library, without its own.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none"]).args(features);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let name = |line: &str| line.split(" v").next().unwrap_or_default().to_owned();
    tree.lines().skip(1).map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).map(name).collect()
}

#[test]
fn the_library_alone_needs_a_third_fewer_crates() {
    let (program, library) = (crates(&[]), crates(&["--no-default-features"]));
    assert!(library.is_subset(&program));
    for of_program in ["clap", "clap_complete", "clap_mangen", "mimalloc", "rcgen", "rustix", "similar", "tracing-subscriber"] {
        assert!(program.contains(of_program) && !library.contains(of_program), "{of_program}");
    }
    assert!(library.len() * 3 <= program.len() * 2, "{} of {} crates: {library:?}", library.len(), program.len());
}
