//! Autonomous System numbers.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;

/// An Autonomous System number of four octets (RFC 6793). Displayed and parsed as plain decimal
/// (RFC 5396, asplain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Asn(pub u32);

impl Asn {
    /// `AS_TRANS` (RFC 6793 section 9): what stands in two octets for a number that needs four.
    pub const TRANS: Self = Self(23456);

    /// The number in two octets: itself, or [`Asn::TRANS`] where it does not fit.
    #[must_use]
    pub const fn to_two_octets(self) -> u16 {
        if self.0 > u16::MAX as u32 {
            Self::TRANS.0 as u16
        } else {
            self.0 as u16
        }
    }

    /// Whether the number fits into two octets.
    #[must_use]
    pub const fn is_two_octets(self) -> bool {
        self.0 <= u16::MAX as u32
    }

    /// Whether the number may appear in a message at all: AS 0 may not (RFC 7607).
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl From<u32> for Asn {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl From<u16> for Asn {
    fn from(value: u16) -> Self {
        Self(u32::from(value))
    }
}

impl From<Asn> for u32 {
    fn from(value: Asn) -> Self {
        value.0
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Asn {
    type Err = ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

/// How many octets an AS number takes in AS_PATH and AGGREGATOR on a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AsWidth {
    /// Two octets: a peer did not advertise the four-octet AS number capability (an OLD speaker of
    /// RFC 6793).
    #[default]
    Two,
    /// Four octets: both sides advertised the capability.
    Four,
}

impl AsWidth {
    /// The width in octets: 2 or 4.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// How a peer relates to us, on which several checks of RFC 7606 depend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PeerKind {
    /// Another AS, outside of our confederation if we are in one.
    #[default]
    Ebgp,
    /// Our own AS, or our own member AS of a confederation.
    Ibgp,
    /// Another member AS of our confederation (RFC 5065).
    Confederation,
}

impl PeerKind {
    /// Whether the peer may send LOCAL_PREF: within an AS, and between member ASes (RFC 5065
    /// section 4).
    #[must_use]
    pub const fn is_internal(self) -> bool {
        !matches!(self, Self::Ebgp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn wide_numbers_become_as_trans_in_two_octets() {
        assert_eq!(Asn(65535).to_two_octets(), 65535);
        assert_eq!(Asn(65536).to_two_octets(), 23456);
    }

    #[test]
    fn shown_and_parsed_as_plain_decimal() {
        assert_eq!(
            "4200000000".parse::<Asn>().unwrap().to_string(),
            "4200000000"
        );
        assert!("1.5".parse::<Asn>().is_err());
    }
}
