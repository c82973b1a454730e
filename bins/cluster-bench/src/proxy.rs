//! Passes octets on between the agent and the API server, and counts them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    address: SocketAddr,
    /// To the agent, and from it.
    counts: Arc<[AtomicU64; 2]>,
}

impl Proxy {
    /// In front of who listens there.
    pub(crate) async fn start(behind: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new([const { AtomicU64::new(0) }; 2]);
        tokio::spawn(serve(listener, behind, Arc::clone(&counts)));
        Ok(Self { address, counts })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Octets that the agent received, HTTP included.
    pub(crate) fn received(&self) -> u64 {
        self.counts[0].load(Ordering::Relaxed)
    }

    /// Octets that the agent sent.
    pub(crate) fn sent(&self) -> u64 {
        self.counts[1].load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, behind: SocketAddr, counts: Arc<[AtomicU64; 2]>) {
    while let Ok((agent, _)) = listener.accept().await {
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(behind).await else {
                return;
            };
            for stream in [&agent, &server] {
                let _ = stream.set_nodelay(true);
            }
            let (from_agent, to_agent) = agent.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::join!(
                pass(from_server, to_agent, &counts[0]),
                pass(from_agent, to_server, &counts[1]),
            );
        });
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) {
    let mut octets = vec![0; 1 << 16];
    while let Ok(length) = from.read(&mut octets).await {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if length == 0 || to.write_all(&octets[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
