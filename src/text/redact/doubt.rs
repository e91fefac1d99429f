//! Runs of characters that look like a secret though no name says so.

use std::ops::Range;

use super::pseudonym;

/// The length from which a run is doubtful.
const SHORTEST: usize = 20;

/// The bits per character from which a run is too irregular for words.
const ENTROPY: f64 = 3.5;

/// Returns the first run of characters of a text that looks like a secret: long, irregular, of letters in both cases or with digits
/// among them, and not a pseudonym.
pub(crate) fn doubtful_run(text: &str) -> Option<Range<usize>> {
    let is_of_run = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_~".contains(&byte);
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let length = bytes[start..].iter().take_while(|byte| is_of_run(**byte)).count();
        let run = &text[start..start + length];
        // A path is several runs.
        let mut at = start;
        for part in run.split_inclusive(['/', '=']) {
            if is_doubtful(part.trim_end_matches(['/', '='])) {
                return Some(at..at + part.trim_end_matches(['/', '=']).len());
            }
            at += part.len();
        }
        if run.contains('/') && run.len() >= 2 * SHORTEST && !run.contains('-') && is_doubtful(run) && has_no_words(run) {
            return Some(start..start + length);
        }
        start += length + 1;
        while start < bytes.len() && !text.is_char_boundary(start) {
            start += 1;
        }
    }
    None
}

/// Returns the lines of a recording that have a doubtful run: offset and length of the run. Entity tags and the like are irregular by
/// design.
pub(crate) fn doubtful_lines(text: &str) -> Vec<(usize, usize)> {
    const IRREGULAR: [&str; 5] = ["etag", "skiptoken", "deltatoken", "x-ms-ags-diagnostic", "traceparent"];
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.to_ascii_lowercase();
        IRREGULAR.iter().all(|name| !line.contains(name))
    });
    lines.filter_map(|(index, line)| doubtful_run(line).map(|range| (index, range.len()))).collect()
}

fn is_doubtful(run: &str) -> bool {
    if run.len() < SHORTEST || pseudonym::is_own(run) || run.split('_').any(pseudonym::is_own) {
        return false;
    }
    let has = |is_of: fn(&u8) -> bool| run.as_bytes().iter().any(is_of);
    let classes = [u8::is_ascii_lowercase as fn(&u8) -> bool, u8::is_ascii_uppercase, u8::is_ascii_digit];
    let count = classes.into_iter().filter(|class| has(*class)).count();
    // Names are letters with few digits, if any.
    count >= 2 && run.bytes().filter(u8::is_ascii_digit).count() * 12 >= run.len() && entropy(run) >= ENTROPY
}

/// Returns whether the parts of a run between slashes are too irregular for the segments of a path.
fn has_no_words(run: &str) -> bool {
    run.split('/').all(|part| part.is_empty() || part.bytes().any(|byte| byte.is_ascii_digit()) || part.len() < 4)
}

/// Returns the entropy of the characters of a text, in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let share = |count: u32| f64::from(count) / length;
    -counts.into_iter().filter(|count| *count > 0).map(|count| share(count) * libm::log2(share(count))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn irregular_runs_are_doubtful_and_names_are_not() {
        for (text, expected) in [
            ("key is 7hT9qLm2Xz4Rv8Wb1Nc6 now", "7hT9qLm2Xz4Rv8Wb1Nc6"),
            ("a=AKIAIOSFODNN7EXAMPLEK3Y9", "AKIAIOSFODNN7EXAMPLEK3Y9"),
            ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
            ("/v1.0/x/7hT9qLm2Xz4Rv8Wb1Nc6/y", "7hT9qLm2Xz4Rv8Wb1Nc6"),
        ] {
            assert_eq!(doubtful_run(text).map(|range| &text[range]), Some(expected));
        }
        for text in [
            "workforceIntegrationSupportedEntities",
            "/v1.0/teamwork/workforceIntegrations/WFI_aaaaaaaa-0000-4000-8000-000000000001",
            "secret-1-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "2021-03-12T17:37:05.8412345Z",
            "https://graph.microsoft.com/v1.0/$metadata#teamwork/workforceIntegrations",
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false",
            "0000000000000000000000000000",
            "é",
        ] {
            assert_eq!(doubtful_run(text), None, "{text}");
        }
    }
}
