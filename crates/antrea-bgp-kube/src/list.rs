//! All objects of a kind: collected from a stream or from pages.

use std::collections::HashMap;

use antrea_bgp_api::{Kind, Object, ObjectRef};
use antrea_bgp_policy::{Input, InvalidObject};

use crate::cluster::is_told_about;
use crate::decode::Item;

/// What a list has brought so far. There can be very many, so nothing else of them is kept.
#[derive(Default)]
pub(crate) struct Listing {
    objects: Vec<Object>,
    invalid: Vec<InvalidObject>,
    /// Of the kinds that Events are about.
    uids: HashMap<ObjectRef, String>,
}

impl Listing {
    pub(crate) fn push(&mut self, item: Item) {
        match item.object {
            Ok(object) => self.objects.push(object),
            Err(invalid) => self.invalid.push(invalid),
        }
        if is_told_about(item.identity.object.kind) {
            self.uids.insert(item.identity.object, item.identity.uid);
        }
    }

    /// An object that came goes again, before the list is at its end.
    pub(crate) fn remove(&mut self, gone: &ObjectRef) {
        self.objects.retain(|object| object.object_ref() != *gone);
        self.invalid.retain(|invalid| invalid.object != *gone);
        self.uids.remove(gone);
    }

    /// As one input, and the UIDs. Objects that the engine knows and that are not in it are gone.
    pub(crate) fn into_input(self, kind: Kind) -> (Input, HashMap<ObjectRef, String>) {
        let input = Input::Relisted {
            kind,
            objects: self.objects,
            invalid: self.invalid,
        };
        (input, self.uids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Event, event};

    #[test]
    fn what_goes_while_a_list_is_streaming_is_not_in_it() {
        let mut listing = Listing::default();
        let mut take = |line: &str| match event(Kind::Node, line.as_bytes()) {
            Ok(Event::Applied(item)) => listing.push(item),
            Ok(Event::Deleted(identity)) => listing.remove(&identity.object),
            _ => panic!("{line}"),
        };
        let line = |event, name, version| {
            format!(
                r#"{{"type":"{event}","object":{{"metadata":{{
                    "name":"{name}","uid":"u-{name}","resourceVersion":"{version}"}}}}}}"#
            )
        };
        take(&line("ADDED", "a", 1));
        take(&line("ADDED", "b", 2));
        take(&line("DELETED", "a", 3));
        let (input, uids) = listing.into_input(Kind::Node);
        let Input::Relisted { objects, .. } = input else {
            panic!("{input:?}");
        };
        let b = ObjectRef::cluster(Kind::Node, "b");
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].object_ref(), b);
        assert_eq!(uids, HashMap::from([(b, "u-b".to_owned())]));
    }
}
