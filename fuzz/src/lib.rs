//! The readers of the emulator, for the fuzzer.

#[path = "../../tests/it/support/choices.rs"]
mod choices;
#[path = "../../tests/it/support/planting.rs"]
mod planting;
#[path = "../../tests/it/support/readers.rs"]
mod readers;
#[path = "../../tests/it/support/sequences.rs"]
mod sequences;

/// Passes an input to the reader with this name.
pub fn read(name: &str, data: &[u8]) {
    let reader = readers::READERS.iter().find(|reader| reader.name == name).expect("a target has the name of its reader");
    (reader.read)(data);
}
