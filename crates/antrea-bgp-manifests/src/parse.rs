//! From the text of one file to its objects.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use antrea_bgp_api::{Kind, Object, ObjectRef, Timestamp};

use crate::diagnostic::{Diagnostic, Position, Problem, Severity};
use crate::fields;
use crate::values;
use crate::yaml::{Composer, DecodeError, Document, Next, Node, Shape, decode};

/// Octets of text from which on an object is refused. The API server would refuse it too (etcd
/// takes 1.5 MiB, and stores what is written without the luxury of YAML).
pub(crate) const MAX_OBJECT: usize = 1 << 20;

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// Its objects, in order.
    pub(crate) objects: Vec<Found>,
    /// What there is to say about it.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Some document of it is not YAML.
    pub(crate) broken: bool,
}

/// An object in a file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) object: ObjectRef,
    pub(crate) position: Position,
    /// Of its content; layout does not matter.
    pub(crate) hash: u64,
    pub(crate) content: Result<Object, Invalid>,
}

/// An object that does not decode.
#[derive(Clone, Debug)]
pub(crate) struct Invalid {
    pub(crate) reason: String,
    pub(crate) created: Option<Timestamp>,
}

/// Reads a file's text. `file` is only for diagnostics.
pub(crate) fn parse(file: &Path, text: &str) -> Parsed {
    let mut reader = Reader {
        file,
        parsed: Parsed::default(),
        unread: BTreeMap::new(),
    };
    let mut composer = Composer::new(text);
    let mut document = Document::default();
    loop {
        match composer.next(&mut document) {
            Next::Document => {
                if let Some(root) = document.root() {
                    reader.document(root);
                }
            }
            Next::Broken(error) => {
                reader.parsed.broken = true;
                reader.report(
                    reader
                        .error(
                            Problem::Syntax,
                            format!("not valid YAML: {}", error.message),
                        )
                        .at(error.position),
                );
            }
            Next::End => break,
        }
    }
    reader.finish()
}

struct Reader<'f> {
    file: &'f Path,
    parsed: Parsed,
    /// Kinds that are not read: where the first stands, and how many there are.
    unread: BTreeMap<(String, String), (Position, usize)>,
}

/// `apiVersion` and `kind`.
#[derive(Clone, Copy)]
struct TypeMeta<'t> {
    api_version: Option<&'t str>,
    kind: Option<&'t str>,
}

impl Reader<'_> {
    fn document(&mut self, root: Node<'_, '_>) {
        // An empty document, such as after a last `---`.
        if !matches!(root.shape(), Shape::Null) {
            self.node(
                root,
                TypeMeta {
                    api_version: None,
                    kind: None,
                },
            );
        }
    }

    /// Reads an object or a list of them. `of_list` is what the list around it says its items are.
    fn node(&mut self, node: Node<'_, '_>, of_list: TypeMeta<'_>) {
        if !matches!(node.shape(), Shape::Mapping(_)) {
            let message = "a document has to be a mapping with apiVersion, kind and metadata";
            return self.report(
                self.error(Problem::NotAnObject, message)
                    .at(node.position()),
            );
        }
        let text = |key| node.get(key).and_then(Node::as_str);
        let meta = TypeMeta {
            api_version: text("apiVersion").or(of_list.api_version),
            kind: text("kind").or(of_list.kind),
        };
        let Some(kind) = meta.kind else {
            let error = self.error(
                Problem::NotAnObject,
                "the object has no kind, or one that is no text",
            );
            return self.report(error.at(node.position()).field("kind"));
        };
        match (kind.strip_suffix("List"), node.get("items")) {
            (Some(item_kind), Some(items)) => self.list(items, meta, item_kind),
            _ => self.object(node, kind, meta.api_version),
        }
    }

    /// A `List`, which names each item's kind, or a `ServiceList` and the like, which may not.
    fn list(&mut self, items: Node<'_, '_>, meta: TypeMeta<'_>, item_kind: &str) {
        let of_list = match item_kind {
            "" => TypeMeta {
                api_version: None,
                kind: None,
            },
            kind => TypeMeta {
                api_version: meta.api_version,
                kind: Some(kind),
            },
        };
        match items.shape() {
            Shape::Sequence(items) => items.for_each(|item| self.node(item, of_list)),
            Shape::Null => {}
            _ => {
                let error = self.error(
                    Problem::NotAnObject,
                    "the items of a list have to be a list",
                );
                self.report(error.at(items.position()).field("items"));
            }
        }
    }

    fn object(&mut self, node: Node<'_, '_>, kind: &str, api_version: Option<&str>) {
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else {
            return self.unread(node, kind, api_version);
        };
        let wrong_version = api_version != Some(kind.api_version());
        if wrong_version && api_version.is_some_and(|version| is_other_group(kind, version)) {
            // A kind of the same name that belongs to someone else, such as Knative's Service.
            return self.foreign(node, kind, api_version.unwrap_or_default());
        }
        let Some(object) = self.object_ref(node, kind) else {
            return;
        };
        let found = Found {
            position: node.position(),
            hash: hash(node),
            content: if wrong_version {
                Err(self.wrong_version(node, &object, api_version))
            } else {
                self.decode(node, &object)
            },
            object,
        };
        self.parsed.objects.push(found);
    }

    fn unread(&mut self, node: Node<'_, '_>, kind: &str, api_version: Option<&str>) {
        let key = (api_version.unwrap_or_default().to_owned(), kind.to_owned());
        self.unread.entry(key).or_insert((node.position(), 0)).1 += 1;
    }

    fn foreign(&mut self, node: Node<'_, '_>, kind: Kind, api_version: &str) {
        let message = format!(
            "{kind} of {api_version} is not the {kind} of {} and is not read",
            kind.api_version()
        );
        let diagnostic = Diagnostic::new(
            self.file,
            Severity::Warning,
            Problem::WrongApiVersion,
            message,
        );
        let position = node.get("apiVersion").unwrap_or(node).position();
        self.report(diagnostic.at(position).field("apiVersion"));
    }

    /// The object's name, or an error.
    fn object_ref(&mut self, node: Node<'_, '_>, kind: Kind) -> Option<ObjectRef> {
        let metadata = node.get("metadata");
        let field = |key| metadata.and_then(|metadata| metadata.get(key));
        let text = |key| {
            field(key)
                .and_then(Node::as_str)
                .filter(|text| !text.is_empty())
        };
        let Some(name) = text("name") else {
            let (place, message) = match field("name") {
                // Such as `n`, which YAML 1.1 and Kubernetes take for false.
                Some(name) if name.as_str().is_none() => (
                    name,
                    format!("the name of the {kind} is no text; quotes make it text"),
                ),
                name => (
                    name.or(metadata).unwrap_or(node),
                    format!("the {kind} has no name"),
                ),
            };
            let error = self.error(Problem::NotAnObject, message);
            self.report(error.at(place.position()).field("metadata.name"));
            return None;
        };
        Some(if kind.is_namespaced() {
            ObjectRef::namespaced(kind, text("namespace").unwrap_or("default"), name)
        } else {
            ObjectRef::cluster(kind, name)
        })
    }

    fn wrong_version(
        &mut self,
        node: Node<'_, '_>,
        object: &ObjectRef,
        found: Option<&str>,
    ) -> Invalid {
        let expected = object.kind.api_version();
        let message = match found {
            Some(found) => format!("expected {expected}, found {found:?}"),
            None => format!("expected {expected}, found none"),
        };
        let position = node.get("apiVersion").unwrap_or(node).position();
        let error = self
            .error(Problem::WrongApiVersion, message)
            .at(position)
            .field("apiVersion");
        self.invalid(error, node, object)
    }

    fn decode(&mut self, node: Node<'_, '_>, object: &ObjectRef) -> Result<Object, Invalid> {
        if node.text_len() >= MAX_OBJECT {
            let message = format!(
                "the object is {} octets long; from {MAX_OBJECT} (1 MiB) on objects are refused",
                node.text_len()
            );
            let error = self.error(Problem::TooLarge, message).at(node.position());
            return Err(self.invalid(error, node, object));
        }
        self.warn_of_oddities(node, object);
        typed(object.kind, node).map_err(|error| {
            // What a Secret holds must not show, not even where it does not fit.
            let message = match (object.kind, error.path().as_str()) {
                (_, "metadata.creationTimestamp" | "metadata.deletionTimestamp") => {
                    "expected a time such as 2026-01-31T12:00:00Z".to_owned()
                }
                (Kind::Secret, _) => error.without_values(),
                _ => error.to_string(),
            };
            let position = error.position().unwrap_or(node.position());
            let error = self
                .error(Problem::Undecodable, message)
                .at(position)
                .field(error.path());
            self.invalid(error, node, object)
        })
    }

    fn warn_of_oddities(&mut self, node: Node<'_, '_>, object: &ObjectRef) {
        let repeated = node.duplicate_keys().map(|(path, position)| {
            (
                Problem::DuplicateKey,
                "this key occurs twice; the last one counts",
                path,
                position,
            )
        });
        let unknown = fields::unknown(object.kind, node)
            .into_iter()
            .map(|(path, position)| {
                (
                    Problem::UnknownField,
                    "unknown field; it has no effect",
                    path,
                    position,
                )
            });
        for (path, position, message) in values::unknown(object.kind, node) {
            let error = self.error(Problem::UnknownValue, message);
            self.report(error.at(position).about(object.clone()).field(path));
        }
        for (problem, message, path, position) in repeated.chain(unknown) {
            let warning = Diagnostic::new(self.file, Severity::Warning, problem, message);
            self.report(warning.at(position).about(object.clone()).field(path));
        }
    }

    /// Reports an object that cannot be used.
    fn invalid(&mut self, error: Diagnostic, node: Node<'_, '_>, object: &ObjectRef) -> Invalid {
        let place = error.position.unwrap_or(node.position());
        let field = error
            .field
            .as_ref()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        let reason = format!("{field}{} ({}:{place})", error.message, self.file.display());
        self.report(error.about(object.clone()));
        let created = node
            .get("metadata")
            .and_then(|metadata| metadata.get("creationTimestamp"));
        Invalid {
            reason,
            created: created.and_then(Node::as_str).and_then(|t| t.parse().ok()),
        }
    }

    fn error(&self, problem: Problem, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, Severity::Error, problem, message)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.parsed.diagnostics.push(diagnostic);
    }

    fn finish(mut self) -> Parsed {
        for ((api_version, kind), (position, count)) in std::mem::take(&mut self.unread) {
            let mut message = match count {
                1 => format!("{kind} ({api_version}) is not read"),
                _ => format!("{kind} ({api_version}) is not read; {count} in this file"),
            };
            let mut severity = Severity::Info;
            if let Some(meant) = meant(&kind) {
                message += &format!("; write kind: {meant}, if that is meant");
                severity = Severity::Warning;
            }
            let found = Diagnostic::new(self.file, severity, Problem::UnknownKind, message);
            self.report(found.at(position));
        }
        self.parsed
    }
}

/// Whether an `apiVersion` names a group that is neither the kind's own nor the nameless one.
fn is_other_group(kind: Kind, api_version: &str) -> bool {
    let group = |version: &'static str| version.split_once('/').map_or("", |(group, _)| group);
    match api_version.split_once('/') {
        Some((found, _)) => found != group(kind.api_version()),
        None => false,
    }
}

fn typed(kind: Kind, node: Node<'_, '_>) -> Result<Object, DecodeError> {
    Ok(match kind {
        Kind::BgpPolicy => Object::BgpPolicy(Arc::new(decode(node)?)),
        Kind::Node => Object::Node(Arc::new(decode(node)?)),
        Kind::Service => Object::Service(Arc::new(decode(node)?)),
        Kind::EndpointSlice => Object::EndpointSlice(Arc::new(decode(node)?)),
        Kind::Egress => Object::Egress(Arc::new(decode(node)?)),
        Kind::Secret => Object::Secret(Arc::new(decode(node)?)),
    })
}

fn hash(node: Node<'_, '_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.hash(&mut hasher);
    hasher.finish()
}

/// The kind that one is a misspelling of: in the plural, or in other letters.
fn meant(kind: &str) -> Option<Kind> {
    let plain = |name: &str| name.to_lowercase().trim_end_matches('s').to_owned();
    Kind::ALL
        .into_iter()
        .find(|known| plain(known.as_str()) == plain(kind))
}
