//! The fields that each kind has, and finding those that it does not have.
//!
//! The kinds of Kubernetes take them from `k8s-openapi`, BGPPolicy from its CRD. Of most of these
//! kinds the agent reads few fields; a typo is worth a warning all the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use antrea_bgp_api::Kind;
use k8s_openapi::api::core::v1::{Node as FullNode, Secret as FullSecret, Service as FullService};
use k8s_openapi::api::discovery::v1::EndpointSlice as FullEndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::yaml::{Node, Position, Shape, push_index, push_key};

/// Unknown fields reported per object; the rest are more of the same.
const ENOUGH: usize = 32;

static KNOWN: LazyLock<Known> = LazyLock::new(Known::new);

/// The fields of an object that its kind does not have: path and place.
pub(crate) fn unknown(kind: Kind, object: Node<'_, '_>) -> Vec<(String, Position)> {
    let mut search = Search {
        known: &KNOWN,
        steps: Vec::new(),
        found: Vec::new(),
    };
    search.visit(object, KNOWN.roots[&kind]);
    search.found
}

/// An index into [`Known::types`].
type TypeId = usize;

/// What is known of all kinds.
struct Known {
    types: Vec<Type>,
    roots: BTreeMap<Kind, TypeId>,
}

/// What a value may hold.
#[derive(Default)]
struct Type {
    /// Its fields; nothing if any name goes.
    fields: Option<HashMap<String, TypeId>>,
    /// The type of values under any name (labels).
    values: Option<TypeId>,
    /// The type of a list's items.
    items: Option<TypeId>,
}

struct Search<'k, 'd> {
    known: &'k Known,
    steps: Vec<Step<'d>>,
    found: Vec<(String, Position)>,
}

#[derive(Clone, Copy)]
enum Step<'d> {
    Key(&'d str),
    Index(usize),
}

impl<'d> Search<'_, 'd> {
    fn visit(&mut self, node: Node<'d, '_>, id: TypeId) {
        let known = &self.known.types[id];
        match node.shape() {
            Shape::Mapping(entries) => {
                for (key, value) in entries {
                    let name = key.as_str().unwrap_or_default();
                    let field = known.fields.as_ref().and_then(|fields| fields.get(name));
                    self.steps.push(Step::Key(name));
                    match field.copied().or(known.values) {
                        Some(field) => self.visit(value, field),
                        None if known.fields.is_some() => self.report(key.position()),
                        None => {}
                    }
                    self.steps.pop();
                }
            }
            Shape::Sequence(items) => {
                let Some(item_type) = known.items else {
                    return;
                };
                for (index, item) in items.enumerate() {
                    self.steps.push(Step::Index(index));
                    self.visit(item, item_type);
                    self.steps.pop();
                }
            }
            _ => {}
        }
    }

    fn report(&mut self, position: Position) {
        if self.found.len() == ENOUGH {
            return;
        }
        let mut path = String::new();
        for step in &self.steps {
            match *step {
                Step::Key(key) => push_key(&mut path, key),
                Step::Index(index) => push_index(&mut path, index),
            }
        }
        self.found.push((path, position));
    }
}

impl Known {
    fn new() -> Known {
        let mut generator = SchemaGenerator::default();
        let metadata = schema::<ObjectMeta>(&mut generator);
        let roots = [
            (Kind::Service, schema::<FullService>(&mut generator)),
            (
                Kind::EndpointSlice,
                schema::<FullEndpointSlice>(&mut generator),
            ),
            (Kind::Node, schema::<FullNode>(&mut generator)),
            (Kind::Secret, schema::<FullSecret>(&mut generator)),
            (Kind::BgpPolicy, bgp_policy(&metadata)),
            (Kind::Egress, egress(&metadata)),
        ];
        let definitions = generator.take_definitions(true);
        let mut builder = Builder {
            definitions: &definitions,
            types: Vec::new(),
            named: HashMap::new(),
        };
        let roots = roots
            .iter()
            .map(|(kind, schema)| (*kind, builder.add(schema)))
            .collect();
        Known {
            types: builder.types,
            roots,
        }
    }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// The custom resource's own schema says nothing about what every object has.
fn object(metadata: &Value, spec: &Value, status: &Value) -> Value {
    let text = json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "apiVersion": text, "kind": text, "metadata": metadata, "spec": spec, "status": status,
    }})
}

fn bgp_policy(metadata: &Value) -> Value {
    let crd = serde_json::to_value(antrea_bgp_api::crd()).unwrap_or_default();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    object(metadata, spec, &Value::Null)
}

/// Antrea's Egress, `crd.antrea.io/v1beta1`. Selectors and conditions are not looked into.
fn egress(metadata: &Value) -> Value {
    let fields = |names: &[&str]| {
        let fields: serde_json::Map<_, _> = names
            .iter()
            .map(|&name| (name.to_owned(), Value::Null))
            .collect();
        json!({ "type": "object", "properties": fields })
    };
    let mut spec = fields(&["egressIP", "egressIPs", "externalIPPool", "externalIPPools"]);
    spec["properties"]["appliedTo"] = fields(&["podSelector", "namespaceSelector"]);
    spec["properties"]["bandwidth"] = fields(&["rate", "burst"]);
    object(
        metadata,
        &spec,
        &fields(&["egressNode", "egressIP", "conditions"]),
    )
}

/// Turns JSON schemas into [`Type`]s.
struct Builder<'s> {
    definitions: &'s serde_json::Map<String, Value>,
    types: Vec<Type>,
    /// The types of definitions, which may contain themselves.
    named: HashMap<&'s str, TypeId>,
}

impl<'s> Builder<'s> {
    fn add(&mut self, schema: &'s Value) -> TypeId {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
        {
            return self.definition(name);
        }
        self.types.push(Type::default());
        let id = self.types.len() - 1;
        self.fill(id, schema);
        id
    }

    fn definition(&mut self, name: &str) -> TypeId {
        let Some((name, schema)) = self.definitions.get_key_value(name) else {
            return self.add(&Value::Null);
        };
        if let Some(&id) = self.named.get(name.as_str()) {
            return id;
        }
        self.types.push(Type::default());
        let id = self.types.len() - 1;
        self.named.insert(name, id);
        // `FieldsV1` is an object of any names, which its schema does not say.
        if !name.ends_with(".FieldsV1") {
            self.fill(id, schema);
        }
        id
    }

    fn fill(&mut self, id: TypeId, schema: &'s Value) {
        let items = schema.get("items").map(|items| self.add(items));
        let values = schema
            .get("additionalProperties")
            .map(|values| self.add(values));
        let preserve = schema["x-kubernetes-preserve-unknown-fields"] == json!(true);
        let closed = schema["type"] == json!("object") && values.is_none() && !preserve;
        let fields = closed.then(|| {
            let properties = schema["properties"].as_object();
            properties
                .into_iter()
                .flatten()
                .map(|(name, s)| (name.clone(), self.add(s)))
                .collect()
        });
        self.types[id] = Type {
            fields,
            values,
            items,
        };
    }
}
