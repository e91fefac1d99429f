//! Redaction by grammar: places × encodings × damage × what else is learned, with a planted secret as the oracle.

use proptest::prelude::*;
use wfi_emulator::internals::text::exchange::{self, Exchange};
use wfi_emulator::internals::text::redact::{RedactionRules, Redactor, mask_exchange};

use crate::support::planting::{CORE, Planted, others, planted, trace};

/// Redacts the exchanges of a recording as the recorder does: one by one, and once more when the recording is complete.
fn recorded(exchanges: &[Exchange]) -> String {
    let mut redactor = Redactor::new(RedactionRules::default(), 1);
    let first: Vec<Exchange> = exchanges.iter().map(|exchange| redactor.redact(exchange)).collect();
    exchange::write(&first.iter().map(|exchange| redactor.redact(exchange)).collect::<Vec<Exchange>>())
}

/// Describes what is left of the secret, if anything is.
fn problem(data: &[u8]) -> Option<String> {
    let Planted { before, naming, others: count, after } = planted(data);
    let masked = exchange::write(&[mask_exchange(&naming)]);
    if let Some(form) = trace(&masked) {
        return Some(format!("{form} is in the mask of {naming:?}:\n{masked}"));
    }
    let others = (count > 0).then(|| others(count));
    let exchanges: Vec<Exchange> = before.into_iter().chain([naming]).chain(others).chain(after).collect();
    let text = recorded(&exchanges);
    let excerpt = |text: String| text.chars().take(5_000).collect::<String>();
    let others_left_out = |count| if count > 0 { "and others" } else { "" };
    trace(&text).map(|form| {
        excerpt(format!(
            "{form} is in the recording of {} exchanges {}:\n{naming:?}\n{text}",
            exchanges.len(),
            others_left_out(count),
            naming = exchanges[exchanges.len() / 2]
        ))
    })
}

/// Returns the last byte of a number.
fn byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

#[test]
fn the_oracle_finds_the_secret_in_every_encoding() {
    let mut missing = 0;
    for seed in 0..2_000_u32 {
        let data: Vec<u8> =
            (0..24).map(|index| byte(u64::from(seed.wrapping_mul(2_654_435_761).wrapping_add(index * 40_503) >> 7))).collect();
        let Planted { before, naming, after, .. } = planted(&data);
        for exchange in before.iter().chain(&after) {
            assert!(trace(&exchange::write(std::slice::from_ref(exchange))).is_some(), "{exchange:?}");
        }
        // Packed bodies are unreadable in print.
        missing += u32::from(trace(&exchange::write(&[naming])).is_none());
    }
    assert!(missing < 600, "{missing} of 2000");
    assert_eq!(trace("nothing here"), None);
    assert!(trace(&format!("x{CORE}x")).is_some());
}

#[test]
fn no_secret_of_the_grammar_is_left_in_thousands_of_sentences() {
    let mut problems = Vec::new();
    let mut state = 0x2468_ace0_1357_9bdfu64;
    for _ in 0..1_000 {
        let data: Vec<u8> = (0..32)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                byte(state >> 24)
            })
            .collect();
        problems.extend(problem(&data));
    }
    let shown: Vec<&String> = problems.iter().take(8).collect();
    assert!(shown.is_empty(), "{} problems, first {shown:#?}", problems.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_secret_of_the_grammar_is_left(data in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(problem(&data), None);
    }
}
