//! The readers of the emulator, for the fuzzer.

#[path = "../../tests/it/readers.rs"]
mod readers;

/// Lets the reader of a name read an input.
pub fn read(name: &str, data: &[u8]) {
    let reader = readers::READERS.iter().find(|reader| reader.name == name).expect("a target has the name of its reader");
    (reader.read)(data);
}
