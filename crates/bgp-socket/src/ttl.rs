/// The TTL (IPv6: hop limit) of one session's segments: what is sent, and the least that is taken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Ttl {
    send: u8,
    minimum: Option<u8>,
}

impl Ttl {
    /// Send with `hops`, and take anything. 1 reaches a directly connected peer only, the usual guard of eBGP; 255 is
    /// what iBGP sends. Zero is no TTL that a segment can have, and counts as 1.
    pub const fn hops(hops: u8) -> Self {
        Self {
            send: if hops == 0 { 1 } else { hops },
            minimum: None,
        }
    }

    /// The Generalized TTL Security Mechanism (RFC 5082): send with 255, and let the kernel drop what comes from further
    /// away than `hops` (1: directly connected), that is, with a TTL below 256 − `hops`. Zero counts as 1.
    pub const fn security(hops: u8) -> Self {
        let hops = if hops == 0 { 1 } else { hops };
        Self {
            send: 255,
            minimum: Some(255 - (hops - 1)),
        }
    }

    /// The TTL that is sent, 1–255.
    pub const fn sent(self) -> u8 {
        self.send
    }

    /// The least TTL that is taken, if there is one.
    pub const fn minimum(self) -> Option<u8> {
        self.minimum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_takes_256_minus_hops() {
        assert_eq!(
            (Ttl::security(1).sent(), Ttl::security(1).minimum()),
            (255, Some(255))
        );
        assert_eq!(Ttl::security(255).minimum(), Some(1));
    }

    #[test]
    fn hops_take_anything() {
        assert_eq!((Ttl::hops(3).sent(), Ttl::hops(3).minimum()), (3, None));
        assert_eq!(Ttl::hops(0), Ttl::hops(1));
    }
}
