//! YAML as Kubernetes reads it: one pass over the text, every node with its place.
//!
//! A document becomes a flat table of nodes ([`Document`]), in the order of the text. Typed values
//! are decoded from it by serde ([`decode`](crate::yaml::decode)), unknown fields are found by
//! walking it, and its content is hashed from it, so the text is parsed exactly once and every
//! finding can name a line, a column and a field. The events come from `granit-parser`, the parser
//! below `serde-saphyr`; the table is what `serde-saphyr` has no room for, at half its time.

mod compose;
mod de;
mod entries;
mod scalar;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

pub(crate) use compose::{Composer, Next};
pub(crate) use de::{DecodeError, decode};
pub(crate) use entries::Entries;

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One document of a file, borrowing its text. The root is the first node.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    nodes: Vec<Slot<'a>>,
    duplicates: Vec<u32>,
}

/// A node's place in [`Document::nodes`]; the nodes below it follow it directly.
#[derive(Debug)]
struct Slot<'a> {
    value: Value<'a>,
    position: Position,
    /// Where its text begins and ends, in octets.
    text: (u32, u32),
    /// One past the last node below it.
    end: u32,
}

/// What a node holds, resolved to JSON's types as Kubernetes' own conversion does.
#[derive(Debug)]
enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Whole numbers above `i64::MAX`.
    Uint(u64),
    Float(f64),
    String(Cow<'a, str>),
    Sequence,
    /// Keys and values take turns. `plain`: no merge key and no duplicate, so they stand as written.
    Mapping {
        plain: bool,
    },
    /// The node that it repeats.
    Alias(u32),
}

/// A node of a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d, 'a> {
    document: &'d Document<'a>,
    index: u32,
}

/// A node by shape.
pub(crate) enum Shape<'d, 'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    String(&'d Cow<'a, str>),
    Sequence(Items<'d, 'a>),
    Mapping(Entries<'d, 'a>),
}

impl<'a> Document<'a> {
    /// The outermost node, unless the document is empty.
    pub(crate) fn root(&self) -> Option<Node<'_, 'a>> {
        (!self.nodes.is_empty()).then_some(Node {
            document: self,
            index: 0,
        })
    }

    fn slot(&self, index: u32) -> &Slot<'a> {
        &self.nodes[index as usize]
    }
}

impl<'d, 'a> Node<'d, 'a> {
    fn slot(self) -> &'d Slot<'a> {
        self.document.slot(self.index)
    }

    fn at(self, index: u32) -> Node<'d, 'a> {
        Node { index, ..self }
    }

    /// Where it stands; of an alias, where the alias stands.
    pub(crate) fn position(self) -> Position {
        self.slot().position
    }

    /// Length of its text in octets.
    pub(crate) fn text_len(self) -> usize {
        let (start, end) = self.slot().text;
        end.saturating_sub(start) as usize
    }

    /// What it holds; an alias holds what it repeats.
    pub(crate) fn shape(self) -> Shape<'d, 'a> {
        match &self.slot().value {
            Value::Null => Shape::Null,
            Value::Bool(value) => Shape::Bool(*value),
            Value::Int(value) => Shape::Int(*value),
            Value::Uint(value) => Shape::Uint(*value),
            Value::Float(value) => Shape::Float(*value),
            Value::String(value) => Shape::String(value),
            Value::Sequence => Shape::Sequence(Items {
                node: self.at(self.index + 1),
                end: self.slot().end,
            }),
            Value::Mapping { .. } => Shape::Mapping(Entries::of(self)),
            Value::Alias(target) => self.at(*target).shape(),
        }
    }

    /// Its text, if it is a string.
    pub(crate) fn as_str(self) -> Option<&'d str> {
        match self.shape() {
            Shape::String(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a key, if it is a mapping that has it.
    pub(crate) fn get(self, key: &str) -> Option<Node<'d, 'a>> {
        match self.shape() {
            Shape::Mapping(mut entries) => entries
                .find(|(candidate, _)| candidate.as_str() == Some(key))
                .map(|(_, v)| v),
            _ => None,
        }
    }

    /// Keys below this node that repeat an earlier key of their mapping: path and place.
    pub(crate) fn duplicate_keys(self) -> impl Iterator<Item = (String, Position)> {
        let end = self.slot().end;
        let inside = self
            .document
            .duplicates
            .iter()
            .filter(move |&&i| self.index < i && i < end);
        inside.map(move |&index| (self.path_to(index), self.document.slot(index).position))
    }

    /// The path from this node to a key below it.
    fn path_to(self, index: u32) -> String {
        let mut path = String::new();
        let mut container = self;
        while let Some(step) = container.step_towards(index, &mut path) {
            container = step;
        }
        path
    }

    /// Appends the step to the child that holds the node at `index`, and returns that child, or
    /// nothing if it is a key of this mapping.
    fn step_towards(self, index: u32, path: &mut String) -> Option<Node<'d, 'a>> {
        let mapping = matches!(self.slot().value, Value::Mapping { .. });
        let mut children = Items {
            node: self.at(self.index + 1),
            end: self.slot().end,
        }
        .enumerate();
        while let Some((number, child)) = children.next() {
            if !mapping {
                if index < child.slot().end {
                    push_index(path, number);
                    return Some(child);
                }
                continue;
            }
            let value = children.next().map(|(_, value)| value)?;
            if index < value.slot().end {
                push_key(path, child.as_str().unwrap_or_default());
                return (index >= value.index).then_some(value);
            }
        }
        None
    }
}

/// Content only: two nodes that differ in layout, or in what is an alias and what is written out,
/// hash alike.
impl Hash for Node<'_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.shape() {
            Shape::Null => state.write_u8(0),
            Shape::Bool(value) => state.write_u8(1 + u8::from(value)),
            Shape::Int(value) => {
                state.write_u8(3);
                state.write_i64(value);
            }
            Shape::Uint(value) => {
                state.write_u8(4);
                state.write_u64(value);
            }
            Shape::Float(value) => {
                state.write_u8(5);
                state.write_u64(value.to_bits());
            }
            Shape::String(value) => {
                state.write_u8(6);
                value.hash(state);
            }
            Shape::Sequence(items) => {
                state.write_u8(7);
                items.for_each(|item| item.hash(state));
                state.write_u8(8);
            }
            Shape::Mapping(entries) => {
                state.write_u8(9);
                entries.for_each(|entry| entry.hash(state));
                state.write_u8(10);
            }
        }
    }
}

/// The children of a node, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Items<'d, 'a> {
    node: Node<'d, 'a>,
    end: u32,
}

impl<'d, 'a> Iterator for Items<'d, 'a> {
    type Item = Node<'d, 'a>;

    fn next(&mut self) -> Option<Node<'d, 'a>> {
        (self.node.index < self.end).then(|| {
            let item = self.node;
            self.node = item.at(item.slot().end);
            item
        })
    }
}

/// Appends `.key`, or `[key]` where the key has dots or slashes of its own (labels, annotations).
pub(crate) fn push_key(path: &mut String, key: &str) {
    if key.contains(['.', '/', '[']) {
        path.push('[');
        path.push_str(key);
        path.push(']');
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// Appends `[index]`.
pub(crate) fn push_index(path: &mut String, index: usize) {
    path.push('[');
    path.push_str(&index.to_string());
    path.push(']');
}
