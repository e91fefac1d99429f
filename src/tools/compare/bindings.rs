//! The actual values of recorded ones: ids chosen by the service, and values behind the pseudonyms of a recording.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// Maximum number of bindings. The oldest are dropped first, since requests mostly use recent ids.
const LIMIT: usize = 65_536;

/// Pairs of a recorded value and its actual value in this run.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    actual: HashMap<String, String>,
    recorded: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Bindings {
    /// Returns the actual value of a recorded one.
    pub(super) fn get(&self, recorded: &str) -> Option<&str> {
        self.actual.get(recorded).map(String::as_str)
    }

    /// Adds a pair, unless the recorded value is bound already.
    pub(super) fn bind(&mut self, recorded: &str, actual: &str) {
        if self.actual.contains_key(recorded) {
            return;
        }
        if self.order.len() == LIMIT
            && let Some(oldest) = self.order.pop_front()
            && let Some(dropped) = self.actual.remove(&oldest)
        {
            self.recorded.remove(&dropped);
        }
        self.order.push_back(recorded.to_owned());
        self.actual.insert(recorded.to_owned(), actual.to_owned());
        self.recorded.entry(actual.to_owned()).or_insert_with(|| recorded.to_owned());
    }

    /// Replaces the actual value of a recorded one.
    pub(super) fn rebind(&mut self, recorded: &str, actual: &str) {
        let Some(bound) = self.actual.get_mut(recorded) else { return };
        self.recorded.remove(bound);
        actual.clone_into(bound);
        self.recorded.insert(actual.to_owned(), recorded.to_owned());
    }

    /// Replaces recorded values with actual ones, each encoded by `write`.
    pub(super) fn replay<'t>(&self, text: &'t str, write: impl Fn(&str) -> String) -> Cow<'t, str> {
        replace(text, &self.actual, write)
    }

    /// Replaces recorded values in a target, where the value of a parameter may be bound as a whole.
    pub(super) fn replay_parameters(&self, target: &str, write: impl Fn(&str) -> String) -> String {
        let Some((path, query)) = target.split_once('?') else { return self.replay(target, write).into_owned() };
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            // A token is taken from a link, so it is encoded already.
            Some((name, value)) if self.actual.contains_key(value) => format!("{name}={}", self.actual[value]),
            _ => self.replay(parameter, &write).into_owned(),
        });
        let parameters: Vec<String> = parameters.collect();
        format!("{}?{}", self.replay(path, &write), parameters.join("&"))
    }

    /// Replaces actual values with recorded ones.
    pub(super) fn restore<'t>(&self, text: &'t str) -> Cow<'t, str> {
        replace(text, &self.recorded, str::to_owned)
    }
}

/// Replaces whole words, the longest first: a mail address as one word if it is bound, else its parts.
fn replace<'t>(text: &'t str, values: &HashMap<String, String>, write: impl Fn(&str) -> String) -> Cow<'t, str> {
    if values.is_empty() || text.is_empty() {
        return Cow::Borrowed(text);
    }
    if let Some(value) = values.get(text) {
        return if value == text { Cow::Borrowed(text) } else { Cow::Owned(write(value)) };
    }
    let is_of_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '@');
    let mut out = String::new();
    let mut done = 0;
    let mut replace_word = |start: usize, length: usize, done: &mut usize| {
        let Some(value) = values.get(&text[start..start + length]) else { return false };
        if value != &text[start..start + length] {
            out.push_str(&text[*done..start]);
            out.push_str(&write(value));
            *done = start + length;
        }
        true
    };
    for (start, word) in words(text, is_of_word) {
        let word = word.trim_end_matches('.');
        if !replace_word(start, word.len(), &mut done) && word.contains(['.', '@']) {
            for (inner, part) in words(word, |character| !matches!(character, '.' | '@')) {
                replace_word(start + inner, part.len(), &mut done);
            }
        }
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Returns the words of a text, the runs of characters accepted by `is_of_word`, each with its position.
pub(super) fn words(text: &str, is_of_word: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(&is_of_word)?;
        let length = text[start..].find(|character| !is_of_word(character)).unwrap_or(text.len() - start);
        rest = start + length;
        Some((start, &text[start..rest]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bindings(pairs: &[(&str, &str)]) -> Bindings {
        let mut bindings = Bindings::default();
        for (recorded, actual) in pairs {
            bindings.bind(recorded, actual);
        }
        bindings
    }

    #[test]
    fn whole_words_are_replaced() {
        let bindings = bindings(&[("WFI_1", "WFI_9"), ("name-1", "A \"B\""), ("user-1@example.com", "a@b.c"), ("same", "same")]);
        let replay = |text: &'static str| bindings.replay(text, |value| value.replace('"', "\\\"")).into_owned();
        assert_eq!(replay("/x('WFI_1')/WFI_10?a=WFI_1"), "/x('WFI_9')/WFI_10?a=WFI_9");
        assert_eq!(replay("not WFI_1. same"), "not WFI_9. same");
        assert_eq!(replay("{\"n\":\"name-1\",\"m\":\"user-1@example.com\"}"), "{\"n\":\"A \\\"B\\\"\",\"m\":\"a@b.c\"}");
        assert_eq!(replay("WFI_1@example.com"), "WFI_9@example.com");
        assert!(matches!(bindings.replay("same nothing", str::to_owned), Cow::Borrowed(_)));
        assert_eq!(bindings.restore("/x/WFI_9"), "/x/WFI_1");
    }

    #[test]
    fn the_first_value_stays_and_the_oldest_are_dropped() {
        let mut bindings = bindings(&[("a", "1"), ("a", "2")]);
        assert_eq!(bindings.get("a"), Some("1"));
        for index in 0..LIMIT {
            bindings.bind(&format!("x{index}"), &format!("y{index}"));
        }
        assert_eq!((bindings.get("a"), bindings.actual.len(), bindings.recorded.len()), (None, LIMIT, LIMIT));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_can_be_replayed(text in any::<String>(), word in "[a-z@._-]{1,3}") {
            let bindings = bindings(&[(&word, "x")]);
            let _ = bindings.replay(&text, str::to_owned);
            let doubled = format!("{text} {word} ");
            prop_assert!(word.ends_with('.') || bindings.replay(&doubled, str::to_owned).ends_with("x "));
        }
    }
}
