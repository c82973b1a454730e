//! How far routes have come at one peer, or why they cannot.

use std::net::IpAddr;

use antrea_bgp_policy::PeerView;
use bgp_speaker::{Delivery, Speaker, State, Status};
use ipnet::IpNet;

use super::Known;
use super::peers::summary;

/// One peer, as far as routes can be told to it.
pub(super) enum AtPeer<'a> {
    /// Its session is Established.
    Session(&'a Speaker, IpAddr),
    /// It has none, and why, in words.
    NoSession(String),
}

impl<'a> AtPeer<'a> {
    pub(super) fn of(known: &Known<'a>, peer: &PeerView<'_>, status: Option<&Status>) -> Self {
        let address = peer.peer.address;
        let session = status.and_then(|status| status.peer(address));
        if let Some(speaker) = known.process.speaker()
            && session.is_some_and(|session| session.state == State::Established)
        {
            return Self::Session(speaker, address);
        }
        let view = summary(known, peer, session, false);
        Self::NoSession(match view.last_error {
            Some(why) => format!("no session ({}: {why})", view.state),
            None => format!("no session ({})", view.state),
        })
    }

    /// What has become of each of these, in their order.
    pub(super) fn deliveries(&self, prefixes: &[IpNet]) -> Vec<String> {
        match self {
            Self::Session(speaker, address) => {
                let all = speaker.deliveries(*address, prefixes).into_iter();
                all.map(|delivery| in_words(delivery).to_owned()).collect()
            }
            Self::NoSession(why) => vec![why.clone(); prefixes.len()],
        }
    }

    /// The same of one.
    pub(super) fn delivery(&self, prefix: Option<&IpNet>) -> String {
        let all = self.deliveries(prefix.map(std::slice::from_ref).unwrap_or_default());
        let one = all.into_iter().next();
        one.unwrap_or_else(|| in_words(Delivery::NotAdvertised).to_owned())
    }
}

fn in_words(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Sent => "sent",
        Delivery::Pending => "pending",
        _ => "not sent",
    }
}
