//! BGPPolicy and the Kubernetes objects it refers to, as far as a BGP agent reads them
