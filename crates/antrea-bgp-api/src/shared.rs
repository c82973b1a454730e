//! Texts that very many objects have in common, kept once.

use std::cell::RefCell;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde::de::{self, Deserializer, Visitor};

/// More than most clusters have Nodes. With more texts than places some are kept twice, and nothing else changes.
const PLACES: usize = 4096;

thread_local! {
    /// The text last seen of those that share a place.
    static SEEN: RefCell<Vec<Option<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// A text; one that this thread saw before shares its memory.
fn shared(text: &str) -> Arc<str> {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let place = (hasher.finish() % PLACES as u64) as usize;
    SEEN.with_borrow_mut(|seen| {
        seen.resize(PLACES, None);
        match &mut seen[place] {
            Some(known) if **known == *text => Arc::clone(known),
            other => Arc::clone(other.insert(text.into())),
        }
    })
}

/// A shared text, or nothing.
pub(crate) fn optional<'de, D>(deserializer: D) -> Result<Option<Arc<str>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct OptionalVisitor;

    impl<'de> Visitor<'de> for OptionalVisitor {
        type Value = Option<Arc<str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_str(self)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(shared(text)))
        }
    }

    deserializer.deserialize_option(OptionalVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_memory_and_others_do_not() {
        let first = shared("node-a");
        let other = shared("node-b");
        let again = shared("node-a");
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!((&*first, &*other), ("node-a", "node-b"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let texts = (0..10 * PLACES).map(|i| format!("node-{i}"));
        texts.for_each(|text| assert_eq!(*shared(&text), *text));
        SEEN.with_borrow(|seen| assert_eq!(seen.len(), PLACES));
    }
}
