//! Our OPEN, what is wrong with the neighbour's, and what the two amount to.

use std::time::Duration;

use bgp_wire::{
    Asn, Capability, CapabilityCode, Context, Family, GracefulRestart, GracefulRestartFamily,
    MAX_MESSAGE, Notification, Open, OpenError, OpenErrorKind, PeerKind, Span, WireError,
};

use crate::{ConnId, Endpoints, Negotiated, SessionConfig};

/// Capabilities that the neighbour refused, to be left out of the next OPEN (RFC 5492 section 3).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// It does not take the Capabilities parameter at all.
    all: bool,
    codes: Vec<u8>,
}

impl Refused {
    /// Takes in what the neighbour says about our OPEN. False if there is no point in trying
    /// again without: nothing new was refused, or no family would be left.
    pub(crate) fn learn(&mut self, config: &SessionConfig, notification: &Notification) -> bool {
        let before = (self.all, self.codes.len());
        let codes = match notification.error.subcode {
            UNSUPPORTED_CAPABILITY => capability_codes(&notification.data),
            _ => Vec::new(),
        };
        if codes.is_empty() {
            self.all = true;
        }
        for code in codes {
            if !self.codes.contains(&code) {
                self.codes.push(code);
            }
        }
        (self.all, self.codes.len()) != before && self.leaves_a_family(config)
    }

    /// Whether an OPEN without `code` is to be sent.
    fn omits(&self, code: u8) -> bool {
        self.all || self.codes.contains(&code)
    }

    /// An OPEN without multiprotocol capabilities still stands for IPv4 unicast.
    fn leaves_a_family(&self, config: &SessionConfig) -> bool {
        !self.omits(CapabilityCode::MULTI_PROTOCOL.0)
            || config.families.contains(&Family::IPV4_UNICAST)
    }
}

const UNSUPPORTED_CAPABILITY: u8 = bgp_wire::ErrorCode::UNSUPPORTED_CAPABILITY.subcode;

/// The codes in a 2/7's data: capabilities as in an OPEN.
fn capability_codes(mut data: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    while let [code, len, rest @ ..] = data {
        codes.push(*code);
        data = rest.get(usize::from(*len)..).unwrap_or(&[]);
    }
    codes
}

/// The OPEN to send.
pub(crate) fn build(config: &SessionConfig, restarting: bool, refused: &Refused) -> Open {
    let mut open = Open::new(config.open_asn(), config.hold_time, config.bgp_id);
    let mut offer = |code: CapabilityCode, capability: Capability| {
        if !refused.omits(code.0) {
            open.capabilities.push(capability);
        }
    };
    for family in &config.families {
        offer(
            CapabilityCode::MULTI_PROTOCOL,
            Capability::MultiProtocol(*family),
        );
    }
    offer(CapabilityCode::ROUTE_REFRESH, Capability::RouteRefresh);
    offer(
        CapabilityCode::ENHANCED_ROUTE_REFRESH,
        Capability::EnhancedRouteRefresh,
    );
    if config.extended_messages {
        offer(
            CapabilityCode::EXTENDED_MESSAGE,
            Capability::ExtendedMessage,
        );
    }
    if let Some(gr) = config.graceful_restart {
        let capability = GracefulRestart {
            restarting,
            notification: gr.notification,
            time: gr.time,
            families: config
                .families
                .iter()
                .map(|family| GracefulRestartFamily {
                    family: *family,
                    forwarding: true,
                })
                .collect(),
        };
        offer(
            CapabilityCode::GRACEFUL_RESTART,
            Capability::GracefulRestart(capability),
        );
    }
    if refused.omits(CapabilityCode::FOUR_OCTET_ASN.0) {
        open.capabilities
            .retain(|c| !matches!(c, Capability::FourOctetAsn(_)));
    }
    let extra = config
        .extra_capabilities
        .iter()
        .filter(|c| !refused.omits(c.code().0));
    for capability in extra.filter(|c| c.encoded_len() <= LONGEST_CAPABILITY) {
        open.capabilities.push(capability.clone());
        if open.encoded_len() > usize::from(MAX_MESSAGE) {
            open.capabilities.pop();
        }
    }
    open
}

/// Code, length and 255 octets of value.
const LONGEST_CAPABILITY: usize = 257;

/// Checks the neighbour's OPEN against what is configured.
///
/// What [`Open::decode`] checks already (version, parameters) is not looked at again.
pub(crate) fn validate(config: &SessionConfig, open: &Open) -> Result<(), OpenError> {
    let asn = open.asn();
    if asn != config.peer_asn || asn == Asn(0) {
        return Err(WireError::new(OpenErrorKind::BadPeerAs(asn), MY_AS));
    }
    // RFC 6286 section 2.2: the identifier is unique within an AS only.
    let internal = config.peer_kind() == PeerKind::Ibgp;
    if open.bgp_id.is_unspecified() || (internal && open.bgp_id == config.bgp_id) {
        return Err(WireError::new(
            OpenErrorKind::BadIdentifier(open.bgp_id),
            BGP_IDENTIFIER,
        ));
    }
    if matches!(open.hold_time, 1 | 2) {
        let kind = OpenErrorKind::UnacceptableHoldTime(open.hold_time);
        return Err(WireError::new(kind, HOLD_TIME));
    }
    if !roles_fit(config, open) {
        return Err(WireError::new(OpenErrorKind::RoleMismatch, Span::default()));
    }
    if common_families(config, open).next().is_none() {
        return Err(WireError::new(
            OpenErrorKind::MissingCapability,
            Span::default(),
        ));
    }
    Ok(())
}

// Where the fields lie in an OPEN (RFC 4271 section 4.2).
const MY_AS: Span = Span { offset: 20, len: 2 };
const HOLD_TIME: Span = Span { offset: 22, len: 2 };
const BGP_IDENTIFIER: Span = Span { offset: 24, len: 4 };

/// The NOTIFICATION for an OPEN that is refused. A missing capability is named in the data
/// (RFC 5492 section 5).
pub(crate) fn refusal(config: &SessionConfig, error: OpenError, message: &[u8]) -> Notification {
    let notification = error.notification(message).to_owned();
    if error.kind != OpenErrorKind::MissingCapability {
        return notification;
    }
    let mut data = Vec::with_capacity(6 * config.families.len());
    for family in &config.families {
        let [high, low] = family.afi.0.to_be_bytes();
        data.extend([
            CapabilityCode::MULTI_PROTOCOL.0,
            4,
            high,
            low,
            0,
            family.safi.0,
        ]);
    }
    notification.with_data(data)
}

/// What both OPENs agree on. Both were validated.
pub(crate) fn negotiate(
    config: &SessionConfig,
    (conn, endpoints): (ConnId, Endpoints),
    sent: Open,
    received: Open,
) -> Negotiated {
    let peer_kind = config.peer_kind();
    let context = Context::negotiated(&sent, &received, peer_kind);
    let both = |is: fn(&Capability) -> bool| {
        sent.capabilities.iter().any(is) && received.capabilities.iter().any(is)
    };
    let hold_time = sent.hold_time.min(received.hold_time);
    let ours = graceful_restart(&sent);
    let theirs = ours.and_then(|_| graceful_restart(&received)).cloned();
    Negotiated {
        conn,
        endpoints,
        families: common_families(config, &received).collect(),
        peer_kind,
        local_asn: config.open_asn(),
        prepend: (peer_kind != PeerKind::Ibgp).then(|| config.open_asn()),
        as_width: context.as_width,
        max_message: context.max_message,
        context,
        hold_time: seconds(hold_time),
        keepalive: keepalive(config, hold_time),
        notification_restart: ours.is_some_and(|gr| gr.notification)
            && theirs.as_ref().is_some_and(|gr| gr.notification),
        graceful_restart: theirs,
        route_refresh: both(|c| matches!(c, Capability::RouteRefresh)),
        enhanced_route_refresh: both(|c| matches!(c, Capability::EnhancedRouteRefresh)),
        local_open: sent,
        peer_open: received,
    }
}

/// Our families that the neighbour has as well. Without any multiprotocol capability an OPEN
/// stands for IPv4 unicast (RFC 4760 section 8).
fn common_families<'a>(
    config: &'a SessionConfig,
    open: &'a Open,
) -> impl Iterator<Item = Family> + 'a {
    let plain = !open
        .capabilities
        .iter()
        .any(|c| matches!(c, Capability::MultiProtocol(_)));
    config.families.iter().copied().filter(move |family| {
        open.capabilities
            .contains(&Capability::MultiProtocol(*family))
            || (plain && *family == Family::IPV4_UNICAST)
    })
}

/// The configured time; a third of the hold time where none is configured, or where the
/// neighbour's smaller hold time leaves no room for it (RFC 4271 section 4.4).
fn keepalive(config: &SessionConfig, hold_time: u16) -> Option<Duration> {
    if hold_time == 0 {
        return None;
    }
    let third = (hold_time / 3).max(1);
    let time = match config.keepalive {
        Some(time) if hold_time == config.hold_time && time < hold_time => time,
        Some(time) => time.min(third),
        None => third,
    };
    seconds(time)
}

fn seconds(time: u16) -> Option<Duration> {
    (time > 0).then(|| Duration::from_secs(u64::from(time)))
}

fn graceful_restart(open: &Open) -> Option<&GracefulRestart> {
    // RFC 4724 section 3: of several instances the last counts.
    open.capabilities.iter().rev().find_map(|c| match c {
        Capability::GracefulRestart(gr) => Some(gr),
        _ => None,
    })
}

/// RFC 9234 section 4.2, where both sides send a role.
fn roles_fit(config: &SessionConfig, open: &Open) -> bool {
    let role = |capabilities: &[Capability]| {
        capabilities.iter().find_map(|c| match c {
            Capability::Role(role) => Some(*role),
            _ => None,
        })
    };
    match (role(&config.extra_capabilities), role(&open.capabilities)) {
        (Some(ours), Some(theirs)) => ours.fits(theirs),
        _ => true,
    }
}
