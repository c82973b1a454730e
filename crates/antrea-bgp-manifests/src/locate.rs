//! Where an object, or a field of it, stands in the files: for findings that only come up once the
//! objects have been decoded and judged.

use std::path::{Path, PathBuf};

use antrea_bgp_api::{Kind, ObjectRef};

use crate::diagnostic::Position;
use crate::scan;
use crate::yaml::{Composer, Document, Next, Node, Shape, push_index, push_key};

/// A place in a folder: the file, below the folder as it was named, and the place in the file.
pub type Place = (PathBuf, Position);

/// Finds objects and fields in a folder by reading its files again. The answers have the order of
/// the questions; an object that no file holds any more has no place.
///
/// A field that the manifest leaves out stands where the innermost field around it does. Of an
/// object that several files hold, the first by path counts.
#[must_use]
pub fn locate(dir: &Path, wanted: &[(&ObjectRef, Option<&str>)]) -> Vec<Option<Place>> {
    let mut places: Vec<Option<Place>> = vec![None; wanted.len()];
    let Ok(listing) = scan::list(dir) else {
        return places;
    };
    for path in listing.files.keys() {
        if places.iter().all(Option::is_some) {
            break;
        }
        let file = dir.join(path);
        let Ok(octets) = scan::read(&file) else {
            continue;
        };
        let Ok(text) = std::str::from_utf8(&octets) else {
            continue;
        };
        each_object(text, |object| {
            for (place, (name, field)) in places.iter_mut().zip(wanted) {
                if place.is_none() && is_named(object, name) {
                    let position = field.map_or(object.position(), |field| match name.kind {
                        Kind::Secret => entry_at(object, field),
                        _ => field_at(object, field),
                    });
                    *place = Some((file.clone(), position));
                }
            }
        });
    }
    places
}

/// Calls `visit` with every object, those in lists too.
fn each_object(text: &str, mut visit: impl FnMut(Node<'_, '_>)) {
    let mut composer = Composer::new(text);
    let mut document = Document::default();
    loop {
        match composer.next(&mut document) {
            Next::Document => {
                if let Some(root) = document.root() {
                    each_below(root, &mut visit);
                }
            }
            // Findings are about objects that were read, so the document before it may be the one.
            Next::Broken(_) => {}
            Next::End => return,
        }
    }
}

fn each_below(node: Node<'_, '_>, visit: &mut impl FnMut(Node<'_, '_>)) {
    match node.get("items").map(Node::shape) {
        Some(Shape::Sequence(items)) => items.for_each(|item| each_below(item, visit)),
        _ => visit(node),
    }
}

fn is_named(node: Node<'_, '_>, object: &ObjectRef) -> bool {
    let metadata = |key| {
        node.get("metadata")
            .and_then(|m| m.get(key))
            .and_then(Node::as_str)
    };
    let namespace = || {
        metadata("namespace")
            .filter(|n| !n.is_empty())
            .unwrap_or("default")
    };
    metadata("name") == Some(&object.name)
        && is_of_kind(node, object.kind)
        && object
            .namespace
            .as_deref()
            .is_none_or(|wanted| wanted == namespace())
}

/// The items of a `ServiceList` need not name their kind.
fn is_of_kind(node: Node<'_, '_>, kind: Kind) -> bool {
    node.get("kind")
        .and_then(Node::as_str)
        .is_none_or(|named| named == kind.as_str())
}

/// Where the entry of a Secret with this key stands, which may itself have dots; the Secret if it has none.
fn entry_at(secret: Node<'_, '_>, key: &str) -> Position {
    let entry = |map| secret.get(map).and_then(|entries| entries.get(key));
    let found = entry("stringData").or_else(|| entry("data"));
    found.unwrap_or(secret).position()
}

/// Where the field at this path stands, or the innermost one around it that is there.
fn field_at(object: Node<'_, '_>, field: &str) -> Position {
    let mut found = object;
    let mut path = String::new();
    while let Some((step, node)) = step_towards(found, &path, field) {
        (path, found) = (step, node);
    }
    found.position()
}

/// The child of `node`, which is at `path`, that is at `field` or around it.
fn step_towards<'d, 'a>(
    node: Node<'d, 'a>,
    path: &str,
    field: &str,
) -> Option<(String, Node<'d, 'a>)> {
    let leads_there = |step: &String| {
        let rest = field.strip_prefix(step.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let below = |push: &dyn Fn(&mut String)| {
        let mut step = path.to_owned();
        push(&mut step);
        step
    };
    match node.shape() {
        Shape::Mapping(entries) => entries
            .map(|(key, value)| {
                (
                    below(&|s| push_key(s, key.as_str().unwrap_or_default())),
                    value,
                )
            })
            .find(|(step, _)| leads_there(step)),
        Shape::Sequence(items) => items
            .enumerate()
            .map(|(index, item)| (below(&|s| push_index(s, index)), item))
            .find(|(step, _)| leads_there(step)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "\
apiVersion: v1
kind: List
items:
  - apiVersion: crd.antrea.io/v1alpha1
    kind: BGPPolicy
    metadata: { name: edge }
    spec:
      nodeSelector:
        matchLabels: { example.com/bgp: \"!\" }
      bgpPeers:
        - address: 192.0.2.1
          asn: 0
";

    fn line(field: &str) -> (u32, u32) {
        let mut found = None;
        each_object(POLICY, |object| {
            assert!(is_named(
                object,
                &ObjectRef::cluster(Kind::BgpPolicy, "edge")
            ));
            let position = field_at(object, field);
            found = Some((position.line, position.column));
        });
        found.expect("one object")
    }

    #[test]
    fn a_field_is_found_by_its_path() {
        assert_eq!(line("spec.bgpPeers[0].asn"), (12, 16));
        assert_eq!(
            line("spec.nodeSelector.matchLabels[example.com/bgp]"),
            (9, 41)
        );
    }

    #[test]
    fn a_field_that_is_not_there_stands_where_its_surroundings_do() {
        assert_eq!(line("spec.bgpPeers[0].address.zone"), (11, 20));
        assert_eq!(line("spec.bgpPeers[0].port"), line("spec.bgpPeers[0]"));
        assert_eq!(line("status"), (4, 5));
    }
}
