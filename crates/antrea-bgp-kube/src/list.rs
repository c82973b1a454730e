//! All objects of a kind: collected from a stream or from pages.

use std::collections::HashMap;

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_policy::Input;

use crate::decode::{Identity, Item};

/// What a list has brought so far.
pub(crate) struct Listing {
    items: Vec<Item>,
}

impl Listing {
    pub(crate) fn new() -> Self {
        Self { items: Vec::new() }
    }

    pub(crate) fn extend(&mut self, items: Vec<Item>) {
        if self.items.is_empty() {
            self.items = items;
        } else {
            self.items.extend(items);
        }
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// An object that came goes again, before the list is at its end.
    pub(crate) fn remove(&mut self, identity: &Identity) {
        let gone = &identity.object;
        self.items.retain(|item| item.identity.object != *gone);
    }

    /// The names of all objects that exist, with their UIDs.
    pub(crate) fn uids(&self) -> HashMap<ObjectRef, String> {
        let identities = self.items.iter().map(|item| &item.identity);
        identities
            .map(|identity| (identity.object.clone(), identity.uid.clone()))
            .collect()
    }

    /// As one input. Objects that the engine knows and that are not in it are gone.
    pub(crate) fn into_input(self, kind: Kind) -> Input {
        let (mut objects, mut invalid) = (Vec::with_capacity(self.items.len()), Vec::new());
        for item in self.items {
            match item.object {
                Ok(object) => objects.push(object),
                Err(object) => invalid.push(object),
            }
        }
        Input::Relisted {
            kind,
            objects,
            invalid,
        }
    }
}
