//! antrea-bgp-agent
fn main() {}
