//! The workflows: each action is pinned by the digest of a commit, and none has more rights than it needs.

use std::collections::BTreeMap;
use std::path::Path;

/// Returns names and texts of the workflows.
fn workflows() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    paths.map(read).collect()
}

/// Returns an action, the digest of its commit, and its version; `None` for an action that is named by a tag or a branch.
fn pinned(action: &str) -> Option<(&str, &str, &str)> {
    let (reference, version) = action.split_once(" # ")?;
    let (name, digest) = reference.split_once('@')?;
    let is_digest = digest.len() == 40 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_version = version
        .strip_prefix('v')
        .is_some_and(|version| version.split('.').filter(|part| part.parse::<u32>().is_ok()).count() == 3);
    (is_digest && is_version).then_some((name, digest, version))
}

#[test]
fn every_action_is_pinned_by_digest_with_its_version() {
    let mut digests = BTreeMap::new();
    for (file, text) in workflows() {
        for line in text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("uses: ")) {
            let Some((name, digest, version)) = pinned(line) else { panic!("{file}: not pinned by digest: {line}") };
            let (other, _) = digests.entry(name.to_owned()).or_insert((digest.to_owned(), version.to_owned()));
            assert_eq!(other, digest, "{file}: two commits of {name}");
        }
    }
    assert!(digests.len() >= 6, "{digests:?}");
    for action in ["actions/checkout@v4", "actions/checkout@11bd719 # v4.2.2", "actions/checkout@main # v4.2.2"] {
        assert_eq!(pinned(action), None);
    }
}

#[test]
fn rights_are_given_to_single_jobs() {
    let workflows = workflows();
    assert!(workflows.len() >= 2);
    for (file, text) in workflows {
        assert!(text.contains("\npermissions:\n  contents: read\n\njobs:\n"), "{file}: the default is more than reading");
        let checkouts = text.matches("uses: actions/checkout@").count();
        assert_eq!(text.matches("persist-credentials: false").count(), checkouts, "{file}: a checkout keeps its token");
    }
}

#[test]
fn only_tested_programs_are_published() {
    let (_, text) = workflows().into_iter().find(|(name, _)| name == "release.yml").unwrap();
    let needs = |job: &str| {
        let start = text.find(&format!("\n  {job}:\n")).unwrap_or_else(|| panic!("no job {job}"));
        // A job without needs would be given those of the next one.
        let end = text[start + 1..].find("\n\n").map_or(text.len(), |length| start + 1 + length);
        let line = text[start..end].lines().find_map(|line| line.strip_prefix("    needs: ")).unwrap_or_default();
        line.trim_matches(['[', ']']).split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<String>>()
    };
    for job in ["image", "publish"] {
        let mut open = vec![job.to_owned()];
        let mut seen = Vec::new();
        while let Some(job) = open.pop() {
            open.extend(needs(&job));
            seen.push(job);
        }
        assert!(seen.iter().any(|job| job == "test"), "{job} does not wait for the tests: {seen:?}");
    }
}
