//! The API server of a cluster: the one that runs in the test, or a real one.

use std::net::TcpListener;
use std::sync::Arc;

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_kube::test_server::{Fault, TestServer};
use anyhow::{Context as _, Result, anyhow};
use http::Method;
use interop::Namespace;
use kube::Client;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::administrator::{self, Refusal};
use crate::deploy;
use crate::fabric::{AGENT_NAMESPACE, API_SERVER};
use crate::real::RealServer;

/// What a test does with a server.
pub(crate) trait Server {
    /// Puts an object in place, with its status: a new one, or a new form of one that is there.
    fn put(&mut self, object: &Value) -> Result<()>;

    /// Changes an object by a merge patch (RFC 7396).
    fn merge(&mut self, object: &Value, patch: &Value) -> Result<()>;

    /// A Node as it is now.
    fn node(&self, name: &str) -> Result<Value>;

    /// All Events.
    fn events(&self) -> Result<Vec<Value>>;

    /// Answers nobody from now on, and ends what it was saying.
    fn go_away(&mut self) -> Result<()>;

    /// Answers again, and this object changed meanwhile or changes at once.
    fn come_back(&mut self, object: &Value) -> Result<()>;

    /// Becomes one whose CRD does not know these fields of `spec.bgpPeers`, and drops them.
    fn forget_fields_of_peers(&mut self, fields: &[&str]) -> Result<()>;

    /// The kubeconfig of the agent on a node.
    fn kubeconfig(&self, node: &str) -> Result<String>;
}

/// One that runs in the test.
pub(crate) fn of_the_test(namespace: &Arc<Namespace>) -> Result<Box<dyn Server>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = namespace.enter(|| {
        let listener = TcpListener::bind((API_SERVER, 0))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    })?;
    let server = runtime
        .block_on(async { TestServer::serve(tokio::net::TcpListener::from_std(listener)?) })?;
    Ok(Box::new(OfTheTest {
        server,
        _runtime: runtime,
    }))
}

struct OfTheTest {
    server: TestServer,
    _runtime: Runtime,
}

impl Server for OfTheTest {
    fn put(&mut self, object: &Value) -> Result<()> {
        self.server.put(object.clone());
        Ok(())
    }

    fn merge(&mut self, object: &Value, patch: &Value) -> Result<()> {
        self.server.merge(&reference(object)?, patch);
        Ok(())
    }

    fn node(&self, name: &str) -> Result<Value> {
        let node = self.server.object(&ObjectRef::cluster(Kind::Node, name));
        node.context("no such Node")
    }

    fn events(&self) -> Result<Vec<Value>> {
        Ok(self.server.events())
    }

    fn go_away(&mut self) -> Result<()> {
        self.server.fail(Fault::hang_up());
        self.server.cut_watches();
        Ok(())
    }

    fn come_back(&mut self, object: &Value) -> Result<()> {
        self.server.put(object.clone());
        self.server.mend();
        Ok(())
    }

    fn forget_fields_of_peers(&mut self, fields: &[&str]) -> Result<()> {
        self.server.set_pruned(Kind::BgpPolicy, fields);
        Ok(())
    }

    fn kubeconfig(&self, _: &str) -> Result<String> {
        Ok(self.server.kubeconfig(AGENT_NAMESPACE))
    }
}

fn reference(object: &Value) -> Result<ObjectRef> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = Kind::from_manifest(&text(&object["apiVersion"]), &text(&object["kind"]));
    let kind = kind.context("of no kind that is known")?;
    let name = text(&object["metadata"]["name"]);
    Ok(match object["metadata"]["namespace"].as_str() {
        Some(namespace) => ObjectRef::namespaced(kind, namespace, name),
        None => ObjectRef::cluster(kind, name),
    })
}

/// A real one with what is under `deploy/`.
pub(crate) fn real(namespace: &Arc<Namespace>) -> Result<Box<dyn Server>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let server = namespace.enter(|| {
        let server = runtime.block_on(RealServer::start_at(API_SERVER));
        server.context("KUBEBUILDER_ASSETS has no etcd and kube-apiserver")
    })?;
    let mut real = Real {
        server,
        runtime,
        namespace: Arc::clone(namespace),
    };
    real.put(&administrator::egress_crd())?;
    for part in ["crd", "base", "egress", "admission"] {
        for object in deploy::objects(&deploy::folder(part)) {
            real.put(&object)?;
        }
    }
    real.put(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }))?;
    for path in [POLICIES, "/apis/crd.antrea.io/v1beta1/egresses"] {
        interop::eventually("the CRD is served", PATIENCE, || {
            Ok(real.ask(Method::GET, path, &Value::Null).is_ok())
        })?;
    }
    Ok(Box::new(real))
}

const POLICIES: &str = "/apis/crd.antrea.io/v1alpha1/bgppolicies";

/// For what a healthy server does at once.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

struct Real {
    server: RealServer,
    /// All its sockets are made by who waits for it, which has to be in the namespace.
    runtime: Runtime,
    namespace: Arc<Namespace>,
}

impl Real {
    /// Does something as an administrator.
    fn administer<T: Send>(
        &self,
        work: impl AsyncFnOnce(Client) -> Result<T, Refusal> + Send,
    ) -> Result<T> {
        let client = self.server.client();
        self.namespace.enter(|| {
            let done = self.runtime.block_on(work(client));
            done.map_err(|refusal| anyhow!("{refusal:?}"))
        })
    }

    fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.administer(async |client| administrator::request(&client, method, path, body).await)
            .with_context(|| path.to_owned())
    }
}

impl Server for Real {
    fn put(&mut self, object: &Value) -> Result<()> {
        self.administer(async |client| administrator::put(&client, object).await)
            .with_context(|| object.to_string())
    }

    fn merge(&mut self, object: &Value, patch: &Value) -> Result<()> {
        self.ask(Method::PATCH, &administrator::path(object), patch)
            .map(drop)
    }

    fn node(&self, name: &str) -> Result<Value> {
        let path = format!("/api/v1/nodes/{name}");
        self.ask(Method::GET, &path, &Value::Null)
    }

    fn events(&self) -> Result<Vec<Value>> {
        let list = self.ask(Method::GET, "/apis/events.k8s.io/v1/events", &Value::Null)?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    fn go_away(&mut self) -> Result<()> {
        self.runtime.block_on(self.server.kill());
        Ok(())
    }

    fn come_back(&mut self, object: &Value) -> Result<()> {
        let Self {
            server,
            runtime,
            namespace,
        } = self;
        namespace.enter(|| {
            runtime.block_on(server.restart());
            Ok(())
        })?;
        self.put(object)
    }

    fn forget_fields_of_peers(&mut self, fields: &[&str]) -> Result<()> {
        let path =
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppolicies.crd.antrea.io";
        let mut crd = self.ask(Method::GET, path, &Value::Null)?;
        let schema =
            "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/bgpPeers/items";
        let peers = crd.pointer_mut(schema).context("no schema of peers")?;
        let peers = peers.as_object_mut().context("no object")?;
        // The rules are about such fields.
        peers.remove("x-kubernetes-validations");
        let properties = peers["properties"].as_object_mut().context("no fields")?;
        for field in fields {
            properties.remove(*field).context("no such field")?;
        }
        self.ask(Method::PUT, path, &crd)?;
        // It is in force when a field does not come back.
        let probe = json!({ "spec": { "nodeSelector": {}, "localASN": 1,
            "bgpPeers": [{ "address": "192.0.2.1", "asn": 1, fields[0]: 60 }] },
            "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy", "metadata": { "name": "probe" } });
        interop::eventually("the new CRD is in force", PATIENCE, || {
            let path = format!("{POLICIES}?dryRun=All");
            let kept = self.ask(Method::POST, &path, &probe)?;
            Ok(kept["spec"]["bgpPeers"][0].get(fields[0]).is_none())
        })
    }

    fn kubeconfig(&self, node: &str) -> Result<String> {
        let token =
            self.administer(async |client| Ok(administrator::agent_token(&client, node).await))?;
        Ok(self.server.kubeconfig(&token, AGENT_NAMESPACE).to_string())
    }
}
