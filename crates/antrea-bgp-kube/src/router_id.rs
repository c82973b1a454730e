//! Writes the router ID to the annotation of the Node, until it is there.

use std::net::Ipv4Addr;
use std::sync::Arc;

use antrea_bgp_api::ROUTER_ID_ANNOTATION;
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::Request as Requests;
use serde_json::json;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::cluster::Task;
use crate::failure::Failure;
use crate::http::send;
use crate::status::{Rule, WriteStatus};
use crate::timing::Timing;

/// Where to put the router ID.
pub(crate) struct RouterIdWriter {
    wanted: watch::Sender<Option<Ipv4Addr>>,
    status: watch::Receiver<WriteStatus>,
    _task: Task,
}

impl RouterIdWriter {
    pub(crate) fn start(client: Client, node: &str, timing: Arc<Timing>, seed: u64) -> Self {
        let (wanted, requests) = watch::channel(None);
        let (report, status) = watch::channel(WriteStatus::default());
        let writer = Writer {
            client,
            node: node.to_owned(),
            retry: Backoff::new(timing.retry_first, timing.retry_longest),
            slow: Backoff::new(timing.slow_first, timing.slow_longest),
            timing,
            random: fastrand::Rng::with_seed(seed),
            report,
        };
        let _task = Task::spawn(0, writer.run(requests));
        Self {
            wanted,
            status,
            _task,
        }
    }

    /// Nothing else is written any more, not even one that was not finished.
    pub(crate) fn write(&self, id: Ipv4Addr) {
        self.wanted.send_replace(Some(id));
    }

    pub(crate) fn status(&self) -> WriteStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<WriteStatus> {
        self.status.clone()
    }
}

struct Writer {
    client: Client,
    node: String,
    timing: Arc<Timing>,
    retry: Backoff,
    slow: Backoff,
    random: fastrand::Rng,
    report: watch::Sender<WriteStatus>,
}

impl Writer {
    async fn run(mut self, mut wanted: watch::Receiver<Option<Ipv4Addr>>) {
        // An error means that nobody can want anything any more.
        while wanted.changed().await.is_ok() {
            self.retry.reset();
            self.slow.reset();
            loop {
                let Some(id) = *wanted.borrow_and_update() else {
                    break;
                };
                self.report.send_modify(|status| status.pending = true);
                let result = self.write(id).await;
                let Err(failure) = result else {
                    info!(router_id = %id, "router ID written to the Node");
                    self.report.send_replace(WriteStatus::default());
                    break;
                };
                let pause = self.failed(&failure);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    // Another one: no need to wait for what is not wanted any more.
                    changed = wanted.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    fn failed(&mut self, failure: &Failure) -> std::time::Duration {
        let denied = matches!(failure, Failure::Denied(_));
        let status = WriteStatus {
            pending: true,
            error: Some(failure.message().to_owned()),
            missing_rule: denied.then(|| Rule {
                verbs: &["patch"],
                group: "",
                resource: "nodes/status".to_owned(),
                namespace: None,
            }),
        };
        let known = self.report.borrow().error == status.error;
        if !known {
            match &status.missing_rule {
                Some(rule) => warn!("cannot write the router ID: {failure}; grant {rule}"),
                None => warn!("cannot write the router ID yet: {failure}"),
            }
        }
        self.report.send_replace(status);
        let backoff = match failure {
            Failure::Denied(_) | Failure::NotFound(_) => &mut self.slow,
            _ => &mut self.retry,
        };
        let pause = backoff.next(&mut self.random);
        let wished = failure.retry_after().unwrap_or_default();
        pause.max(wished.min(self.timing.retry_longest))
    }

    /// With Nodes the status subresource takes metadata too, and kubelets' RBAC shows the way:
    /// `nodes/status` is a smaller permission than `nodes`.
    async fn write(&self, id: Ipv4Addr) -> Result<(), Failure> {
        let patch =
            json!({ "metadata": { "annotations": { ROUTER_ID_ANNOTATION: id.to_string() } } });
        let request = Requests::new("/api/v1/nodes")
            .patch_subresource(
                "status",
                &self.node,
                &PatchParams::default(),
                &Patch::Merge(patch),
            )
            .map_err(|error| Failure::from_error(&error))?;
        send(&self.client, request, self.timing.request)
            .await
            .map(drop)
    }
}
