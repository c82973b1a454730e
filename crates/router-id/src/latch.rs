//! A router ID that, once selected, stays.

use std::net::Ipv4Addr;

use crate::{NodeFacts, Source, parse, select};

/// The router ID of one Node over time.
///
/// It is selected once and then latched: a Node whose address changes keeps its router ID, since a
/// new one would restart every session. Only the annotation moves it:
///
/// - a valid other value replaces it;
/// - its removal selects anew, but only after it was seen to hold the latched value. Before that it
///   is merely not written yet;
/// - an invalid value is overwritten with the latched one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterId {
    latched: Option<Latched>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Latched {
    id: Ipv4Addr,
    source: Source,
    /// The annotation was seen to hold `id`, so its absence means that someone removed it.
    written: bool,
}

/// What came of looking at the Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// The router ID to use.
    pub id: Ipv4Addr,
    /// Where it came from.
    pub source: Source,
    /// Whether it is another one than before; true at first too.
    pub changed: bool,
    /// What to write to the annotation, which holds something else. It need not be awaited. It is
    /// asked for on every look until it is there.
    pub write_back: Option<Ipv4Addr>,
    /// The annotation held something that is no router ID: tell someone.
    pub invalid_annotation: bool,
}

impl RouterId {
    /// One that was selected before, as if by this value. `written` says whether the annotation was
    /// seen to hold it since, so that its absence means that someone removed it. Its source is
    /// [`Source::Annotation`], as for a process that starts again and reads it there.
    #[must_use]
    pub const fn resumed(id: Ipv4Addr, written: bool) -> Self {
        Self {
            latched: Some(Latched {
                id,
                source: Source::Annotation,
                written,
            }),
        }
    }

    /// The latched router ID, if there is one yet.
    #[must_use]
    pub fn get(&self) -> Option<Ipv4Addr> {
        self.latched.map(|latched| latched.id)
    }

    /// Looks at the Node, at first and whenever it has changed.
    pub fn observe(&mut self, node: &NodeFacts<'_>) -> Outcome {
        let annotation = node.annotation.map(parse);
        let before = self.get();
        let latched = match (self.latched, annotation) {
            (_, Some(Ok(id))) => {
                let source = match self.latched {
                    // Our own value, read back: it still came from where it was selected.
                    Some(latched) if latched.id == id => latched.source,
                    _ => Source::Annotation,
                };
                Latched {
                    id,
                    source,
                    written: true,
                }
            }
            (None, _) | (Some(Latched { written: true, .. }), None) => {
                let (id, source) = select(node);
                Latched {
                    id,
                    source,
                    written: false,
                }
            }
            // Invalid, hence to be overwritten: an absence before that is not a removal.
            (Some(latched), Some(Err(_))) => Latched {
                written: false,
                ..latched
            },
            (Some(latched), None) => latched,
        };
        self.latched = Some(latched);
        Outcome {
            id: latched.id,
            source: latched.source,
            changed: before != Some(latched.id),
            write_back: (annotation != Some(Ok(latched.id))).then_some(latched.id),
            invalid_annotation: matches!(annotation, Some(Err(_))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
    const CHOSEN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const NODE: NodeFacts<'_> = NodeFacts {
        name: "local",
        annotation: None,
        ipv4: Some(ADDRESS),
    };

    fn annotated(value: &str) -> NodeFacts<'_> {
        NodeFacts {
            annotation: Some(value),
            ..NODE
        }
    }

    /// A Node whose address was selected and written back.
    fn latched() -> RouterId {
        let mut router_id = RouterId::default();
        let first = router_id.observe(&NODE);
        assert_eq!((first.id, first.write_back), (ADDRESS, Some(ADDRESS)));
        assert_eq!(router_id.observe(&annotated("192.0.2.7")).write_back, None);
        router_id
    }

    #[test]
    fn scenario_23_another_annotation_replaces_the_router_id() {
        let outcome = latched().observe(&annotated("10.0.0.1"));
        assert!(outcome.changed);
        assert_eq!((outcome.id, outcome.source), (CHOSEN, Source::Annotation));
        assert_eq!(outcome.write_back, None);
    }

    #[test]
    fn scenario_24_a_removed_annotation_selects_anew_and_is_written_back() {
        let mut router_id = latched();
        let _ = router_id.observe(&annotated("10.0.0.1"));
        let outcome = router_id.observe(&NODE);
        assert_eq!((outcome.id, outcome.source), (ADDRESS, Source::NodeAddress));
        assert_eq!(outcome.write_back, Some(ADDRESS));
        assert!(outcome.changed);
    }

    #[test]
    fn scenario_25_an_ipv6_only_node_named_local() {
        let node = NodeFacts { ipv4: None, ..NODE };
        let outcome = RouterId::default().observe(&node);
        let expected = Ipv4Addr::new(156, 67, 103, 8);
        assert_eq!((outcome.id, outcome.source), (expected, Source::NodeName));
        assert_eq!(outcome.write_back, Some(expected));
    }

    #[test]
    fn scenario_26_an_invalid_or_zero_annotation_is_replaced_and_reported() {
        for text in ["0.0.0.0", "router-1", "2001:db8::1", ""] {
            let fresh = RouterId::default().observe(&annotated(text));
            let running = latched().observe(&annotated(text));
            for outcome in [fresh, running] {
                assert_eq!(outcome.id, ADDRESS, "{text:?}");
                assert_eq!(outcome.write_back, Some(ADDRESS), "{text:?}");
                assert!(outcome.invalid_annotation, "{text:?}");
            }
            assert!(!running.changed, "{text:?}");
        }
    }

    #[test]
    fn scenario_26_the_replacement_survives_a_look_before_it_is_written() {
        let mut router_id = latched();
        let _ = router_id.observe(&annotated("10.0.0.1"));
        let _ = router_id.observe(&annotated("nonsense"));
        // Not a removal: the value that was seen last was not ours.
        assert_eq!(router_id.observe(&NODE).id, CHOSEN);
    }

    #[test]
    fn scenario_27_a_later_node_address_does_not_move_it() {
        let mut router_id = latched();
        let moved = NodeFacts {
            ipv4: Some(Ipv4Addr::new(198, 51, 100, 1)),
            ..annotated("192.0.2.7")
        };
        let outcome = router_id.observe(&moved);
        assert_eq!((outcome.id, outcome.changed), (ADDRESS, false));
        assert_eq!(outcome.write_back, None);
    }

    #[test]
    fn scenario_71_an_annotation_not_yet_written_is_no_removed_one() {
        let mut router_id = RouterId::default();
        let _ = router_id.observe(&NODE);
        let moved = NodeFacts {
            ipv4: Some(Ipv4Addr::new(198, 51, 100, 1)),
            ..NODE
        };
        let outcome = router_id.observe(&moved);
        assert_eq!((outcome.id, outcome.changed), (ADDRESS, false));
        assert_eq!(
            outcome.write_back,
            Some(ADDRESS),
            "asked for until it is there"
        );
    }

    #[test]
    fn a_resumed_router_id_stays_and_goes_as_the_one_before_would() {
        let resumed = |written: bool| RouterId::resumed(CHOSEN, written);
        for written in [true, false] {
            assert_eq!(resumed(written).get(), Some(CHOSEN));
            assert_eq!(resumed(written).observe(&annotated("nonsense")).id, CHOSEN);
            assert!(!resumed(written).observe(&annotated("10.0.0.1")).changed);
            let other = resumed(written).observe(&annotated("10.0.0.2"));
            assert_eq!(other.id, Ipv4Addr::new(10, 0, 0, 2));
        }
        assert_eq!(resumed(false).observe(&NODE).id, CHOSEN);
        assert_eq!(resumed(true).observe(&NODE).id, ADDRESS);
    }

    #[test]
    fn a_router_id_that_is_only_read_back_keeps_its_source() {
        let mut router_id = latched();
        assert_eq!(
            router_id.observe(&annotated("192.0.2.7")).source,
            Source::NodeAddress
        );
    }
}
