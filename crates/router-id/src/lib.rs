//! How an Antrea node chooses its BGP router ID, as pure functions
