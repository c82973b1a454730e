//! Every option on real sockets over loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bgp_socket::{
    Dialer, Listener, Md5Key, SocketError, SocketOption, Ttl, accepted, clear_md5_key,
    clear_md5_key_for_network, set_md5_key, set_md5_key_for_network,
};
use socket2::SockRef;

/// Longer than any handshake over loopback takes.
const SOON: Duration = Duration::from_secs(10);
/// How long a connection has to stay down to count as refused; SYNs are repeated after a second.
const REFUSED: Duration = Duration::from_millis(300);

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn listen(address: IpAddr) -> TcpListener {
    let listener = Listener::new(SocketAddr::new(address, 0))
        .listen()
        .expect("a free port");
    listener.set_nonblocking(false).expect("a socket");
    listener
}

fn key(text: &str) -> Md5Key {
    Md5Key::new(text.as_bytes()).expect("a short key")
}

/// Whether `dialer` reaches its remote within `patience`.
fn connects(dialer: Dialer<'_>, patience: Duration) -> Option<TcpStream> {
    let stream = dialer.socket().expect("every option is known");
    SockRef::from(&stream)
        .connect_timeout(&dialer.remote().into(), patience)
        .ok()?;
    Some(stream)
}

#[test]
fn a_listener_sends_ttl_255_and_cs6() {
    for address in [V4, V6] {
        let listener = listen(address);
        let socket = SockRef::from(&listener);
        let (hops, class) = match address {
            IpAddr::V4(_) => (socket.ttl_v4(), socket.tos_v4()),
            IpAddr::V6(_) => (socket.unicast_hops_v6(), socket.tclass_v6()),
        };
        assert_eq!((hops.unwrap(), class.unwrap()), (255, 48 << 2), "{address}");
    }
    assert!(SockRef::from(&listen(V6)).only_v6().unwrap());
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let first = listen(V4);
    let address = first.local_addr().unwrap();
    let error = Listener::new(address)
        .listen()
        .expect_err("the port is taken");
    assert!(matches!(
        error.option(),
        SocketOption::Bind | SocketOption::Listen
    ));
    assert_eq!(error.address(), address);
    assert!(
        error
            .to_string()
            .contains("another process holds this address and port"),
        "{error}"
    );
    drop(first);
    Listener::new(address).listen().expect("free again");
}

#[test]
fn a_foreign_source_address_is_an_error_that_names_it() {
    let source = "192.0.2.1".parse().unwrap();
    let error = Dialer::new("127.0.0.1:1".parse().unwrap())
        .source(source)
        .socket()
        .unwrap_err();
    assert_eq!(
        (error.option(), error.address().ip()),
        (SocketOption::Bind, source)
    );
    assert!(
        error
            .to_string()
            .contains("no interface of this host has this address"),
        "{error}"
    );
}

#[test]
fn dialling_comes_from_the_source_with_the_ttl() {
    let listener = listen(V4);
    let source: IpAddr = "127.0.0.77".parse().unwrap();
    let dialer = Dialer::new(listener.local_addr().unwrap())
        .source(source)
        .ttl(Ttl::hops(7));
    let stream = connects(dialer, SOON).expect("nothing in the way");
    assert_eq!(listener.accept().unwrap().1.ip(), source);
    assert_eq!(SockRef::from(&stream).ttl_v4().unwrap(), 7);
    assert!(stream.nodelay().unwrap());
}

#[test]
fn an_ipv4_mapped_address_is_dialled_as_ipv4() {
    let listener = listen(V4);
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let dialer = Dialer::new(SocketAddr::new(
        mapped,
        listener.local_addr().unwrap().port(),
    ));
    assert_eq!(dialer.remote(), listener.local_addr().unwrap());
    assert!(connects(dialer, SOON).is_some());
}

#[test]
fn md5_lets_in_only_the_right_key() {
    for address in [V4, V6] {
        let listener = listen(address);
        let remote = listener.local_addr().unwrap();
        let (right, wrong) = (key("s3cret"), key("secret"));
        set_md5_key(&listener, address, &right).unwrap();

        assert!(
            connects(Dialer::new(remote).key(&right), SOON).is_some(),
            "{address}: right key"
        );
        assert!(
            connects(Dialer::new(remote).key(&wrong), REFUSED).is_none(),
            "{address}: wrong"
        );
        assert!(
            connects(Dialer::new(remote), REFUSED).is_none(),
            "{address}: unsigned"
        );
    }
}

#[test]
fn md5_keys_change_and_go_while_listening() {
    for address in [V4, V6] {
        let listener = listen(address);
        let remote = listener.local_addr().unwrap();
        let (old, new) = (key("old"), key("new"));
        set_md5_key(&listener, address, &old).unwrap();
        set_md5_key(&listener, address, &new).unwrap();
        let replaced = connects(Dialer::new(remote).key(&old), REFUSED);
        assert!(replaced.is_none(), "{address}: the old one");
        let right = connects(Dialer::new(remote).key(&new), SOON);
        assert!(right.is_some(), "{address}: the new one");

        clear_md5_key(&listener, address).unwrap();
        let without = connects(Dialer::new(remote), SOON);
        assert!(without.is_some(), "{address}: no key any more");
        clear_md5_key(&listener, address).expect("clearing twice is no error");
    }
}

/// A key that is set, changed or cleared on a connection counts for it from then on.
#[test]
fn md5_keys_change_on_a_connection() {
    for address in [V4, V6] {
        let listener = listen(address);
        let remote = listener.local_addr().unwrap();
        let (old, new) = (key("old"), key("new"));
        set_md5_key(&listener, address, &old).unwrap();
        let dialled = connects(Dialer::new(remote).key(&old), SOON).expect("the same key");
        let (accepted, _) = listener.accept().unwrap();
        set_md5_key(&accepted, address, &new).unwrap();
        accepted.set_read_timeout(Some(REFUSED)).unwrap();
        (&dialled).write_all(b"hello").unwrap();
        let mut octets = [0; 5];
        (&accepted)
            .read_exact(&mut octets)
            .expect_err("signed with the old key");
        set_md5_key(&dialled, address, &new).unwrap();
        accepted.set_read_timeout(Some(SOON)).unwrap();
        (&accepted)
            .read_exact(&mut octets)
            .expect("TCP sends it again, with the new key");
        assert_eq!(&octets, b"hello", "{address}");
    }
}

#[test]
fn md5_binds_one_peer_and_no_other() {
    let listener = listen(V4);
    let remote = listener.local_addr().unwrap();
    set_md5_key(&listener, "127.0.0.2".parse().unwrap(), &key("s3cret")).unwrap();
    let from = |source: &str| Dialer::new(remote).source(source.parse().unwrap());
    assert!(connects(from("127.0.0.2"), REFUSED).is_none());
    assert!(connects(from("127.0.0.3"), SOON).is_some());
}

#[test]
fn md5_for_a_network() {
    let listener = listen(V4);
    let remote = listener.local_addr().unwrap();
    let (network, right) = ("127.1.0.0".parse().unwrap(), key("s3cret"));
    set_md5_key_for_network(&listener, network, 16, &right).unwrap();
    let inside = || Dialer::new(remote).source("127.1.2.3".parse().unwrap());
    assert!(connects(inside(), REFUSED).is_none());
    assert!(connects(inside().key(&right), SOON).is_some());
    assert!(
        connects(Dialer::new(remote), SOON).is_some(),
        "outside of the network"
    );

    clear_md5_key_for_network(&listener, network, 16).unwrap();
    assert!(connects(inside(), SOON).is_some());
    let error = set_md5_key_for_network(&listener, network, 33, &right).unwrap_err();
    assert_eq!(error.option(), SocketOption::Md5);
}

#[test]
fn md5_takes_80_octets() {
    let listener = listen(V4);
    let longest = key(&"x".repeat(Md5Key::MAX_LEN));
    set_md5_key(&listener, V4, &longest).unwrap();
    let dialer = Dialer::new(listener.local_addr().unwrap()).key(&longest);
    assert!(connects(dialer, SOON).is_some());
}

#[test]
fn md5_on_a_socket_of_the_other_family_is_an_error() {
    let error = set_md5_key(&listen(V4), V6, &key("s3cret")).unwrap_err();
    assert_eq!(
        (error.option(), error.address().ip()),
        (SocketOption::Md5, V6)
    );
    let text = error.to_string();
    assert_eq!(
        text,
        "setting the TCP MD5 password for ::1: the socket is of the other family"
    );
}

/// The far end starts with a TTL that GTSM refuses; then, as the control, raises it on the same connection.
#[test]
fn gtsm_drops_what_comes_from_too_far() {
    for address in [V4, V6] {
        let (near, mut far) = gtsm_pair(address, Ttl::hops(254)).expect("options");
        far.write_all(b"hello").unwrap();
        let mut octets = [0; 5];
        near.set_read_timeout(Some(REFUSED)).unwrap();
        let error = (&near)
            .read_exact(&mut octets)
            .expect_err("TTL 254 is from one hop too far");
        assert!(
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{error}"
        );

        match address {
            IpAddr::V4(_) => SockRef::from(&far).set_ttl_v4(255).unwrap(),
            IpAddr::V6(_) => SockRef::from(&far).set_unicast_hops_v6(255).unwrap(),
        }
        near.set_read_timeout(Some(SOON)).unwrap();
        (&near)
            .read_exact(&mut octets)
            .expect("TCP sends it again, with TTL 255");
        assert_eq!(&octets, b"hello");
    }
}

fn gtsm_pair(address: IpAddr, far: Ttl) -> Result<(TcpStream, TcpStream), SocketError> {
    let listener = listen(address);
    // 255 while the handshake runs, because its last segment is judged as well.
    let dialer = Dialer::new(listener.local_addr().unwrap());
    let stream = connects(dialer, SOON).expect("nothing in the way");
    stream.set_nonblocking(false).unwrap();
    let socket = SockRef::from(&stream);
    match address {
        IpAddr::V4(_) => socket.set_ttl_v4(far.sent().into()).unwrap(),
        IpAddr::V6(_) => socket.set_unicast_hops_v6(far.sent().into()).unwrap(),
    }
    let (near, _) = listener.accept().unwrap();
    accepted(&near, Ttl::security(1))?;
    Ok((near, stream))
}
