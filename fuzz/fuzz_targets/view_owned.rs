//! [`bgp_fuzz::view_owned`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bgp_fuzz::view_owned(data));
