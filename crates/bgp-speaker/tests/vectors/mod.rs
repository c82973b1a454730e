//! What RFC 7606 says about UPDATEs, attribute by attribute: each with its flags, its lengths and its values, by eBGP and
//! by iBGP. Written from the RFCs, not from the code under test.

mod attributes;
mod messages;

use std::fmt;

use Fate::{Discarded, Kept, Reset, Withdrawn};

/// Who sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum From {
    /// An external peer with four-octet AS numbers.
    Ebgp,
    /// An internal peer.
    Ibgp,
    /// An external peer with two-octet AS numbers.
    Old,
    /// A peer in another member AS of our confederation.
    Member,
}

/// What is to become of the route and the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// The route is announced with this type of attribute.
    Kept(u8),
    /// The route is announced without this type of attribute.
    Discarded(u8),
    /// The route counts as withdrawn, the session stays.
    Withdrawn,
    /// The session ends with a NOTIFICATION of this code and subcode.
    Reset(u8, u8),
}

/// One UPDATE about [`ROUTE`] and what it is to lead to.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) from: From,
    pub(crate) message: Vec<u8>,
    pub(crate) fate: Fate,
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} {:02x?}", self.from, self.name, &self.message)
    }
}

/// 10.1.0.0/16.
pub(crate) const ROUTE: &[u8] = &[16, 10, 1];

/// All of them.
pub(crate) fn all() -> Vec<Vector> {
    let mut all: Vec<_> = [From::Ebgp, From::Ibgp]
        .into_iter()
        .flat_map(|from| attributes::table(from).into_iter().flat_map(rows(from)))
        .collect();
    all.extend(attributes::of_others());
    all.extend(messages::table());
    all
}

/// What an attribute has to look like, and what becomes of the route otherwise.
pub(crate) struct Attribute {
    name: &'static str,
    kind: u8,
    /// Optional and Transitive.
    flags: u8,
    /// Whether this kind of peer may send it; if not it is discarded, whatever it looks like.
    allowed: bool,
    wrong_flags: Fate,
    good: Vec<Vec<u8>>,
    /// Values with what they lead to.
    bad: Vec<(&'static str, Vec<u8>, Fate)>,
}

/// One vector per value, per combination of flags, and for an attribute that is there twice.
fn rows(from: From) -> impl Fn(Attribute) -> Vec<Vector> {
    move |attribute| {
        let Attribute { name, kind, .. } = attribute;
        let mut vectors = Vec::new();
        let mut add = |what: String, flags: u8, value: &[u8], fate: Fate| {
            let fate = if attribute.allowed {
                fate
            } else {
                Discarded(kind)
            };
            vectors.push(Vector {
                name: format!("{name} {what}"),
                from,
                message: route(from, &[&encoded(flags, kind, value)], ROUTE),
                fate,
            });
        };
        for value in &attribute.good {
            add(format!("{value:02x?}"), attribute.flags, value, Kept(kind));
            add(
                format!("{value:02x?}, extended length"),
                attribute.flags | 0x10,
                value,
                Kept(kind),
            );
        }
        let good = attribute.good[0].as_slice();
        // RFC 4271 section 4.3: the lower four bits are to be ignored.
        add(
            "with unused bits".into(),
            attribute.flags | 0x0f,
            good,
            Kept(kind),
        );
        add("partial".into(), attribute.flags | 0x20, good, Kept(kind));
        for flags in [0x00, 0x40, 0x80, 0xc0] {
            if flags != attribute.flags {
                add(
                    format!("with flags {flags:02x}"),
                    flags,
                    good,
                    attribute.wrong_flags,
                );
            }
        }
        for (what, value, fate) in &attribute.bad {
            add((*what).into(), attribute.flags, value, *fate);
            let stronger = match (fate, attribute.wrong_flags) {
                (Withdrawn, _) | (_, Withdrawn) => Withdrawn,
                _ => *fate,
            };
            add(
                format!("{what}, wrong flags too"),
                attribute.flags ^ 0x40,
                value,
                stronger,
            );
        }
        // Section 3 g: the first counts.
        let one = encoded(attribute.flags, kind, good);
        let fate = if attribute.allowed {
            Kept(kind)
        } else {
            Discarded(kind)
        };
        vectors.push(Vector {
            name: format!("{name} twice"),
            from,
            message: route(from, &[&one, &one], ROUTE),
            fate,
        });
        vectors
    }
}

/// An attribute; with an extended length where the flags say so.
pub(crate) fn encoded(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut attribute = vec![flags, kind];
    match flags & 0x10 {
        0 => attribute.push(value.len() as u8),
        _ => attribute.extend((value.len() as u16).to_be_bytes()),
    }
    attribute.extend(value);
    attribute
}

/// An UPDATE with these attributes, and those that a route must have unless they are among them.
pub(crate) fn route(from: From, attributes: &[&[u8]], nlri: &[u8]) -> Vec<u8> {
    let path: &[u8] = match from {
        From::Ebgp => &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9],
        From::Old => &[0x40, 2, 4, 2, 1, 0xfd, 0xe9],
        From::Ibgp => &[0x40, 2, 0],
        From::Member => &[0x40, 2, 6, 3, 1, 0, 0, 0xfd, 0xea],
    };
    let mandatory: [&[u8]; 3] = [&[0x40, 1, 1, 0], path, &[0x40, 3, 4, 192, 0, 2, 1]];
    let is_there = |kind: u8| attributes.iter().any(|attribute| attribute[1] == kind);
    let mut list = mandatory.to_vec();
    list.retain(|attribute| !is_there(attribute[1]));
    list.extend(attributes);
    update(&[], &list, nlri)
}

/// An UPDATE of these fields.
pub(crate) fn update(withdrawn: &[u8], attributes: &[&[u8]], nlri: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let len = 23 + withdrawn.len() + attributes.len() + nlri.len();
    let mut message = vec![0xff; 16];
    message.extend((len as u16).to_be_bytes());
    message.push(2);
    message.extend((withdrawn.len() as u16).to_be_bytes());
    message.extend(withdrawn);
    message.extend((attributes.len() as u16).to_be_bytes());
    message.extend(attributes);
    message.extend(nlri);
    message
}

impl Fate {
    /// Treat-as-withdraw where no route is left to withdraw (section 5.2).
    fn without_routes(self, subcode: u8) -> Fate {
        match self {
            Withdrawn => Reset(3, subcode),
            other => other,
        }
    }
}
