//! The three places that a router ID can come from, in their order.

use std::fmt;
use std::net::Ipv4Addr;

/// What is known of a Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeFacts<'a> {
    /// The Node's name.
    pub name: &'a str,
    /// Value of the router-ID annotation, if the Node has it.
    pub annotation: Option<&'a str>,
    /// The Node's IPv4 transport address, if it has one.
    pub ipv4: Option<Ipv4Addr>,
}

/// Where a router ID came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The annotation.
    Annotation,
    /// The Node's IPv4 transport address.
    NodeAddress,
    /// A hash of the Node's name.
    NodeName,
}

/// The annotation holds something that is no router ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAnnotation;

impl fmt::Display for InvalidAnnotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a router ID is an IPv4 address other than 0.0.0.0")
    }
}

impl std::error::Error for InvalidAnnotation {}

/// Reads a router ID from the annotation's text.
///
/// # Errors
///
/// Anything but a dotted quad, and 0.0.0.0, which no OPEN may carry (RFC 6286 section 2.1).
pub fn parse(annotation: &str) -> Result<Ipv4Addr, InvalidAnnotation> {
    let id = annotation.parse().map_err(|_| InvalidAnnotation)?;
    if id == Ipv4Addr::UNSPECIFIED {
        Err(InvalidAnnotation)
    } else {
        Ok(id)
    }
}

/// Selects a router ID from scratch: a valid annotation, else the IPv4 address, else the name.
#[must_use]
pub fn select(node: &NodeFacts<'_>) -> (Ipv4Addr, Source) {
    if let Some(Ok(id)) = node.annotation.map(parse) {
        return (id, Source::Annotation);
    }
    match node.ipv4.filter(|address| !address.is_unspecified()) {
        Some(address) => (address, Source::NodeAddress),
        None => (from_node_name(node.name), Source::NodeName),
    }
}

/// The 32-bit FNV-1a hash of a Node's name, as a dotted quad: what Antrea uses on a Node that has
/// no IPv4 address. The one name in four thousand million that hashes to 0 gets 0.0.0.1.
#[must_use]
pub fn from_node_name(name: &str) -> Ipv4Addr {
    const OFFSET_BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = name.bytes().fold(OFFSET_BASIS, |hash, octet| {
        (hash ^ u32::from(octet)).wrapping_mul(PRIME)
    });
    Ipv4Addr::from(hash.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeFacts<'_> = NodeFacts {
        name: "local",
        annotation: None,
        ipv4: Some(Ipv4Addr::new(192, 0, 2, 7)),
    };

    #[test]
    fn a_valid_annotation_comes_first() {
        let node = NodeFacts {
            annotation: Some("10.0.0.1"),
            ..NODE
        };
        assert_eq!(
            select(&node),
            (Ipv4Addr::new(10, 0, 0, 1), Source::Annotation)
        );
    }

    #[test]
    fn without_an_annotation_the_ipv4_address_is_used() {
        assert_eq!(
            select(&NODE),
            (Ipv4Addr::new(192, 0, 2, 7), Source::NodeAddress)
        );
    }

    #[test]
    fn an_ipv6_only_node_hashes_its_name_with_fnv_1a() {
        let node = NodeFacts { ipv4: None, ..NODE };
        assert_eq!(
            select(&node),
            (Ipv4Addr::new(156, 67, 103, 8), Source::NodeName)
        );
        // The offset basis itself, from the definition of FNV.
        assert_eq!(from_node_name(""), Ipv4Addr::from(0x811c_9dc5));
        // From the FNV test vectors.
        assert_eq!(from_node_name("foobar"), Ipv4Addr::from(0xbf9c_f968));
    }

    #[test]
    fn text_that_is_no_router_id_is_refused() {
        for text in [
            "",
            "0.0.0.0",
            "10.0.0",
            "10.0.0.1 ",
            "010.0.0.1",
            "::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(parse(text), Err(InvalidAnnotation), "{text:?}");
        }
    }
}
