//! The entries of a mapping as they count: merge keys expanded, of duplicate keys the last.

use std::collections::HashMap;
use std::vec;

use super::{Items, Node, Shape, Value};

/// The key that merges other mappings into this one (YAML 1.1, still common in manifests).
pub(super) const MERGE_KEY: &str = "<<";

type Entry<'d, 'a> = (Node<'d, 'a>, Node<'d, 'a>);

/// Key and value pairs of a mapping. Explicit keys win over merged ones, earlier merge sources
/// over later ones, and of duplicate keys the last one wins, as in Kubernetes' own conversion.
pub(crate) enum Entries<'d, 'a> {
    /// As written.
    Plain(Items<'d, 'a>),
    /// A mapping with merge keys or duplicates.
    Resolved(vec::IntoIter<Entry<'d, 'a>>),
}

impl<'d, 'a> Entries<'d, 'a> {
    pub(super) fn of(mapping: Node<'d, 'a>) -> Entries<'d, 'a> {
        match mapping.slot().value {
            Value::Mapping { plain: true } => Entries::Plain(children(mapping)),
            _ => Entries::Resolved(resolve(mapping).into_iter()),
        }
    }
}

impl<'d, 'a> Iterator for Entries<'d, 'a> {
    type Item = Entry<'d, 'a>;

    fn next(&mut self) -> Option<Entry<'d, 'a>> {
        match self {
            Entries::Plain(children) => Some((children.next()?, children.next()?)),
            Entries::Resolved(entries) => entries.next(),
        }
    }
}

fn children<'d, 'a>(mapping: Node<'d, 'a>) -> Items<'d, 'a> {
    Items {
        node: mapping.at(mapping.index + 1),
        end: mapping.slot().end,
    }
}

fn resolve<'d, 'a>(mapping: Node<'d, 'a>) -> Vec<Entry<'d, 'a>> {
    let mut entries: Vec<Entry<'d, 'a>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut sources = Vec::new();
    for (key, value) in Entries::Plain(children(mapping)) {
        let name = key.as_str().unwrap_or_default();
        if name == MERGE_KEY {
            sources.push(value);
        } else if let Some(&place) = places.get(name) {
            entries[place] = (key, value);
        } else {
            places.insert(name, entries.len());
            entries.push((key, value));
        }
    }
    for (key, value) in sources.into_iter().flat_map(merged) {
        if let Some(name) = key.as_str()
            && !places.contains_key(name)
        {
            places.insert(name, entries.len());
            entries.push((key, value));
        }
    }
    entries
}

/// The entries that a merge key's value brings: of one mapping, or of several in a sequence.
fn merged<'d, 'a>(source: Node<'d, 'a>) -> Vec<Entry<'d, 'a>> {
    match source.shape() {
        Shape::Mapping(entries) => entries.collect(),
        Shape::Sequence(items) => items.flat_map(merged).collect(),
        _ => Vec::new(),
    }
}
