//! MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760).

use crate::check::Fault;
use crate::prefix::check_prefixes;
use crate::{Afi, Context, Family, FamilySet, NextHop, Prefixes, Safi};

/// MP_REACH_NLRI (RFC 4760 section 3): routes of any family, with their next hop.
///
/// ```text
/// | AFI (2) | SAFI (1) | length of next hop (1) | next hop | reserved (1) | NLRI (rest) |
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MpReachView<'a> {
    /// The family.
    pub family: Family,
    /// The next hop's octets: 4, 16 or 32 of them for the families of plain prefixes.
    pub next_hop: &'a [u8],
    /// The routes' octets; of a form of its own for each family.
    pub nlri: &'a [u8],
    add_path: bool,
}

impl<'a> MpReachView<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8], add_path: FamilySet) -> Option<Self> {
        let (family, rest) = split_family(value)?;
        let (&len, rest) = rest.split_first()?;
        let (next_hop, rest) = rest.split_at_checked(usize::from(len))?;
        let (_reserved, nlri) = rest.split_first()?;
        Some(Self {
            family,
            next_hop,
            nlri,
            add_path: add_path.contains(family),
        })
    }

    /// The next hop as addresses; `None` where it has another form, as for VPNs.
    #[must_use]
    #[inline]
    pub fn next_hop(&self) -> Option<NextHop> {
        NextHop::from_octets(self.next_hop)
    }

    /// The routes where they are plain prefixes; nothing for other families.
    #[must_use]
    #[inline]
    pub fn prefixes(&self) -> Prefixes<'a> {
        Prefixes::new(self.nlri, self.family, self.add_path)
    }
}

/// MP_UNREACH_NLRI (RFC 4760 section 4): withdrawn routes of any family.
///
/// ```text
/// | AFI (2) | SAFI (1) | withdrawn routes (rest) |
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MpUnreachView<'a> {
    /// The family.
    pub family: Family,
    /// The routes' octets; of a form of its own for each family.
    pub nlri: &'a [u8],
    add_path: bool,
}

impl<'a> MpUnreachView<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8], add_path: FamilySet) -> Option<Self> {
        let (family, nlri) = split_family(value)?;
        Some(Self {
            family,
            nlri,
            add_path: add_path.contains(family),
        })
    }

    /// The routes where they are plain prefixes; nothing for other families.
    #[must_use]
    #[inline]
    pub fn prefixes(&self) -> Prefixes<'a> {
        Prefixes::new(self.nlri, self.family, self.add_path)
    }
}

#[inline]
pub(crate) fn split_family(value: &[u8]) -> Option<(Family, &[u8])> {
    let ([high, low, safi], rest) = value.split_first_chunk::<3>()?;
    Some((
        Family::new(Afi(u16::from_be_bytes([*high, *low])), Safi(*safi)),
        rest,
    ))
}

/// Checks MP_REACH_NLRI (RFC 7606 sections 5.3 and 7.11).
#[inline]
pub(crate) fn check_reach(value: &[u8], context: &Context) -> Result<(), Fault> {
    let (family, _) = split_family(value).ok_or(Fault::TooShort)?;
    let view =
        MpReachView::new(value, context.add_path_receive).ok_or(Fault::MultiprotocolNextHop)?;
    let fits = match (family.prefix_bits(), view.next_hop.len()) {
        (None, _) | (Some(32), 4) | (Some(128), 16 | 32) => true,
        (Some(32), 16 | 32) => context.extended_next_hop.contains(family),
        _ => false,
    };
    if !fits {
        return Err(Fault::MultiprotocolNextHop);
    }
    check_nlri(view.nlri, family, view.add_path)
}

/// Checks MP_UNREACH_NLRI (RFC 7606 section 5.3).
#[inline]
pub(crate) fn check_unreach(value: &[u8], context: &Context) -> Result<(), Fault> {
    let view = MpUnreachView::new(value, context.add_path_receive).ok_or(Fault::TooShort)?;
    check_nlri(view.nlri, view.family, view.add_path)
}

#[inline]
fn check_nlri(nlri: &[u8], family: Family, add_path: bool) -> Result<(), Fault> {
    let Some(bits) = family.prefix_bits() else {
        return Ok(());
    };
    check_prefixes(nlri, bits, add_path).map_err(|_| Fault::MultiprotocolSyntax)
}
