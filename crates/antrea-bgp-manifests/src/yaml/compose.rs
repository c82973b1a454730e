//! From parser events to documents, within bounds.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::entries::MERGE_KEY;
use super::{Document, Position, Slot, Value, scalar};

/// Nodes that aliases may add to a document. No manifest comes near; a "billion laughs" passes it
/// within a few lines. The nodes as written need no limit of their own: they are fewer than the
/// octets of the file, whose size is limited.
const MAX_ALIASED_NODES: u64 = 100_000;

/// Sequences and mappings within each other, aliases followed. Kubernetes' own schemas stay below
/// 50; everything that recurses over a document relies on this bound.
const MAX_DEPTH: u32 = 128;

/// Mappings up to this size are checked for duplicate keys by comparing each pair.
const SMALL_MAPPING: usize = 12;

/// Why a document is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) position: Position,
    pub(crate) message: String,
}

/// What came next in the text.
pub(crate) enum Next {
    /// A document, now in the table that was passed in.
    Document,
    /// A document that could not be read; the next one may be.
    Broken(SyntaxError),
    /// No more documents.
    End,
}

/// Reads one text document by document.
pub(crate) struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    failed: bool,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(text: &'a str) -> Composer<'a> {
        let options = granit_parser::options! { emit_comments: false };
        Composer {
            parser: Parser::new_from_str_with_options(text, options),
            failed: false,
        }
    }

    /// Reads the next document into `document`, replacing what it held.
    pub(crate) fn next(&mut self, document: &mut Document<'a>) -> Next {
        document.nodes.clear();
        document.duplicates.clear();
        match self.compose(document) {
            Ok(true) => Next::Document,
            Ok(false) => Next::End,
            Err(error) => {
                document.nodes.clear();
                self.failed = true;
                Next::Broken(error)
            }
        }
    }

    fn compose(&mut self, document: &mut Document<'a>) -> Result<bool, SyntaxError> {
        if std::mem::take(&mut self.failed) && !self.parser.proceed_next_document()? {
            return Ok(false);
        }
        let mut builder = Builder::new(document);
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event?;
            match event {
                Event::DocumentEnd => return Ok(true),
                Event::StreamEnd => return Ok(false),
                event => builder.add(event, &span)?,
            }
        }
        Ok(false)
    }
}

/// Puts the nodes of one document into its table.
struct Builder<'b, 'a> {
    document: &'b mut Document<'a>,
    open: Vec<Open>,
    /// Anchor to its node.
    anchors: HashMap<usize, u32>,
    /// Size and depth of anchored nodes, aliases followed.
    extents: HashMap<u32, Extent>,
    aliased: u64,
    /// Kept for its memory.
    keys: Vec<u32>,
}

/// A sequence or mapping whose end has not come yet.
struct Open {
    index: u32,
    mapping: bool,
    anchored: bool,
    children: u32,
    extent: Extent,
}

/// How much a node is when its aliases are followed.
#[derive(Clone, Copy)]
struct Extent {
    nodes: u64,
    depth: u32,
}

const SCALAR: Extent = Extent { nodes: 1, depth: 0 };

impl<'b, 'a> Builder<'b, 'a> {
    fn new(document: &'b mut Document<'a>) -> Builder<'b, 'a> {
        Builder {
            document,
            open: Vec::new(),
            anchors: HashMap::new(),
            extents: HashMap::new(),
            aliased: 0,
            keys: Vec::new(),
        }
    }

    fn add(&mut self, event: Event<'a>, span: &Span) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // JSON's keys are strings, and so a key is its text.
                let value = if self.expects_key() {
                    Value::String(text)
                } else {
                    scalar_value(text, style, tag.as_deref())
                };
                let index = self.push(value, span);
                self.define(anchor, index, SCALAR);
                self.count(SCALAR);
                Ok(())
            }
            Event::SequenceStart(_, anchor, _) => self.start(Value::Sequence, anchor, span),
            Event::MappingStart(_, anchor, _) => {
                self.start(Value::Mapping { plain: true }, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.finish(span);
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            // Stream and document starts; comments are not asked for.
            _ => Ok(()),
        }
    }

    /// Whether the next node is a key: in a mapping keys and values take turns.
    fn expects_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| open.mapping && open.children % 2 == 0)
    }

    fn push(&mut self, value: Value<'a>, span: &Span) -> u32 {
        let index = self.document.nodes.len() as u32;
        let text = (offset(&span.start), offset(&span.end));
        let position = position(&span.start);
        self.document.nodes.push(Slot {
            value,
            position,
            text,
            end: index + 1,
        });
        index
    }

    /// Adds a finished child to the innermost open node.
    fn count(&mut self, child: Extent) {
        if let Some(parent) = self.open.last_mut() {
            parent.children += 1;
            parent.extent.nodes = parent.extent.nodes.saturating_add(child.nodes);
            parent.extent.depth = parent.extent.depth.max(child.depth + 1);
        }
    }

    fn define(&mut self, anchor: usize, index: u32, extent: Extent) {
        if anchor != 0 {
            self.anchors.insert(anchor, index);
            self.extents.insert(index, extent);
        }
    }

    fn start(&mut self, value: Value<'a>, anchor: usize, span: &Span) -> Result<(), SyntaxError> {
        if self.expects_key() {
            return Err(error(&span.start, "a key has to be text"));
        }
        if self.open.len() >= MAX_DEPTH as usize {
            return Err(too_deep(&span.start));
        }
        let mapping = matches!(value, Value::Mapping { .. });
        let index = self.push(value, span);
        if anchor != 0 {
            self.anchors.insert(anchor, index);
        }
        self.open.push(Open {
            index,
            mapping,
            anchored: anchor != 0,
            children: 0,
            extent: SCALAR,
        });
        Ok(())
    }

    fn finish(&mut self, span: &Span) {
        let Some(open) = self.open.pop() else {
            return;
        };
        let end = self.document.nodes.len() as u32;
        let slot = &mut self.document.nodes[open.index as usize];
        slot.end = end;
        slot.text.1 = offset(&span.end);
        if open.mapping {
            self.check_keys(open.index);
        }
        if open.anchored {
            self.extents.insert(open.index, open.extent);
        }
        self.count(open.extent);
    }

    /// Notes duplicate keys, and whether the entries stand as written.
    fn check_keys(&mut self, mapping: u32) {
        self.keys.clear();
        let mut key = mapping + 1;
        while key < self.document.slot(mapping).end {
            self.keys.push(key);
            key = self.document.slot(key + 1).end;
        }
        let merges = self.keys.iter().any(|&key| self.text(key) == MERGE_KEY);
        let known = self.document.duplicates.len();
        if self.keys.len() <= SMALL_MAPPING {
            for (number, &key) in self.keys.iter().enumerate() {
                let text = self.text(key);
                if self.keys[..number]
                    .iter()
                    .any(|&earlier| self.text(earlier) == text)
                {
                    self.document.duplicates.push(key);
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(self.keys.len());
            let repeated: Vec<u32> = self
                .keys
                .iter()
                .copied()
                .filter(|&key| !seen.insert(self.text(key)))
                .collect();
            self.document.duplicates.extend(repeated);
        }
        if merges || self.document.duplicates.len() > known {
            self.document.nodes[mapping as usize].value = Value::Mapping { plain: false };
        }
    }

    fn text(&self, key: u32) -> &str {
        match &self.document.slot(key).value {
            Value::String(text) => text,
            _ => "",
        }
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), SyntaxError> {
        if self.expects_key() {
            return Err(error(&span.start, "a key has to be text, not an alias"));
        }
        // An anchor without an extent is a node that is still open: an alias within itself.
        let target = self.anchors.get(&anchor).copied();
        let Some((target, extent)) = target.and_then(|t| Some((t, *self.extents.get(&t)?))) else {
            return Err(error(
                &span.start,
                "an alias stands within the node that it repeats",
            ));
        };
        self.aliased = self.aliased.saturating_add(extent.nodes);
        if self.aliased > MAX_ALIASED_NODES {
            let message = format!("aliases expand to more than {MAX_ALIASED_NODES} nodes");
            return Err(error(&span.start, message));
        }
        if self.open.len() as u32 + extent.depth > MAX_DEPTH {
            return Err(too_deep(&span.start));
        }
        self.push(Value::Alias(target), span);
        self.count(extent);
        Ok(())
    }
}

/// The value of a scalar that is not a key.
fn scalar_value<'a>(text: Cow<'a, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value<'a> {
    match (tag.and_then(Tag::core_suffix), style) {
        (Some("null" | "bool" | "int" | "float"), _) => scalar::resolve(text),
        (None, ScalarStyle::Plain) if tag.is_none() => scalar::resolve(text),
        _ => Value::String(text),
    }
}

fn offset(marker: &Marker) -> u32 {
    // Parsers over a string know octets; the file's size limit keeps them within 32 bits.
    marker.byte_offset().unwrap_or_default() as u32
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line() as u32,
        column: marker.col() as u32 + 1,
    }
}

fn error(at: &Marker, message: impl Into<String>) -> SyntaxError {
    SyntaxError {
        position: position(at),
        message: message.into(),
    }
}

fn too_deep(at: &Marker) -> SyntaxError {
    error(at, format!("nested deeper than {MAX_DEPTH} levels"))
}

impl From<ScanError> for SyntaxError {
    fn from(scan: ScanError) -> SyntaxError {
        error(scan.marker(), scan.info())
    }
}
