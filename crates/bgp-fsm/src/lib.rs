//! One BGP neighbour as a sans-IO state machine (RFC 4271 section 8)
