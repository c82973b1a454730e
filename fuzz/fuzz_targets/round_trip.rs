//! [`bgp_fuzz::round_trip`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bgp_fuzz::round_trip(data));
