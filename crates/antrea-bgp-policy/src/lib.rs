//! From BGPPolicies and cluster objects to BGP peers and routes, one change at a time
