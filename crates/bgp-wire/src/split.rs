//! One UPDATE as several that are shorter.

use crate::attribute_encode::put_attribute_header;
use crate::header::header;
use crate::update::family_octets;
use crate::{
    AttributeFlags, AttributeType, EncodeError, Family, HEADER_LEN, MessageType, UpdateView,
};
use alloc::vec::Vec;

/// Writes the routes of a sound UPDATE as messages of at most `max` octets.
pub(crate) fn split(view: &UpdateView<'_>, max: u16, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = out.len();
    let mut pieces = Pieces {
        max: usize::from(max),
        out,
    };
    let result = pieces.all(view);
    let written = pieces.out.len() > before;
    if result.is_ok() && !written {
        // Attributes without routes: nothing to split at.
        let len = view.message().len();
        return Err(EncodeError::MessageTooLong {
            len,
            max: usize::from(max),
        });
    }
    if result.is_err() {
        out.truncate(before);
    }
    result
}

struct Pieces<'a> {
    max: usize,
    out: &'a mut Vec<u8>,
}

/// The parts of one message.
#[derive(Clone, Copy, Default)]
struct Parts<'a> {
    withdrawn: &'a [u8],
    /// Type, and value before the prefixes, of a multiprotocol attribute.
    multiprotocol: Option<(AttributeType, &'a [u8])>,
    routes: &'a [u8],
    attributes: &'a [u8],
    nlri: &'a [u8],
}

impl Parts<'_> {
    fn multiprotocol_len(&self) -> usize {
        self.multiprotocol
            .map_or(0, |(_, head)| head.len() + self.routes.len())
    }

    fn attributes_len(&self) -> usize {
        let header = match (self.multiprotocol, self.multiprotocol_len()) {
            (None, _) => 0,
            (Some(_), 0..=255) => 3,
            (Some(_), _) => 4,
        };
        header + self.multiprotocol_len() + self.attributes.len()
    }

    fn len(&self) -> usize {
        HEADER_LEN + 4 + self.withdrawn.len() + self.attributes_len() + self.nlri.len()
    }
}

impl Pieces<'_> {
    fn all(&mut self, view: &UpdateView<'_>) -> Result<(), EncodeError> {
        let v4 = Cut::new(view, Family::IPV4_UNICAST);
        self.cut(view.withdrawn_field(), v4, |withdrawn| Parts {
            withdrawn,
            ..Parts::default()
        })?;
        if let Some(unreach) = view.mp_unreach() {
            let head = family_octets(unreach.family);
            let multiprotocol = Some((AttributeType::MP_UNREACH_NLRI, &head[..]));
            self.cut(unreach.nlri, Cut::new(view, unreach.family), |routes| {
                Parts {
                    multiprotocol,
                    routes,
                    ..Parts::default()
                }
            })?;
        }
        if let Some(reach) = view.mp_reach() {
            let mut head = family_octets(reach.family).to_vec();
            head.push(reach.next_hop.len() as u8);
            head.extend_from_slice(reach.next_hop);
            head.push(0);
            let attributes = &attributes(view, |kind| kind != AttributeType::NEXT_HOP);
            let multiprotocol = Some((AttributeType::MP_REACH_NLRI, &head[..]));
            self.cut(reach.nlri, Cut::new(view, reach.family), |routes| Parts {
                multiprotocol,
                routes,
                attributes,
                ..Parts::default()
            })?;
        }
        let attributes = &attributes(view, |_| true);
        self.cut(view.nlri_field(), v4, |nlri| Parts {
            nlri,
            attributes,
            ..Parts::default()
        })
    }

    /// Writes `field` in as few messages as it takes.
    fn cut<'a>(
        &mut self,
        field: &'a [u8],
        cut: Cut,
        parts: impl Fn(&'a [u8]) -> Parts<'a>,
    ) -> Result<(), EncodeError> {
        let mut rest = field;
        while !rest.is_empty() {
            // Room is reckoned with the longer form of an attribute's length, which costs an octet
            // at most.
            let fixed = parts(&[]).len() + 1;
            let len = cut.first(rest, self.max.saturating_sub(fixed));
            let (now, after) = rest.split_at(len);
            if now.is_empty() {
                let len = parts(&rest[..cut.one(rest)]).len();
                return Err(EncodeError::MessageTooLong { len, max: self.max });
            }
            self.write(parts(now));
            rest = after;
        }
        Ok(())
    }

    fn write(&mut self, parts: Parts<'_>) {
        let out = &mut *self.out;
        out.extend_from_slice(&header(MessageType::UPDATE, parts.len() as u16));
        out.extend_from_slice(&(parts.withdrawn.len() as u16).to_be_bytes());
        out.extend_from_slice(parts.withdrawn);
        out.extend_from_slice(&(parts.attributes_len() as u16).to_be_bytes());
        if let Some((kind, head)) = parts.multiprotocol {
            let flags = AttributeFlags::OPTIONAL_NON_TRANSITIVE;
            put_attribute_header(flags, kind, parts.multiprotocol_len(), out);
            out.extend_from_slice(head);
            out.extend_from_slice(parts.routes);
        }
        out.extend_from_slice(parts.attributes);
        out.extend_from_slice(parts.nlri);
    }
}

/// Where a field may be cut: between prefixes, and nowhere in NLRI of another form.
#[derive(Clone, Copy)]
struct Cut {
    plain: bool,
    add_path: bool,
}

impl Cut {
    fn new(view: &UpdateView<'_>, family: Family) -> Self {
        let add_path = view.context().add_path_receive.contains(family);
        Self {
            plain: family.prefix_bits().is_some(),
            add_path,
        }
    }

    /// Octets of the first prefix of a sound field.
    fn one(self, field: &[u8]) -> usize {
        let id = if self.add_path { 4 } else { 0 };
        match field.get(id) {
            Some(bits) if self.plain => (id + 1 + usize::from(bits.div_ceil(8))).min(field.len()),
            _ => field.len(),
        }
    }

    /// Octets of as many whole prefixes from the start of a field as there is room for.
    fn first(self, field: &[u8], room: usize) -> usize {
        let mut len = 0;
        while len < field.len() {
            let next = len + self.one(&field[len..]);
            if next > room {
                break;
            }
            len = next;
        }
        len
    }
}

/// The attributes that go with every piece: all but MP_REACH_NLRI and MP_UNREACH_NLRI, and those
/// that `keep` refuses.
fn attributes(view: &UpdateView<'_>, keep: impl Fn(AttributeType) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(view.attributes_field().len());
    for attribute in view.attributes() {
        let kind = attribute.kind();
        let routes = [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI];
        if !routes.contains(&kind) && keep(kind) {
            out.extend_from_slice(attribute.span().of(view.message()));
        }
    }
    out
}
