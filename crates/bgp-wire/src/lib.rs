//! BGP-4 messages to bytes and back, without I/O, for no_std + alloc
