//! Hundreds of sequences of requests to worlds with small limits: see `support::sequences` for the laws.

use wfi_emulator::internals::world::chance::mixed;

use crate::support::sequences;

#[test]
fn limits_journals_and_acknowledged_writes_hold_in_hundreds_of_sequences() {
    std::thread::scope(|scope| {
        for quarter in 0..4 {
            scope.spawn(move || {
                for sequence in (quarter..200).step_by(4) {
                    let data: Vec<u8> = (0..320).map(|index| mixed(sequence << 32 | index).to_le_bytes()[0]).collect();
                    sequences::run(&data);
                }
            });
        }
    });
}
