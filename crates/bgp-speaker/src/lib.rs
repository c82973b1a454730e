//! A BGP speaker on tokio that announces and never learns
