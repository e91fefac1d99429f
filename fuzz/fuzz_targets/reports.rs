#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wfi_emulator_fuzz::read("reports", data));
