//! Our own table of RFC 7606 vectors over live sessions: the right fate of session and route in each row.

mod common;
mod vectors;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bgp_speaker::{Asn, Confederation, Observer, Speaker, SpeakerConfig, State};
use bgp_wire::{Capability, Open, UpdateView};
use bytes::BytesMut;
use common::*;
use vectors::{Fate, From, ROUTE, Vector};

/// In the confederation of the speaker that has members.
const MEMBER: Asn = Asn(65002);
/// Sent behind each vector: 10.99.0.0/16.
const SENTINEL: &[u8] = &[16, 10, 99];

#[tokio::test]
async fn every_vector_meets_its_fate() {
    let scene = Scene::new("127.60.0.1").await;
    let mut failures = Vec::new();
    let all = vectors::all();
    for (number, vector) in all.iter().enumerate() {
        let address = Ipv4Addr::new(127, 60, 1 + (number / 200) as u8, 1 + (number % 200) as u8);
        let fate = scene.fate(address.into(), vector).await;
        if fate.as_ref() != Ok(&vector.fate) {
            failures.push(format!("{vector:?}: {fate:?}, not {:?}", vector.fate));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        all.len(),
        failures.join("\n")
    );
    assert!(all.len() > 500, "{} vectors", all.len());
}

/// A speaker, a member of a confederation, and what it sees.
struct Scene {
    speaker: Speaker,
    local: SocketAddr,
    witness: Arc<Witness>,
}

impl Scene {
    async fn new(address: &str) -> Self {
        let witness = Arc::new(Witness::default());
        let mut config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1));
        config.confederation = Some(Confederation {
            identifier: Asn(64999),
            members: vec![MEMBER],
        });
        let config = config.observer(Arc::clone(&witness) as _);
        let (speaker, local) = speaker_with(config, address).await;
        Self {
            speaker,
            local,
            witness,
        }
    }

    /// What becomes of the vector, in a session of its own.
    async fn fate(&self, address: IpAddr, vector: &Vector) -> Result<Fate, String> {
        let open = open_of(vector.from);
        let text = address.to_string();
        self.speaker.set_peer(passive(&text, open.asn()));
        let mut raw = RawPeer::dial(&text, self.local).await;
        raw.handshake(&open).await.ok_or("no session")?;
        let route = |prefix| vectors::route(vector.from, &[], prefix);
        let messages = [route(ROUTE), vector.message.clone(), route(SENTINEL)];
        raw.send(&messages.concat()).await;
        let ended = |status: &bgp_speaker::Status| state(status, address) != State::Established;
        until(&self.speaker, "the fate", |status| {
            ended(status) || self.witness.saw_sentinel(address)
        })
        .await;
        let seen = self.witness.seen(address);
        let fate = if ended(&self.speaker.status()) {
            let error = raw.notification().await.ok_or("no NOTIFICATION")?.error;
            if raw.next().await.is_some() {
                return Err("something follows a NOTIFICATION".into());
            }
            match seen.len() {
                1 => Ok(Fate::Reset(error.code, error.subcode)),
                many => Err(format!("{many} UPDATEs were taken before {error}")),
            }
        } else {
            match seen.as_slice() {
                [_, of_vector, _] => of_vector.fate(vector.fate),
                others => Err(format!("{} UPDATEs", others.len())),
            }
        };
        self.speaker.remove_peer(address);
        fate
    }
}

fn open_of(from: From) -> Open {
    let mut open = own_open(match from {
        From::Ebgp | From::Old => PEER_ASN,
        From::Ibgp => ASN,
        From::Member => MEMBER,
    });
    if from == From::Old {
        open.capabilities
            .retain(|it| !matches!(it, Capability::FourOctetAsn(_)));
    }
    // What cannot be encoded could not be sent either.
    open.encode(&mut BytesMut::new()).expect("fits");
    open
}

/// Keeps every UPDATE of each peer, in the order in which they came.
#[derive(Default)]
struct Witness(Mutex<BTreeMap<IpAddr, Vec<Seen>>>);

/// What an observer is shown of one UPDATE.
#[derive(Clone)]
struct Seen {
    announced: Vec<String>,
    withdrawn: Vec<String>,
    attributes: Vec<u8>,
}

impl Observer for Witness {
    fn update(&self, peer: IpAddr, update: &UpdateView<'_>) {
        let seen = Seen {
            announced: update.announced().map(|it| it.to_string()).collect(),
            withdrawn: update.withdrawn().map(|it| it.to_string()).collect(),
            attributes: update.attributes().map(|it| it.kind().0).collect(),
        };
        self.0.lock().unwrap().entry(peer).or_default().push(seen);
    }
}

impl Witness {
    fn seen(&self, peer: IpAddr) -> Vec<Seen> {
        let seen = self.0.lock().unwrap();
        seen.get(&peer).cloned().unwrap_or_default()
    }

    fn saw_sentinel(&self, peer: IpAddr) -> bool {
        let seen = self.seen(peer);
        seen.iter().any(|it| it.announced == ["10.99.0.0/16"])
    }
}

impl Seen {
    /// In the words of the table; `expected` says which attribute is looked for.
    fn fate(&self, expected: Fate) -> Result<Fate, String> {
        let route = || "10.1.0.0/16".to_owned();
        let is_announced = self.announced.contains(&route());
        let is_withdrawn = self.withdrawn.contains(&route());
        match (is_announced, is_withdrawn, expected) {
            (true, false, Fate::Kept(kind) | Fate::Discarded(kind)) => {
                Ok(match self.attributes.contains(&kind) {
                    true => Fate::Kept(kind),
                    false => Fate::Discarded(kind),
                })
            }
            (false, true, _) => Ok(Fate::Withdrawn),
            _ => Err(format!(
                "announced {:?}, withdrawn {:?}",
                self.announced, self.withdrawn
            )),
        }
    }
}
