//! Events as objects of `events.k8s.io/v1`.

use antrea_bgp_api::Timestamp;
use serde_json::{Value, json};

use super::Event;

/// Who reports, in `reportingController`.
const CONTROLLER: &str = "antrea-bgp-agent";

/// Where Events about cluster-scoped objects are.
pub(super) const NAMESPACE: &str = "default";

/// Without a query.
pub(super) const PATH: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

/// The API server's limits, in octets.
const LONGEST_NOTE: usize = 1024;
const LONGEST_WORD: usize = 128;

/// A name that no other Event has; or, for what all agents write alike, the name that all choose,
/// so that only the first of them writes.
pub(super) fn name(event: &Event, node: &str, now: Timestamp) -> String {
    let hash = fingerprint(event);
    // Names are DNS subdomains of at most 253 octets.
    let stem = |name: &str| cut(name, 200).trim_end_matches(['.', '-']).to_owned();
    if event.is_shared() {
        format!("{}.{hash:016x}", stem(&event.object.name))
    } else {
        let when = now.as_microsecond();
        format!("{}.{hash:016x}.{when:x}", stem(node))
    }
}

/// FNV-1a 64 of all that distinguishes an Event: the same in all agents, whatever their version
/// of Rust.
fn fingerprint(event: &Event) -> u64 {
    let object = event.object.to_string();
    let parts = [
        object.as_str(),
        event.event_type.as_str(),
        &event.reason,
        &event.note,
    ];
    // Separated by an octet that UTF-8 never has.
    let octets = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A new Event. `left_out` similar ones were not written.
pub(super) fn new(
    event: &Event,
    name: &str,
    node: &str,
    uid: Option<&str>,
    now: Timestamp,
    left_out: u32,
) -> Value {
    let mut regarding = json!({
        "apiVersion": event.object.kind.api_version(),
        "kind": event.object.kind.as_str(),
        "name": event.object.name,
    });
    if let Some(uid) = uid {
        regarding["uid"] = json!(uid);
    }
    let note = match left_out {
        0 => cut(&event.note, LONGEST_NOTE).to_owned(),
        n => {
            let suffix = format!(" ({n} more like it were left out before)");
            let room = LONGEST_NOTE - suffix.len();
            format!("{}{suffix}", cut(&event.note, room))
        }
    };
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "eventTime": micro_time(now),
        "reportingController": CONTROLLER,
        "reportingInstance": cut(node, LONGEST_WORD),
        "action": "BGP",
        "reason": cut(&event.reason, LONGEST_WORD),
        "regarding": regarding,
        "note": note,
        "type": event.event_type.as_str(),
    })
}

/// A patch that says how often an Event has happened by now.
pub(super) fn series(count: u32, last: Timestamp) -> Value {
    json!({ "series": { "count": count, "lastObservedTime": micro_time(last) } })
}

/// Kubernetes' MicroTime takes exactly six digits.
fn micro_time(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// At most so many octets of a text.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use antrea_bgp_api::{Kind, ObjectRef};

    use super::*;
    use crate::EventType;

    fn about(kind: Kind, name: &str) -> Event {
        Event {
            object: ObjectRef::cluster(kind, name),
            event_type: EventType::Warning,
            reason: "InvalidElement".to_owned(),
            note: "spec.bgpPeers[0]: …".to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("it is in range")
    }

    #[test]
    fn all_agents_give_one_name_to_what_they_all_see() {
        let event = about(Kind::BgpPolicy, "edge");
        let name_of = |node, second| name(&event, node, at(second));
        assert_eq!(name_of("node-a", 1), name_of("node-b", 2));
        let event = about(Kind::Node, "node-a");
        assert_ne!(name(&event, "node-a", at(1)), name(&event, "node-a", at(2)));
    }

    #[test]
    fn texts_are_cut_to_what_the_api_server_takes() {
        let mut event = about(Kind::Node, "node-a");
        event.note = "é".repeat(2000);
        let object = new(&event, "n", "node-a", None, at(1), 7);
        let note = object["note"].as_str().expect("it is text");
        assert!(note.len() <= 1024 && note.ends_with("(7 more like it were left out before)"));
        event.object.name = format!("{}.", "a".repeat(199));
        assert!(name(&event, &"n.".repeat(120), at(1)).len() <= 253);
    }

    #[test]
    fn times_have_six_digits() {
        let object = new(&about(Kind::Node, "n"), "n", "n", Some("u"), at(0), 0);
        assert_eq!(object["eventTime"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(object["regarding"]["uid"], "u");
    }
}
