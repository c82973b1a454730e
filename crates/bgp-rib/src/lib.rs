//! The advertisement table: one log of changes per family, a cursor per peer
