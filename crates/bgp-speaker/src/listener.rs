//! Listening sockets: opened, tried again while the port is taken, told the passwords of peers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_socket::{Listener, SocketError, clear_md5_key, set_md5_key};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, info, warn};

use crate::neighbour::Neighbour;
use crate::shared::Shared;

/// The pause before the next attempt to listen doubles from the first to the last. No restart time caps it: a port is taken
/// by another process of this host, mostly one that speaks BGP for good, and peers are dialled meanwhile.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// One configured address and the socket that listens there, if one does.
pub(crate) struct ListenerSlot {
    pub(crate) address: SocketAddr,
    pub(crate) socket: Option<Arc<TcpListener>>,
    pub(crate) error: Option<String>,
}

impl ListenerSlot {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            socket: None,
            error: None,
        }
    }
}

/// Listens on the address of slot `index` for as long as the speaker runs.
pub(crate) async fn listen(shared: Arc<Shared>, index: usize) {
    let address = shared.config.listen[index];
    let mut pause = RETRY.0;
    let listener = loop {
        match open(&shared, index, address) {
            Ok(listener) => break listener,
            Err(error) => report(&shared, index, address, error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
    };
    info!(listen = %address, "listening");
    accept_all(&shared, &listener).await;
}

/// Tells status and log; the log only once for the same error.
fn report(shared: &Shared, index: usize, address: SocketAddr, error: String) {
    let slot = &mut shared.listeners()[index];
    if slot.error.as_ref() == Some(&error) {
        return;
    }
    warn!(listen = %address, error, "cannot listen, trying again");
    slot.error = Some(error);
    shared.changed();
}

fn open(shared: &Shared, index: usize, address: SocketAddr) -> Result<Arc<TcpListener>, String> {
    let socket = Listener::new(address)
        .listen()
        .map_err(|error| error.to_string())?;
    let socket = TcpListener::from_std(socket).map_err(|error| error.to_string())?;
    let socket = Arc::new(socket);
    // Under the lock of the peers no password can change between here and the slot.
    let peers = shared.peers();
    let mut listeners = shared.listeners();
    listeners[index].error = None;
    listeners[index].socket = Some(Arc::clone(&socket));
    for neighbour in peers.by_address.values() {
        key(&listeners, neighbour);
    }
    drop(listeners);
    shared.changed();
    Ok(socket)
}

/// Tells the listeners of its family the password of a peer, or that it has none.
pub(crate) fn key(listeners: &[ListenerSlot], neighbour: &Neighbour) {
    let config = Arc::clone(&neighbour.record().config);
    let result = sockets_for(listeners, neighbour).try_for_each(|socket| match &config.password {
        Some(password) => set_md5_key(socket, neighbour.address, password),
        None => clear_md5_key(socket, neighbour.address),
    });
    let unkeyed = result.err().map(|error: SocketError| error.to_string());
    if let Some(error) = &unkeyed {
        warn!(peer = %neighbour.address, error, "connections of this peer are refused");
    }
    neighbour.record().unkeyed = unkeyed;
}

/// Forgets the password of a peer that goes. Where there was no room for those of others, there may be now.
pub(crate) fn forget_key<'n>(
    listeners: &[ListenerSlot],
    neighbour: &Neighbour,
    others: impl Iterator<Item = &'n Arc<Neighbour>>,
) {
    if neighbour.record().config.password.is_none() {
        return;
    }
    for socket in sockets_for(listeners, neighbour) {
        if let Err(error) = clear_md5_key(socket, neighbour.address) {
            warn!(peer = %neighbour.address, %error, "the password of a removed peer stays set");
        }
    }
    for other in others {
        if other.record().unkeyed.is_some() {
            key(listeners, other);
        }
    }
}

fn sockets_for<'l>(
    listeners: &'l [ListenerSlot],
    neighbour: &Neighbour,
) -> impl Iterator<Item = &'l Arc<TcpListener>> {
    let v6 = neighbour.address.is_ipv6();
    let of_family = listeners
        .iter()
        .filter(move |slot| slot.address.is_ipv6() == v6);
    of_family.filter_map(|slot| slot.socket.as_ref())
}

async fn accept_all(shared: &Shared, listener: &TcpListener) {
    let mut pause = RETRY.0;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                pause = RETRY.0;
                accept(shared, stream, remote);
            }
            // The peer gave up between SYN and accept: nothing is wrong here.
            Err(error) if is_of_connection(&error) => {
                debug!(%error, "a connection went before it was accepted");
            }
            Err(error) => {
                warn!(%error, "cannot accept connections, trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY.1);
            }
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Hands a connection to its peer's task, or closes it: dropping the stream does.
fn accept(shared: &Shared, stream: TcpStream, remote: SocketAddr) {
    let address = remote.ip().to_canonical();
    let Some(neighbour) = shared.peers().by_address.get(&address).cloned() else {
        debug!(%remote, "closed a connection from an address that is no peer");
        return;
    };
    let (config, kind, unkeyed) = {
        let record = neighbour.record();
        (
            Arc::clone(&record.config),
            record.kind,
            record.unkeyed.is_some(),
        )
    };
    if unkeyed {
        return;
    }
    let set_up = || -> Result<(), SocketError> {
        bgp_socket::accepted(&stream, config.ttl(kind))?;
        // The listener may have accepted it before it was told this password.
        match &config.password {
            Some(password) => set_md5_key(&stream, address, password),
            None => Ok(()),
        }
    };
    match set_up() {
        Ok(()) => neighbour.offer(stream),
        // The peer gave up meanwhile: it is no option that was refused.
        Err(error) if error.cause().kind() == io::ErrorKind::NotConnected => {
            debug!(peer = %address, %error, "a connection went before it was set up");
        }
        Err(error) => {
            warn!(peer = %address, %error, "closed a connection that could not be set up");
            neighbour.record().refused_option = Some(error.to_string());
        }
    }
}
