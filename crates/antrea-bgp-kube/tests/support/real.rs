//! A real kube-apiserver with its etcd, where `KUBEBUILDER_ASSETS` names the folder of both. The agent's tests use this file too.

use std::net::TcpListener;
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
    port: u16,
    _processes: [Child; 2],
    _folder: TempDir,
}

impl RealServer {
    /// `None`: there are no binaries.
    pub(crate) async fn start() -> Option<Self> {
        let assets = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
        let (etcd, apiserver) = (assets.join("etcd"), assets.join("kube-apiserver"));
        if !(etcd.exists() && apiserver.exists()) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [clients, peers, port] = free_ports();
        let processes = [
            start_etcd(&etcd, folder.path(), clients, peers),
            start_apiserver(&apiserver, folder.path(), clients, port).await,
        ];
        let client = connect(port).await;
        wait_until_ready(&client).await;
        Some(Self {
            client,
            port,
            _processes: processes,
            _folder: folder,
        })
    }

    /// An administrator's.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Of whoever has this token.
    pub(crate) fn kubeconfig(&self, token: &str, namespace: &str) -> Value {
        kubeconfig(self.port, token, namespace)
    }
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

async fn start_apiserver(binary: &Path, folder: &Path, etcd: u16, port: u16) -> Child {
    let (key, tokens) = (folder.join("sa.key"), folder.join("tokens.csv"));
    let made = Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(&key)
        .arg("2048")
        .stderr(Stdio::null())
        .status()
        .await;
    assert!(
        made.is_ok_and(|status| status.success()),
        "openssl makes a key"
    );
    std::fs::write(&tokens, format!("{TOKEN},admin,1,system:masters\n")).expect("a file");
    Command::new(binary)
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .arg(format!("--secure-port={port}"))
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--cert-dir={}", folder.display()))
        .arg(format!("--service-account-key-file={}", key.display()))
        .arg(format!(
            "--service-account-signing-key-file={}",
            key.display()
        ))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg(format!("--token-auth-file={}", tokens.display()))
        .arg("--service-cluster-ip-range=10.0.0.0/24")
        .arg("--disable-admission-plugins=ServiceAccount")
        .arg("--authorization-mode=RBAC")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("kube-apiserver starts")
}

fn kubeconfig(port: u16, token: &str, namespace: &str) -> Value {
    json!({
        "clusters": [{ "name": "t", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true } }],
        "users": [{ "name": "t", "user": { "token": token } }],
        "contexts": [{ "name": "t",
            "context": { "cluster": "t", "user": "t", "namespace": namespace } }],
        "current-context": "t",
    })
}

async fn connect(port: u16) -> Client {
    let kubeconfig = kubeconfig(port, TOKEN, "default");
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
