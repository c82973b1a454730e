//! What the tests of this crate share: folders to write to, and manifests to write.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::Path;

use antrea_bgp_api::Object;
use antrea_bgp_manifests::{Change, Diagnostic, Rescan};
use tempfile::TempDir;

/// A folder with the given files; a path may have sub-folders.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        write(dir.path(), path, text);
    }
    dir
}

/// Writes one file, with the folders above it.
pub(crate) fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().expect("below a folder")).expect("folders");
    fs::write(path, text).expect("file");
}

/// The changes as text: `+` applied, `!` invalid, `-` deleted.
pub(crate) fn changes(rescan: &Rescan) -> Vec<String> {
    let text = |change: &Change| match change {
        Change::Applied(object) => format!("+{}", object.object_ref()),
        Change::Invalid { object, .. } => format!("!{object}"),
        Change::Deleted(object) => format!("-{object}"),
        _ => panic!("a change that this test does not know: {change:?}"),
    };
    rescan.changes.iter().map(text).collect()
}

/// The object that was applied under a name such as `Service/default/web`.
pub(crate) fn applied(rescan: &Rescan, name: &str) -> Object {
    let matching = |change: &Change| match change {
        Change::Applied(object) if object.object_ref().to_string() == name => Some(object.clone()),
        _ => None,
    };
    rescan
        .changes
        .iter()
        .rev()
        .find_map(matching)
        .unwrap_or_else(|| panic!("{name} was not applied"))
}

/// Diagnostics as they are shown, relative to the folder.
pub(crate) fn shown<'a>(dir: &Path, of: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<String> {
    let root = format!("{}/", dir.display());
    of.into_iter()
        .map(|diagnostic| diagnostic.to_string().replace(&root, ""))
        .collect()
}

/// A Service with one cluster IP.
pub(crate) fn service(name: &str, ip: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  clusterIPs: [{ip}]\n"
    )
}

/// A BGPPolicy that selects every node.
pub(crate) fn policy(name: &str, asn: &str) -> String {
    format!(
        "apiVersion: crd.antrea.io/v1alpha1\nkind: BGPPolicy\nmetadata:\n  name: {name}\n  \
         creationTimestamp: 2026-01-02T03:04:05Z\nspec:\n  nodeSelector: {{}}\n  localASN: {asn}\n"
    )
}

/// A Node, with or without the router-ID annotation.
pub(crate) fn node(name: &str, annotation: Option<&str>) -> String {
    let annotations = match annotation {
        Some(id) => format!("  annotations:\n    node.antrea.io/bgp-router-id: {id:?}\n"),
        None => String::new(),
    };
    format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n{annotations}status:\n  addresses:\n  \
         - {{type: InternalIP, address: 192.0.2.1}}\n"
    )
}

/// The manifests of one Service of a large cluster, with two slices of two endpoints each, in the
/// form that `kubectl get -o yaml` prints less what the API server adds.
pub(crate) fn large_service(number: usize) -> String {
    let ip = format!(
        "10.{}.{}.{}",
        96 + number / 65536,
        number / 256 % 256,
        number % 256
    );
    let team = number / 100;
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: service-{number}\n  namespace: team-{team}\n  \
         labels:\n    app: web-{number}\nspec:\n  type: ClusterIP\n  clusterIP: {ip}\n  clusterIPs:\n  \
         - {ip}\n  ipFamilies:\n  - IPv4\n  internalTrafficPolicy: Cluster\n  selector:\n    \
         app: web-{number}\n  ports:\n  - name: http\n    port: 80\n    protocol: TCP\n    \
         targetPort: 8080\n---\n"
    );
    for slice in 0..2 {
        text += &format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  \
             name: service-{number}-{slice}\n  namespace: team-{team}\n  labels:\n    \
             kubernetes.io/service-name: service-{number}\naddressType: IPv4\nendpoints:\n"
        );
        for endpoint in 1..3 {
            text += &format!(
                "- addresses:\n  - 10.1.{}.{}\n  conditions:\n    ready: true\n    serving: true\n    \
                 terminating: false\n  nodeName: node-{}\n",
                number % 256,
                slice * 2 + endpoint,
                (number + endpoint) % 100,
            );
        }
        text += "ports:\n- name: http\n  port: 8080\n  protocol: TCP\n---\n";
    }
    text
}

/// Writes `services` Services with twice as many slices into `files` files.
pub(crate) fn large_folder(services: usize, files: usize) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for file in 0..files {
        let numbers = (file * services / files)..((file + 1) * services / files);
        let text: String = numbers.map(large_service).collect();
        write(dir.path(), &format!("team-{file:03}.yaml"), &text);
    }
    dir
}
