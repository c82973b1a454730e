//! A real kube-apiserver with its etcd, where `KUBEBUILDER_ASSETS` names the folder of both. Other packages' tests use this file too.
#![allow(dead_code, reason = "every test program uses another part")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const TOKEN: &str = "test-token";

/// etcd and kube-apiserver, which end with it.
pub(crate) struct RealServer {
    client: Client,
    place: Place,
    apiserver: Child,
    _etcd: Child,
    _folder: TempDir,
}

/// Where kube-apiserver is found and runs.
struct Place {
    binary: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    etcd: u16,
}

impl RealServer {
    /// On a port of loopback. `None`: there are no binaries.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// On a port of this address, in the network namespace of the calling thread.
    pub(crate) async fn start_at(address: Ipv4Addr) -> Option<Self> {
        let [etcd, binary] = binaries()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [clients, peers, port] = free_ports();
        let place = Place {
            binary,
            folder: folder.path().to_owned(),
            address: (address, port).into(),
            etcd: clients,
        };
        place.make_credentials().await;
        let etcd = start_etcd(&etcd, folder.path(), clients, peers);
        let apiserver = place.start();
        let client = connect(place.address).await;
        wait_until_ready(&client).await;
        Some(Self {
            client,
            place,
            apiserver,
            _etcd: etcd,
            _folder: folder,
        })
    }

    /// An administrator's.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Of whoever has this token.
    pub(crate) fn kubeconfig(&self, token: &str, namespace: &str) -> Value {
        kubeconfig(self.place.address, token, namespace)
    }

    /// Ends kube-apiserver without a warning. What etcd holds stays.
    pub(crate) async fn kill(&mut self) {
        self.apiserver.kill().await.expect("it runs");
    }

    /// Starts it again after [`kill`](Self::kill), in the network namespace of the calling thread.
    pub(crate) async fn restart(&mut self) {
        self.apiserver = self.place.start();
        wait_until_ready(&self.client).await;
    }
}

/// etcd and kube-apiserver, where there are both.
pub(crate) fn binaries() -> Option<[PathBuf; 2]> {
    let assets = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
    let binaries = ["etcd", "kube-apiserver"].map(|name| assets.join(name));
    binaries
        .iter()
        .all(|path| path.exists())
        .then_some(binaries)
}

fn free_ports() -> [u16; 3] {
    // All are held until all are known, so that they differ.
    let listeners = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|l| l.local_addr().expect("it is bound").port())
}

fn start_etcd(binary: &Path, folder: &Path, clients: u16, peers: u16) -> Child {
    let url = |port| format!("http://127.0.0.1:{port}");
    Command::new(binary)
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .args(["--listen-client-urls", &url(clients)])
        .args(["--advertise-client-urls", &url(clients)])
        .args(["--listen-peer-urls", &url(peers)])
        .arg("--unsafe-no-fsync")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("etcd starts")
}

impl Place {
    fn key(&self) -> PathBuf {
        self.folder.join("sa.key")
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// The key that signs tokens, and the administrator's own.
    async fn make_credentials(&self) {
        let made = Command::new("openssl")
            .args(["genrsa", "-out"])
            .arg(self.key())
            .arg("2048")
            .stderr(Stdio::null())
            .status()
            .await;
        assert!(
            made.is_ok_and(|status| status.success()),
            "openssl makes a key"
        );
        std::fs::write(self.tokens(), format!("{TOKEN},admin,1,system:masters\n")).expect("a file");
    }

    fn start(&self) -> Child {
        let key = self.key();
        Command::new(&self.binary)
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd))
            .arg(format!("--secure-port={}", self.address.port()))
            .arg(format!("--bind-address={}", self.address.ip()))
            .arg(format!("--cert-dir={}", self.folder.display()))
            .arg(format!("--service-account-key-file={}", key.display()))
            .arg(format!(
                "--service-account-signing-key-file={}",
                key.display()
            ))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(format!("--token-auth-file={}", self.tokens().display()))
            .arg("--service-cluster-ip-range=10.96.0.0/16")
            .arg("--disable-admission-plugins=ServiceAccount")
            .arg("--authorization-mode=RBAC")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("kube-apiserver starts")
    }
}

fn kubeconfig(address: SocketAddr, token: &str, namespace: &str) -> Value {
    json!({
        "clusters": [{ "name": "t", "cluster": {
            "server": format!("https://{address}"), "insecure-skip-tls-verify": true } }],
        "users": [{ "name": "t", "user": { "token": token } }],
        "contexts": [{ "name": "t",
            "context": { "cluster": "t", "user": "t", "namespace": namespace } }],
        "current-context": "t",
    })
}

async fn connect(address: SocketAddr) -> Client {
    let kubeconfig = kubeconfig(address, TOKEN, "default");
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).expect("it is a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    antrea_bgp_kube::client(config.expect("it is complete")).expect("TLS can be set up")
}

async fn wait_until_ready(client: &Client) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let request = http::Request::get("/readyz").body(Vec::new());
        if client
            .request_text(request.expect("the path is valid"))
            .await
            .is_ok()
        {
            return;
        }
        assert!(Instant::now() < deadline, "kube-apiserver never got ready");
        sleep(Duration::from_millis(200)).await;
    }
}
