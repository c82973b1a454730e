//! What the tests share: servers to run on, objects, and a stand-in for the engine.

// Each test program uses a part of it.
#![allow(dead_code)]

pub(crate) mod administrator;
pub(crate) mod objects;
pub(crate) mod real;

use std::collections::BTreeMap;
use std::time::Duration;

use antrea_bgp_api::{Kind, Object, ObjectRef};
use antrea_bgp_kube::test_server::TestServer;
use antrea_bgp_kube::{Cluster, ClusterConfig, Timing};
use antrea_bgp_policy::{Input, KindSet, SourceState};
use kube::Client;
use tokio::time::{Instant, sleep, timeout_at};

use administrator::crd;
use objects::create;
use real::RealServer;

/// Nothing in these tests takes this long, unless it never happens.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const NODE: &str = "node-a";
pub(crate) const NAMESPACE: &str = "kube-system";

/// Runs a test on the test server; and on a real one, where there is one.
pub(crate) async fn on_every_server<F>(body: impl Fn(Client) -> F)
where
    F: Future<Output = ()>,
{
    let server = TestServer::start().await.expect("loopback has free ports");
    body(server.client()).await;
    match RealServer::start().await {
        Some(server) => {
            install_crds(&server.client()).await;
            body(server.client()).await;
        }
        None => println!("skipped: a real kube-apiserver (KUBEBUILDER_ASSETS names none)"),
    }
}

async fn install_crds(client: &Client) {
    for (plural, kind, version) in [
        ("bgppolicies", "BGPPolicy", "v1alpha1"),
        ("egresses", "Egress", "v1beta1"),
    ] {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        create(client, path, crd(plural, kind, version)).await;
        let objects = format!("/apis/crd.antrea.io/{version}/{plural}");
        eventually("the CRD is served", || async {
            let request = http::Request::get(&objects).body(Vec::new());
            let request = request.expect("the path is valid");
            client.request_text(request).await.ok()
        })
        .await;
    }
}

/// Short pauses, so that failures are over soon.
pub(crate) fn timing() -> Timing {
    Timing {
        request: Duration::from_secs(5),
        watch_idle: Duration::from_secs(5),
        retry_first: Duration::from_millis(20),
        retry_longest: Duration::from_millis(100),
        slow_first: Duration::from_millis(30),
        slow_longest: Duration::from_millis(100),
        absent_after: Duration::from_secs(1),
        page: 2,
        event_update: Duration::from_millis(100),
        event_spread: Duration::from_millis(50),
        ..Timing::default()
    }
}

pub(crate) fn config(timing: Timing) -> ClusterConfig {
    let mut config = ClusterConfig::new(NODE, NAMESPACE);
    config.timing = timing;
    config.seed = 1;
    config
}

/// What an engine would know by now.
pub(crate) struct Follower {
    pub(crate) cluster: Cluster,
    pub(crate) objects: BTreeMap<ObjectRef, Object>,
    pub(crate) invalid: BTreeMap<ObjectRef, String>,
    pub(crate) states: BTreeMap<Kind, SourceState>,
    /// Every state, in order.
    pub(crate) history: Vec<(Kind, SourceState)>,
    /// How often objects of a kind were swept.
    pub(crate) relists: BTreeMap<Kind, usize>,
}

impl Follower {
    /// Watches these kinds.
    pub(crate) fn new(
        client: Client,
        timing: Timing,
        kinds: impl IntoIterator<Item = Kind>,
    ) -> Self {
        let mut follower = Self {
            cluster: Cluster::new(client, config(timing)),
            objects: BTreeMap::new(),
            invalid: BTreeMap::new(),
            states: BTreeMap::new(),
            history: Vec::new(),
            relists: BTreeMap::new(),
        };
        follower.watch(kinds);
        follower
    }

    pub(crate) fn watch(&mut self, kinds: impl IntoIterator<Item = Kind>) {
        let kinds: KindSet = kinds.into_iter().collect();
        self.objects.retain(|object, _| kinds.contains(object.kind));
        self.states.retain(|kind, _| kinds.contains(*kind));
        self.cluster.watch(kinds);
    }

    /// Follows until something is so.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            let Ok(inputs) = timeout_at(deadline, self.cluster.next()).await else {
                panic!(
                    "it never came that {what}; objects: {:?}; invalid: {:?}; states: {:?}; {:?}",
                    self.objects.keys().collect::<Vec<_>>(),
                    self.invalid,
                    self.history,
                    self.cluster.statuses(),
                );
            };
            for input in inputs {
                self.take(input);
            }
        }
    }

    /// Follows for a while in which nothing is expected to happen.
    pub(crate) async fn idle(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Ok(inputs) = timeout_at(deadline, self.cluster.next()).await {
            for input in inputs {
                self.take(input);
            }
        }
    }

    pub(crate) async fn until_state(&mut self, kind: Kind, state: SourceState) {
        self.until(&format!("{kind} is {state}"), |f| {
            f.states.get(&kind) == Some(&state)
        })
        .await;
    }

    pub(crate) async fn until_synced(&mut self, kind: Kind) {
        self.until_state(kind, SourceState::Synced).await;
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Applied(object) => self.apply(object),
            Input::Invalid { object, reason, .. } => {
                self.invalid.insert(object, reason);
            }
            Input::Deleted(object) => {
                self.invalid.remove(&object);
                self.objects.remove(&object);
            }
            Input::Relisted {
                kind,
                objects,
                invalid,
            } => {
                *self.relists.entry(kind).or_default() += 1;
                let all: Vec<_> = objects.iter().map(Object::object_ref).collect();
                let exists = |object: &ObjectRef| {
                    all.contains(object) || invalid.iter().any(|other| other.object == *object)
                };
                self.objects
                    .retain(|object, _| object.kind != kind || exists(object));
                self.invalid
                    .retain(|object, _| object.kind != kind || exists(object));
                objects.into_iter().for_each(|object| self.apply(object));
                let invalid = invalid.into_iter().map(|i| (i.object, i.reason));
                self.invalid.extend(invalid);
            }
            Input::Source { kind, state } => {
                self.states.insert(kind, state);
                self.history.push((kind, state));
            }
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn apply(&mut self, object: Object) {
        self.invalid.remove(&object.object_ref());
        self.objects.insert(object.object_ref(), object);
    }

    /// Names of the objects of a kind.
    pub(crate) fn names(&self, kind: Kind) -> Vec<&str> {
        let objects = self.objects.keys().filter(|object| object.kind == kind);
        objects.map(|object| object.name.as_str()).collect()
    }

    /// The states that a kind went through.
    pub(crate) fn states_of(&self, kind: Kind) -> Vec<SourceState> {
        let history = self.history.iter().filter(|(of, _)| *of == kind);
        history.map(|(_, state)| *state).collect()
    }
}

/// Looks again and again until something is there.
pub(crate) async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came that {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
