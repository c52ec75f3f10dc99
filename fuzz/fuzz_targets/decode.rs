#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| akida_fuzz::decode(data));
