//! What a session allocates while nothing but KEEPALIVEs pass: a guard against costs that creep in. Counts are the same on
//! every machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bgp_fsm::{Command, Endpoints, Output, SendProgress, Session, SessionConfig, State};
use bgp_wire::{Asn, KEEPALIVE, Open};
use bytes::BytesMut;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "an origin for the clock, which then goes by hand"
)]
fn keepalives_in_both_directions_allocate_nothing() {
    let config = SessionConfig::new(Asn(64512), Ipv4Addr::new(192, 0, 2, 1), Asn(65001));
    let mut session = Session::new(Arc::new(config), 1);
    let mut now = Instant::now();
    session.handle_command(now, Command::Start);
    let Some(Output::Dial(conn)) = session.poll_output() else {
        panic!("it dials");
    };
    let address = SocketAddr::from(([192, 0, 2, 1], 179));
    let endpoints = Endpoints {
        local: address,
        remote: address,
    };
    session.handle_connected(now, conn, endpoints);
    let mut received = BytesMut::with_capacity(8192);
    let open = Open::new(Asn(65001), 30, Ipv4Addr::new(192, 0, 2, 2));
    open.encode(&mut received).expect("it fits");
    received.extend_from_slice(&KEEPALIVE);
    session.handle_data(now, conn, &mut received);
    assert_eq!(session.state(), State::Established);
    while session.poll_output().is_some() {}

    let mut sent = 0;
    let info = measure(|| {
        for _ in 0..100 {
            received.extend_from_slice(&KEEPALIVE);
            session.handle_data(now, conn, &mut received);
            now = session.poll_timeout().expect("a timer runs").max(now);
            session.handle_timeout(now);
            while let Some(output) = session.poll_output() {
                let Output::Send(_, message) = output else {
                    panic!("nothing else happens: {output:?}");
                };
                sent += 1;
                let progress = SendProgress {
                    written: message.len(),
                    ..SendProgress::default()
                };
                session.handle_sent(now, conn, progress);
            }
            now += Duration::from_millis(1);
        }
    });
    // Taking messages off the front uses the buffer up, and it is made anew now and then.
    assert!(info.count_total <= 1, "{info:?}");
    assert!(sent >= 50, "KEEPALIVEs went out: {sent}");
    assert_eq!(session.state(), State::Established);
}
