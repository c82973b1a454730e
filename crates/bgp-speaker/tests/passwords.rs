//! TCP MD5 passwords come, change and go while sessions run, over both families; and nobody gets to read them. One test
//! for all of it, since the log of a process is one.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use bgp_speaker::{Asn, Password, PeerConfig, Speaker, SpeakerConfig, State};
use common::*;

/// How long a session has to stay down to count as refused; the controls beside it take less.
const REFUSED: Duration = Duration::from_secs(3);

const FIRST: &str = "correct-horse";
const SECOND: &str = "battery-staple";
const WRONG: &str = "Tr0ub4dor&3";

/// Linux has 20 KiB to 128 KiB by default.
const MOST_OPTION_MEMORY: usize = 1 << 20;

#[tokio::test]
async fn passwords_come_change_and_go_and_are_never_shown() {
    let output = Output::of_process(tracing::Level::TRACE);
    tracing::trace!("the finest level is captured");

    // An IPv6 loopback has one address; the ports tell the two ends apart.
    tokio::join!(
        life_of_a_password("127.90.1.1", "127.90.1.2", &output),
        life_of_a_password("::1", "::1", &output),
        refused_passwords(&output),
    );

    let text = output.text();
    for said in [
        "the finest level is captured",
        "session established",
        "raise net.core.optmem_max",
        "no answer",
    ] {
        assert!(text.contains(said), "nobody says {said:?}");
    }
    for secret in [FIRST, SECOND, WRONG] {
        for form in forms(secret) {
            let line = text.lines().find(|line| line.contains(&form));
            assert_eq!(line, None);
        }
    }
}

/// What a password may look like in an output: as it is, as octets, in hexadecimal.
fn forms(secret: &str) -> Vec<String> {
    let octets = secret.as_bytes();
    let decimal: Vec<_> = octets.iter().map(u8::to_string).collect();
    let hexadecimal = |separator| {
        let each: Vec<_> = octets.iter().map(|it| format!("{it:02x}")).collect();
        each.join(separator)
    };
    vec![
        secret.to_owned(),
        decimal.join(", "),
        hexadecimal(""),
        hexadecimal(", "),
    ]
}

/// Two speakers, of which one dials and one listens. Both are told the same passwords but for one.
struct Pair {
    dials: (Speaker, SocketAddr),
    listens: (Speaker, SocketAddr),
    flaps: u64,
}

impl Pair {
    fn set(&self, dialled: Option<&str>, listening: Option<&str>, output: &Output) {
        let mut far = active(self.listens.1, PEER_ASN);
        far.password = password(dialled);
        let mut near = active(self.dials.1, ASN);
        near.passive = true;
        near.password = password(listening);
        output.show(&far);
        output.show(&near);
        self.dials.0.set_peer(far);
        self.listens.0.set_peer(near);
    }

    /// Both change, and the session comes back.
    async fn change(&mut self, to: Option<&str>, output: &Output) {
        self.set(to, to, output);
        let remote = self.listens.1.ip();
        let flaps = self.flaps;
        until(&self.dials.0, "a session with both", |status| {
            let status = status.peer(remote).expect("configured");
            status.state == State::Established && status.flaps >= flaps
        })
        .await;
        until_established(&self.listens.0, self.dials.1.ip()).await;
        self.flaps += 1;
        output.show(&self.dials.0.status());
        output.show(&self.listens.0.status());
    }

    /// The two differ, and no session comes up.
    async fn differ(&self, dialled: Option<&str>, listening: Option<&str>, output: &Output) {
        self.set(dialled, listening, output);
        let remote = self.listens.1.ip();
        until(&self.dials.0, "the end", |status| {
            state(status, remote) != State::Established
        })
        .await;
        let before = peer(&self.dials.0, remote).messages.received.total();
        tokio::time::sleep(REFUSED).await;
        let status = peer(&self.dials.0, remote);
        assert_eq!(status.messages.received.total(), before);
        assert_ne!(status.state, State::Established);
        output.show(&self.dials.0.status());
        output.show(&self.listens.0.status());
    }
}

async fn life_of_a_password(dials: &str, listens: &str, output: &Output) {
    let config = |asn, id: [u8; 4]| SpeakerConfig::new(asn, id.into());
    let mut pair = Pair {
        dials: speaker_with(config(ASN, [10, 0, 0, 1]), dials).await,
        listens: speaker_with(config(PEER_ASN, [10, 0, 0, 2]), listens).await,
        flaps: 0,
    };
    pair.change(None, output).await;
    pair.change(Some(FIRST), output).await;
    pair.differ(Some(WRONG), Some(FIRST), output).await;
    pair.change(Some(SECOND), output).await;
    pair.differ(None, Some(SECOND), output).await;
    pair.differ(Some(SECOND), None, output).await;
    pair.change(None, output).await;
}

fn password(text: Option<&str>) -> Option<Password> {
    let password = text.map(|text| Password::new(text.as_bytes()));
    password.map(|it| it.expect("short"))
}

/// Passwords that the kernel or TCP MD5 does not take are errors with a cause, and who has one gets no session without it.
async fn refused_passwords(output: &Output) {
    let long = Password::new([FIRST; 8].concat().as_bytes()).expect_err("104 octets");
    assert!(long.to_string().contains("104 octets"), "{long}");
    output.show(&long);

    let limit = std::fs::read_to_string("/proc/sys/net/core/optmem_max").expect("Linux");
    let limit: usize = limit.trim().parse().expect("octets");
    assert!(
        limit <= MOST_OPTION_MEMORY,
        "lower net.core.optmem_max for this test: {limit} octets hold too many keys"
    );
    let (speaker, local) = speaker("127.90.2.1").await;
    let address = |n: usize| format!("127.91.{}.{}", n / 250, 1 + n % 250);
    let with_password = |n| {
        let mut peer: PeerConfig = passive(&address(n), Asn(PEER_ASN.0));
        peer.password = password(Some(FIRST));
        peer
    };
    // A key of a listener takes more than 100 octets of the memory that a socket's options may have.
    let mut count = 0;
    let refused = loop {
        assert!(count <= limit / 100, "{count} keys are no problem");
        speaker.set_peer(with_password(count));
        count += 1;
        let last = peer(&speaker, ip(&address(count - 1)));
        if let Some(problem) = last.problem {
            assert!(problem.contains("raise net.core.optmem_max"), "{problem}");
            break address(count - 1);
        }
    };
    output.show(&speaker.status());
    // Nobody is let in without the password that there should be.
    let mut raw = RawPeer::dial(&refused, local).await;
    assert!(raw.next().await.is_none());
    assert_eq!(peer(&speaker, ip(&refused)).messages.sent.total(), 0);

    // Where another peer goes there is room again.
    speaker.remove_peer(ip(&address(0)));
    until(&speaker, "room", |status| {
        let status = status.peer(ip(&refused)).expect("configured");
        status.problem.is_none()
    })
    .await;
}
