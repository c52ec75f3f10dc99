#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| akida_fuzz::map_model(data));
