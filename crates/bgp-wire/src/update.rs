//! UPDATEs that own their octets: for keeping, changing, building and splitting.

use crate::attribute_encode::{four_octet_companions, put_attribute_header};
use crate::header::header;
use crate::notification::checked_len;
use crate::view::Layout;
use crate::{
    AsWidth, Attribute, AttributeFlags, AttributeType, Context, Disposition, EncodeError, Family,
    HEADER_LEN, MessageType, NextHop, Nlri, UpdateError, UpdateView,
};
use alloc::vec::Vec;
use bytes::BufMut;
use core::hash::{Hash, Hasher};

/// An UPDATE that owns its octets: one allocation, in the form of the wire, with what the session
/// negotiated.
///
/// Keep it, look at it through [`Update::view`], change attributes and add prefixes in place, write
/// it again. What is not touched stays bit for bit as it was received, unknown attributes and odd
/// flags included.
///
/// ```
/// use bgp_wire::{Asn, AsPath, AsWidth, Attribute, Context, NextHop, Origin, PeerKind, Update};
/// let context = Context::new(PeerKind::Ebgp).with_as_width(AsWidth::Four);
/// let mut update = Update::new(&context);
/// update.set(&Attribute::Origin(Origin::Igp))?;
/// update.set(&Attribute::AsPath(AsPath::sequence([Asn(64512)])))?;
/// update.announce("10.1.0.0/16".parse::<ipnet::IpNet>()?.into(), NextHop::V4([192, 0, 2, 1].into()))?;
/// update.set(&Attribute::MultiExitDisc(20))?; // takes its place in front of the prefixes
/// assert_eq!(update.view()?.announced().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Update {
    /// The whole message, its header included; all lengths are right.
    message: Vec<u8>,
    context: Context,
    /// What the checks found, until something changes.
    layout: Option<Layout>,
}

/// The same octets, read with the same context.
impl PartialEq for Update {
    fn eq(&self, other: &Self) -> bool {
        (&self.message, &self.context) == (&other.message, &other.context)
    }
}

impl Eq for Update {}

impl Hash for Update {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.message, &self.context).hash(state);
    }
}

impl Update {
    /// An UPDATE without anything, which is the End-of-RIB marker of IPv4 unicast. `context` is
    /// that of the session's [`Context::outgoing`] messages: it says the width of AS numbers and
    /// which prefixes have path identifiers.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let mut message = Vec::with_capacity(128);
        message.extend_from_slice(&header(MessageType::UPDATE, EMPTY as u16));
        message.extend_from_slice(&[0; 4]);
        Self {
            message,
            context: *context,
            layout: None,
        }
    }

    /// Keeps a whole message that is checked first.
    ///
    /// # Errors
    /// Those of [`UpdateView::parse`]. Weaker ones leave the octets as they are, and the view as
    /// RFC 7606 says.
    pub fn decode(message: &[u8], context: &Context) -> Result<Self, UpdateError> {
        UpdateView::parse(message, context).map(|view| view.to_owned())
    }

    /// The UPDATE, checked by RFC 7606: once, and again after a change.
    ///
    /// # Errors
    /// Those of [`UpdateView::parse`]; only what [`Update::set`] wrote can bring one about.
    pub fn view(&self) -> Result<UpdateView<'_>, UpdateError> {
        match self.layout {
            Some(layout) => Ok(UpdateView::new(&self.message, &self.context, layout)),
            None => UpdateView::parse(&self.message, &self.context),
        }
    }

    /// What the UPDATE was read or is written with.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// The whole message.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        &self.message
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.message.len()
    }

    /// Writes the whole message.
    ///
    /// # Errors
    /// A message longer than the session allows, which [`Update::split`] avoids, or a buffer
    /// without room; nothing is written then.
    pub fn encode(&self, out: &mut impl BufMut) -> Result<(), EncodeError> {
        checked_len(self.message.len(), self.context.max_message, out)?;
        out.put_slice(&self.message);
        Ok(())
    }

    /// Sets an attribute, replacing the one of its type that counts; a new one goes before the
    /// first of a higher type. AS_PATH and AGGREGATOR bring their AS4_PATH and AS4_AGGREGATOR up to
    /// date where AS numbers have two octets.
    ///
    /// # Errors
    /// Those of [`Attribute::encode`], and [`EncodeError::MessageTooLong`] beyond 65535 octets.
    /// That attribute is as before then.
    pub fn set(&mut self, attribute: &Attribute) -> Result<(), EncodeError> {
        self.put(attribute)?;
        let companion_kind = match attribute.kind() {
            AttributeType::AS_PATH => AttributeType::AS4_PATH,
            AttributeType::AGGREGATOR => AttributeType::AS4_AGGREGATOR,
            _ => return Ok(()),
        };
        if self.context.as_width == AsWidth::Four {
            return Ok(());
        }
        self.remove(companion_kind);
        let companions = four_octet_companions(core::slice::from_ref(attribute));
        companions
            .iter()
            .flatten()
            .try_for_each(|companion| self.put(companion))
    }

    fn put(&mut self, attribute: &Attribute) -> Result<(), EncodeError> {
        let mut octets = Vec::with_capacity(attribute.encoded_len(self.context.as_width));
        attribute.encode(self.context.as_width, &mut octets)?;
        let (start, end) = self.place(attribute.kind());
        self.splice(start, end, &octets, Field::Attributes)
    }

    /// Removes every attribute of a type. Whether there was one. MP_REACH_NLRI and MP_UNREACH_NLRI
    /// go with their routes.
    pub fn remove(&mut self, kind: AttributeType) -> bool {
        let before = self.message.len();
        while let (start, end) = self.place(kind)
            && start < end
        {
            // Nothing is added, so nothing gets too long.
            let _ = self.splice(start, end, &[], Field::Attributes);
        }
        self.message.len() < before
    }

    /// Adds a reachable prefix: to the NLRI field and NEXT_HOP for IPv4 unicast with an IPv4 next
    /// hop, else to MP_REACH_NLRI. The next hop is set when the first such prefix is added, and
    /// must be the same for the others.
    ///
    /// # Errors
    /// [`EncodeError::NextHop`] for a next hop that differs or does not fit the family, or routes
    /// of two families in MP_REACH_NLRI; [`EncodeError::PrefixFamily`] for a family that does not
    /// fit the prefix; [`EncodeError::MessageTooLong`] beyond 65535 octets. The UPDATE may have got
    /// its next hop then, but no prefix.
    pub fn announce(&mut self, nlri: Nlri, next_hop: NextHop) -> Result<(), EncodeError> {
        let octets = self.prefix(&nlri)?;
        match (nlri.family, next_hop) {
            (Family::IPV4_UNICAST, NextHop::V4(address)) => {
                match self.value(AttributeType::NEXT_HOP) {
                    None => self.set(&Attribute::NextHop(address))?,
                    Some(there) if there == address.octets() => {}
                    Some(_) => return Err(EncodeError::NextHop(nlri.family)),
                }
                let end = self.message.len();
                self.splice(end, end, octets.as_slice(), Field::Nlri)
            }
            (family, NextHop::V4(_)) if family.prefix_bits() != Some(32) => {
                Err(EncodeError::NextHop(family))
            }
            (family, next_hop) => {
                let (address, len) = next_hop.to_octets();
                let mut head = family_octets(family).to_vec();
                head.push(len as u8);
                head.extend_from_slice(&address[..len]);
                head.push(0);
                self.push_multiprotocol(AttributeType::MP_REACH_NLRI, family, &head, &octets)
            }
        }
    }

    /// Adds a prefix that is not reachable any more: to Withdrawn Routes for IPv4 unicast, else to
    /// MP_UNREACH_NLRI.
    ///
    /// # Errors
    /// [`EncodeError::PrefixFamily`] for a family that does not fit the prefix, or routes of two
    /// families in MP_UNREACH_NLRI; [`EncodeError::MessageTooLong`] beyond 65535 octets. The UPDATE
    /// is as before then.
    pub fn withdraw(&mut self, nlri: Nlri) -> Result<(), EncodeError> {
        let octets = self.prefix(&nlri)?;
        if nlri.family == Family::IPV4_UNICAST {
            let end = WITHDRAWN + self.len_at(WITHDRAWN_LEN);
            return self.splice(end, end, octets.as_slice(), Field::Withdrawn);
        }
        let head = family_octets(nlri.family);
        self.push_multiprotocol(AttributeType::MP_UNREACH_NLRI, nlri.family, &head, &octets)
    }

    /// Splits the UPDATE into messages of at most `max_message` octets, which are appended to
    /// `out`. One that fits is written as it is; of others, withdrawals come first, then
    /// announcements, each with all attributes.
    ///
    /// # Errors
    /// [`EncodeError::MessageTooLong`] where the attributes and one prefix do not fit, and for a
    /// message that RFC 7606 takes exception to: only sound ones are split. `out` is as before
    /// then.
    pub fn split(&self, max_message: u16, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (len, max) = (self.message.len(), usize::from(max_message));
        if len <= max {
            out.extend_from_slice(&self.message);
            return Ok(());
        }
        let too_long = EncodeError::MessageTooLong { len, max };
        let view = self.view().map_err(|_| too_long)?;
        if view.disposition() != Disposition::None {
            return Err(too_long);
        }
        crate::split::split(&view, max_message, out)
    }

    /// Adds a prefix to the attribute of `kind`, which starts with `head`, and makes it where it is
    /// missing.
    fn push_multiprotocol(
        &mut self,
        kind: AttributeType,
        family: Family,
        head: &[u8],
        prefix: &PrefixOctets,
    ) -> Result<(), EncodeError> {
        let there = self.value(kind);
        let value = there.unwrap_or(head);
        if !value.starts_with(head) {
            let same_family = value.starts_with(&family_octets(family));
            return Err(if same_family {
                EncodeError::NextHop(family)
            } else {
                EncodeError::PrefixFamily(family)
            });
        }
        let len = value.len() + prefix.as_slice().len();
        if len > usize::from(u16::MAX) {
            return Err(EncodeError::AttributeTooLong { len });
        }
        let (start, end) = self.place(kind);
        if there.is_some() {
            let extended = AttributeFlags(self.message[start]).is_extended_length();
            if extended || len <= usize::from(u8::MAX) {
                // Grows where it is, so that many prefixes do not copy each other.
                self.splice(end, end, prefix.as_slice(), Field::Attributes)?;
                if extended {
                    self.put_len(start + 2, len as u16);
                } else {
                    self.message[start + 2] = len as u8;
                }
                return Ok(());
            }
        }
        let mut octets = Vec::with_capacity(4 + len);
        put_attribute_header(
            AttributeFlags::OPTIONAL_NON_TRANSITIVE,
            kind,
            len,
            &mut octets,
        );
        octets.extend_from_slice(value);
        octets.extend_from_slice(prefix.as_slice());
        if start < end {
            return self.splice(start, end, &octets, Field::Attributes);
        }
        // RFC 7606 section 5.1: in front of all others.
        let start = self.attributes_start();
        self.splice(start, start, &octets, Field::Attributes)
    }

    fn prefix(&self, nlri: &Nlri) -> Result<PrefixOctets, EncodeError> {
        let add_path = self.context.add_path_receive.contains(nlri.family);
        PrefixOctets::new(nlri, add_path).ok_or(EncodeError::PrefixFamily(nlri.family))
    }

    fn attributes_start(&self) -> usize {
        WITHDRAWN + self.len_at(WITHDRAWN_LEN) + 2
    }

    /// The value of the first attribute of a type.
    fn value(&self, kind: AttributeType) -> Option<&[u8]> {
        let (start, end) = self.place(kind);
        let attribute = &self.message[start..end];
        let extended = AttributeFlags(*attribute.first()?).is_extended_length();
        attribute.get(if extended { 4 } else { 3 }..)
    }

    /// Where the first attribute of a type lies, or where it belongs: before the first of a higher
    /// type, MP_REACH_NLRI and MP_UNREACH_NLRI not counted, which stand in front.
    fn place(&self, kind: AttributeType) -> (usize, usize) {
        let start = self.attributes_start();
        let end = start + self.len_at(start - 2);
        let mut at = start;
        let mut belongs = None;
        while at < end {
            let len = attribute_len(&self.message[at..end]);
            let other = AttributeType(self.message.get(at + 1).copied().unwrap_or(0));
            if other == kind {
                return (at, at + len);
            }
            let in_front = matches!(
                other,
                AttributeType::MP_REACH_NLRI | AttributeType::MP_UNREACH_NLRI
            );
            if other > kind && !in_front && belongs.is_none() {
                belongs = Some(at);
            }
            at += len;
        }
        let at = belongs.unwrap_or(end);
        (at, at)
    }

    /// Replaces octets of a field and sets all lengths anew.
    fn splice(
        &mut self,
        start: usize,
        end: usize,
        octets: &[u8],
        field: Field,
    ) -> Result<(), EncodeError> {
        let len = self.message.len() - (end - start) + octets.len();
        if len > usize::from(u16::MAX) {
            return Err(EncodeError::MessageTooLong {
                len,
                max: usize::from(u16::MAX),
            });
        }
        self.layout = None;
        let attributes_len_at = self.attributes_start() - 2;
        let change = |old: usize| (old - (end - start) + octets.len()) as u16;
        match field {
            Field::Withdrawn => self.put_len(WITHDRAWN_LEN, change(self.len_at(WITHDRAWN_LEN))),
            Field::Attributes => {
                self.put_len(attributes_len_at, change(self.len_at(attributes_len_at)));
            }
            Field::Nlri => {}
        }
        self.put_len(16, len as u16);
        if start == self.message.len() {
            self.message.extend_from_slice(octets);
        } else {
            self.message.splice(start..end, octets.iter().copied());
        }
        Ok(())
    }

    fn len_at(&self, at: usize) -> usize {
        usize::from(u16::from_be_bytes([self.message[at], self.message[at + 1]]))
    }

    fn put_len(&mut self, at: usize, len: u16) {
        self.message[at..at + 2].copy_from_slice(&len.to_be_bytes());
    }
}

impl UpdateView<'_> {
    /// The UPDATE with its octets copied.
    #[must_use]
    pub fn to_owned(&self) -> Update {
        Update {
            message: self.message().to_vec(),
            context: *self.context(),
            layout: Some(self.layout()),
        }
    }
}

/// Octets of an UPDATE without anything.
const EMPTY: usize = HEADER_LEN + 4;
const WITHDRAWN_LEN: usize = HEADER_LEN;
const WITHDRAWN: usize = HEADER_LEN + 2;

/// The field that a change is in.
#[derive(Clone, Copy)]
enum Field {
    Withdrawn,
    Attributes,
    Nlri,
}

/// Octets of the attribute at the start of `list`; all that is left where it does not fit.
fn attribute_len(list: &[u8]) -> usize {
    let len = match *list {
        [flags, _, high, low, ..] if AttributeFlags(flags).is_extended_length() => {
            4 + usize::from(u16::from_be_bytes([high, low]))
        }
        [_, _, len, ..] => 3 + usize::from(len),
        _ => list.len(),
    };
    len.min(list.len())
}

/// AFI and SAFI.
pub(crate) fn family_octets(family: Family) -> [u8; 3] {
    let [high, low] = family.afi.0.to_be_bytes();
    [high, low, family.safi.0]
}

/// A prefix on the wire.
struct PrefixOctets {
    octets: [u8; 21],
    len: usize,
}

impl PrefixOctets {
    /// `None` where the family does not fit the prefix. A path identifier that is asked for and
    /// missing is 0.
    fn new(nlri: &Nlri, add_path: bool) -> Option<Self> {
        let prefix = nlri.prefix.trunc();
        let mut it = Self {
            octets: [0; 21],
            len: 0,
        };
        if add_path {
            it.put(&nlri.path_id.unwrap_or(0).to_be_bytes());
        }
        it.put(&[prefix.prefix_len()]);
        let octets = usize::from(prefix.prefix_len().div_ceil(8));
        match (nlri.family.prefix_bits()?, prefix) {
            (32, ipnet::IpNet::V4(net)) => it.put(&net.addr().octets()[..octets]),
            (128, ipnet::IpNet::V6(net)) => it.put(&net.addr().octets()[..octets]),
            _ => return None,
        }
        Some(it)
    }

    fn put(&mut self, octets: &[u8]) {
        self.octets[self.len..self.len + octets.len()].copy_from_slice(octets);
        self.len += octets.len();
    }

    fn as_slice(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}
