//! Suggestions for misspelled words.

/// Returns the candidate with the smallest edit distance to a word; returns `None` if the word is unlikely to be a misspelling of it.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The time is quadratic, and long words come from clients.
    if word.chars().count() > 64 {
        return None;
    }
    candidates
        .map(|candidate| (edit_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        // A word that shares no letter with a short name is not a misspelling of it.
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 4) && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, left_char) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right_char) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(left_char != *right_char);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_likely_misspellings_have_a_suggestion() {
        let names = ["displayName", "url", "me"];
        for (word, suggestion) in [("displayname ", Some("displayName")), ("ulr", Some("url")), ("color", None), ("xy", None)] {
            assert_eq!(nearest(word, names.into_iter()), suggestion, "{word}");
        }
    }

    #[test]
    fn long_words_have_no_suggestion() {
        for (length, has_suggestion) in [(64, true), (65, false)] {
            let word = "x".repeat(length);
            assert_eq!(nearest(&word, [word.as_str()].into_iter()).is_some(), has_suggestion);
        }
    }
}
