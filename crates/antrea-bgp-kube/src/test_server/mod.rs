//! A Kubernetes API server for tests: in the process of the test, over HTTP, on loopback, and ready
//! to fail as it is told.
//!
//! It serves the kinds that this crate reads, and Events: get, list with pages, watch with
//! bookmarks, streaming lists, timeouts and 410, create, update, merge and apply patch, delete, the
//! status subresource, label and field selectors. It knows no schemas, admission or permissions.
//! What it does differently from a real one where a test could notice: a continue token names no
//! snapshot (what changed between two pages is in the later page and in the watch as well), and
//! apply merges without owners of fields.
//!
//! What the rest of a cluster does, a test does with [`TestServer::put`], [`TestServer::merge`] and
//! [`TestServer::remove`], whatever requests are told to do meanwhile.
//!
//! ```
//! use antrea_bgp_kube::test_server::{Fault, TestServer};
//! use antrea_bgp_api::Kind;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let server = TestServer::start().await?;
//! server.fail(Fault::status(503).on(Kind::Service).times(2));
//! let client = server.client();
//! # let _ = client;
//! # Ok(())
//! # }
//! ```

mod answer;
mod fault;
mod route;
mod script;
mod selector;
mod store;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use antrea_bgp_api::Kind;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

pub use fault::Fault;
pub use route::Verb;

use fault::Faults;
use store::Store;

/// An API server that lives as long as this value.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// A request, as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// What was asked for.
    pub verb: Verb,
    /// The API group; empty for the core group.
    pub group: String,
    /// Name of the resource in the path: `endpointslices`.
    pub resource: String,
    /// `status` or nothing.
    pub subresource: &'static str,
    /// Empty: of all namespaces, or of none.
    pub namespace: String,
    /// Name of the object; empty for a collection.
    pub name: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    seen: Mutex<Vec<Seen>>,
    options: Mutex<Options>,
    open_watches: Mutex<BTreeMap<String, usize>>,
    /// The newest resourceVersion.
    version: channel::Sender<u64>,
    /// Changes to have all watches end; whether in the middle of an object.
    interrupt: channel::Sender<bool>,
}

#[derive(Clone, Debug)]
struct Options {
    streaming_lists: bool,
    bookmarks: Duration,
    unserved: Vec<Kind>,
}

impl TestServer {
    /// Starts one on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// No socket can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        Self::serve(listener)
    }

    /// Starts one on a socket that listens, which may be one of another network namespace.
    ///
    /// # Errors
    ///
    /// The socket has no address.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn serve(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            store: Mutex::default(),
            faults: Mutex::default(),
            seen: Mutex::default(),
            options: Mutex::new(Options {
                streaming_lists: true,
                bookmarks: Duration::from_millis(200),
                unserved: Vec::new(),
            }),
            open_watches: Mutex::default(),
            version: channel::Sender::new(0),
            interrupt: channel::Sender::new(false),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Where it is, as in a kubeconfig: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client for it, as the agent would make one.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        let url = self.url().parse().expect("an address makes a URL");
        crate::client(kube::Config::new(url)).expect("without TLS and tokens nothing can fail")
    }

    /// Has requests fail as told. Of several faults that match the oldest counts.
    pub fn fail(&self, fault: Fault) {
        lock(&self.shared.faults).add(fault);
    }

    /// Has nothing fail any more.
    pub fn mend(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Whether watches may begin with all objects. Older servers refuse that. Default: yes.
    pub fn set_streaming_lists(&self, yes: bool) {
        lock(&self.shared.options).streaming_lists = yes;
    }

    /// How often a watch gets a bookmark. Default: 200 ms.
    pub fn set_bookmark_interval(&self, interval: Duration) {
        lock(&self.shared.options).bookmarks = interval;
    }

    /// Whether a kind is served at all, as that of a CRD may not be. Default: yes. Its objects
    /// stay, and its watches end when it goes.
    pub fn set_served(&self, kind: Kind, yes: bool) {
        let mut options = lock(&self.shared.options);
        options.unserved.retain(|unserved| *unserved != kind);
        if !yes {
            options.unserved.push(kind);
            drop(options);
            self.end_watches();
        }
    }

    /// Forgets what has happened until now: watches from before are answered with 410.
    pub fn compact(&self) {
        lock(&self.shared.store).compact();
    }

    /// Ends all watches, as a server does that is being stopped.
    pub fn end_watches(&self) {
        self.shared.interrupt.send_replace(false);
    }

    /// Breaks all watches in the middle of an object.
    pub fn cut_watches(&self) {
        self.shared.interrupt.send_replace(true);
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// How many watches are open, by name of the resource in the path.
    #[must_use]
    pub fn open_watches(&self) -> BTreeMap<String, usize> {
        lock(&self.shared.open_watches).clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.interrupt.send_replace(true);
    }
}

/// A test that panicked has failed already; its server may go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Events are told at once, as kube-apiserver does.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| answer::answer(Arc::clone(&shared), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Broken connections are what this server is for.
            let _ = connection.await;
        });
    }
}
