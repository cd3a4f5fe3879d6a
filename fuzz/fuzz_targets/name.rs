#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| haul::fuzzing::name(text));
