//! A folder of YAML manifests as a live source of cluster objects
