//! Words that a field may have one of. An API server refuses others; here they are reported, and
//! the object counts as if they were not there.

use antrea_bgp_api::Kind;

use crate::yaml::{Node, Position, Shape, push_index};

/// A field whose value is one of a few words.
struct Field {
    kind: Kind,
    /// From the object down; `[]` is every item of a list.
    path: &'static [&'static str],
    words: &'static [&'static str],
    /// What becomes of another word.
    otherwise: &'static str,
}

const TRAFFIC_POLICIES: &[&str] = &["Cluster", "Local"];

const FIELDS: [Field; 5] = [
    Field {
        kind: Kind::Service,
        path: &["spec", "type"],
        words: &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        otherwise: "it counts as ClusterIP",
    },
    Field {
        kind: Kind::Service,
        path: &["spec", "internalTrafficPolicy"],
        words: TRAFFIC_POLICIES,
        otherwise: "it counts as Cluster",
    },
    Field {
        kind: Kind::Service,
        path: &["spec", "externalTrafficPolicy"],
        words: TRAFFIC_POLICIES,
        otherwise: "it counts as Cluster",
    },
    Field {
        kind: Kind::Service,
        path: &["status", "loadBalancer", "ingress", "[]", "ipMode"],
        words: &["VIP", "Proxy"],
        otherwise: "it counts as VIP",
    },
    Field {
        kind: Kind::EndpointSlice,
        path: &["addressType"],
        words: &["IPv4", "IPv6", "FQDN"],
        otherwise: "the slice counts for nothing",
    },
];

/// What is none of the words that its field may have: path, place, and what to say.
pub(crate) fn unknown(kind: Kind, object: Node<'_, '_>) -> Vec<(String, Position, String)> {
    let mut found = Vec::new();
    for field in FIELDS.iter().filter(|field| field.kind == kind) {
        visit(field, object, field.path, String::new(), &mut found);
    }
    found
}

fn visit(
    field: &Field,
    node: Node<'_, '_>,
    rest: &[&str],
    path: String,
    found: &mut Vec<(String, Position, String)>,
) {
    match rest {
        [] => {
            // What is no text at all does not decode, which is reported elsewhere.
            let word = node.as_str().filter(|word| !word.is_empty());
            if let Some(word) = word.filter(|word| !field.words.contains(word)) {
                let words = field.words.join(", ");
                let message = format!("{word:?} is none of {words}; {}", field.otherwise);
                found.push((path, node.position(), message));
            }
        }
        ["[]", rest @ ..] => {
            if let Shape::Sequence(items) = node.shape() {
                for (index, item) in items.enumerate() {
                    let mut path = path.clone();
                    push_index(&mut path, index);
                    visit(field, item, rest, path, found);
                }
            }
        }
        [key, rest @ ..] => {
            if let Some(value) = node.get(key) {
                let dot = if path.is_empty() { "" } else { "." };
                visit(field, value, rest, format!("{path}{dot}{key}"), found);
            }
        }
    }
}
