//! UPDATEs as they lie in memory, checked by RFC 7606.

use crate::attribute_view::{Form, SoundAttributes};
use crate::check::{self, Fault};
use crate::header::body_of;
use crate::multiprotocol::split_family;
use crate::plain::{self, Places};
use crate::prefix::check_prefixes;
use crate::routes::Routes;
use crate::walk::{List, RawAttribute, TypeSet, Walk, missing};
use crate::{
    Aggregator, AsPathView, AsWidth, Asn, AttributeType, AttributeValue, AttributeView, Context,
    Disposition, Family, HEADER_LEN, MessageType, MpReachView, MpUnreachView, NextHop, Nlri,
    Prefixes, Span, UpdateError, UpdateErrorKind,
};

/// An UPDATE (RFC 4271 section 4.3) in place: checked in one pass, nothing copied, nothing
/// allocated. `Copy`.
///
/// ```text
/// | header (19) | withdrawn length (2) | withdrawn | attributes length (2) | attributes | NLRI (rest) |
/// ```
///
/// Errors that RFC 7606 tells to survive are survived: what is discarded does not show, and under
/// treat-as-withdraw the routes that were announced show as withdrawn. So a caller that looks at
/// [`UpdateView::withdrawn`], then at [`UpdateView::announced`], does the right thing for every
/// message.
///
/// ```
/// use bgp_wire::{Context, PeerKind, UpdateView};
/// let mut message = vec![0xff; 16];
/// message.extend([0, 26, 2, 0, 3, 16, 10, 1, 0, 0]); // withdraws 10.1.0.0/16
/// let update = UpdateView::parse(&message, &Context::new(PeerKind::Ebgp))?;
/// assert_eq!(update.withdrawn().map(|n| n.prefix.to_string()).collect::<Vec<_>>(), ["10.1.0.0/16"]);
/// # Ok::<(), bgp_wire::UpdateError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct UpdateView<'a> {
    message: &'a [u8],
    context: Context,
    /// Where the attributes start and end. Withdrawn routes lie before, NLRI behind.
    attributes_start: u16,
    attributes_end: u16,
    disposition: Disposition,
    /// An error calls for treat-as-withdraw; the strongest may call for more.
    withdraws: bool,
    places: Places,
}

/// Where the strongest error of a message is.
#[derive(Clone, Copy)]
enum Worst<'a> {
    Attribute(RawAttribute<'a>, Fault),
    Missing,
}

/// What the checks found in a message: all of a view but the octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    attributes_start: u16,
    attributes_end: u16,
    disposition: Disposition,
    withdraws: bool,
    places: Places,
}

impl<'a> UpdateView<'a> {
    /// Checks a whole message, header included.
    ///
    /// # Errors
    /// The strongest error that ends the session, or disables a family
    /// ([`UpdateError::disposition`]) unless [`Context::afi_safi_disable`] is set; resetting the
    /// session is right for both. Weaker errors are found by [`UpdateView::errors`].
    pub fn parse(message: &'a [u8], context: &Context) -> Result<Self, UpdateError> {
        let (start, end) = attributes_range(message)?;
        let mut view = Self {
            message,
            context: *context,
            attributes_start: start as u16,
            attributes_end: end as u16,
            disposition: Disposition::None,
            withdraws: false,
            places: Places::default(),
        };
        view.check_fields()?;
        view.check_attributes()?;
        Ok(view)
    }

    /// The view of a message with this layout.
    #[inline]
    pub(crate) const fn new(message: &'a [u8], context: &Context, layout: Layout) -> Self {
        Self {
            message,
            context: *context,
            attributes_start: layout.attributes_start,
            attributes_end: layout.attributes_end,
            disposition: layout.disposition,
            withdraws: layout.withdraws,
            places: layout.places,
        }
    }

    #[inline]
    pub(crate) const fn layout(&self) -> Layout {
        Layout {
            attributes_start: self.attributes_start,
            attributes_end: self.attributes_end,
            disposition: self.disposition,
            withdraws: self.withdraws,
            places: self.places,
        }
    }

    /// Withdrawn Routes and NLRI: syntax errors end the session (RFC 7606 section 5.3).
    #[inline]
    fn check_fields(&self) -> Result<(), UpdateError> {
        let add_path = self.context.add_path_receive.contains(Family::IPV4_UNICAST);
        let check = |octets: &[u8], start: usize, kind| {
            check_prefixes(octets, 32, add_path)
                .map_err(|at| UpdateError::reset(kind, Span::new(start + at, octets.len() - at)))
        };
        let nlri_start = usize::from(self.attributes_end);
        check(
            self.withdrawn_field(),
            HEADER_LEN + 2,
            UpdateErrorKind::WithdrawnSyntax,
        )?;
        check(self.nlri_field(), nlri_start, UpdateErrorKind::NlriSyntax)
    }

    #[inline(always)]
    fn check_attributes(&mut self) -> Result<(), UpdateError> {
        let mut worst = Worst::Missing;
        let end = usize::from(self.attributes_end);
        let not_allowed = plain::not_allowed(&self.context);
        let mut rest = self.attributes_field();
        let mut seen = TypeSet::default();
        loop {
            let mut taken = seen.low | not_allowed;
            rest = plain::pass(rest, end, &mut taken, &mut self.places, &self.context);
            seen.low |= taken & !not_allowed;
            if rest.is_empty() {
                break;
            }
            (rest, seen) = self.check_other(rest, seen, &mut worst);
        }
        if !seen.has_mandatory() && self.missing(seen).next().is_some() {
            self.withdraws = true;
            if self.disposition < Disposition::TreatAsWithdraw {
                (self.disposition, worst) = (Disposition::TreatAsWithdraw, Worst::Missing);
            }
        }
        if self.disposition <= Disposition::AttributeDiscard {
            return Ok(());
        }
        self.settle(worst, seen)?;
        self.hide_disabled();
        Ok(())
    }

    /// Checks the first attribute of `rest`, which is not plainly sound. What is behind it, and what
    /// was seen so far.
    #[cold]
    #[inline(never)]
    fn check_other(
        &mut self,
        rest: &'a [u8],
        seen: TypeSet,
        worst: &mut Worst<'a>,
    ) -> (&'a [u8], TypeSet) {
        let at = usize::from(self.attributes_end) - rest.len();
        let mut walk = Walk::new(rest, at, self.context);
        walk.seen = seen;
        match walk.advance() {
            Some((raw, Err(fault))) => self.note_fault(raw, fault, worst),
            Some((raw, Ok(()))) => self.places.note(&raw),
            None => {}
        }
        (walk.list.rest, walk.seen)
    }

    /// Forgets where the routes of a disabled family are: a sound attribute may stand beside the
    /// malformed one.
    #[cold]
    fn hide_disabled(&mut self) {
        for kind in [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI] {
            let place = *self.places.of(kind);
            let family = self.value(place).and_then(split_family);
            if family.is_some_and(|(family, _)| self.disables(family)) {
                *self.places.of(kind) = Span::default();
            }
        }
    }

    #[inline]
    fn disables(&self, family: Family) -> bool {
        matches!(self.disposition, Disposition::AfiSafiDisable(it) if it == family)
    }

    /// Notes what a fault calls for. The error itself is made only if somebody gets to see it.
    #[inline]
    fn note_fault(&mut self, raw: RawAttribute<'a>, fault: Fault, worst: &mut Worst<'a>) {
        let disposition = fault.disposition(&raw);
        self.withdraws |= disposition == Disposition::TreatAsWithdraw;
        if self.disposition < disposition {
            (self.disposition, *worst) = (disposition, Worst::Attribute(raw, fault));
        }
        // MP attributes whose flags alone are wrong still say which routes to withdraw.
        let routes = [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI];
        if fault == Fault::Flags && routes.contains(&raw.kind) {
            self.places.note(&raw);
        }
    }

    /// Whether the message can be survived. RFC 7606 section 5.2: where there are attributes but no
    /// reachable routes, those may have got lost in what is malformed, and nothing less than a
    /// reset will do.
    #[cold]
    fn settle(&self, worst: Worst<'a>, seen: TypeSet) -> Result<(), UpdateError> {
        let error = match worst {
            Worst::Attribute(raw, fault) => Some(check::error(&raw, fault, &self.context)),
            Worst::Missing => self.missing(seen).next(),
        };
        let Some(error) = error else { return Ok(()) };
        let survivable = match error.disposition() {
            Disposition::SessionReset => false,
            Disposition::AfiSafiDisable(_) => self.context.afi_safi_disable,
            _ => true,
        };
        if !survivable {
            return Err(error);
        }
        // Two families to disable are more than a disposition can say.
        let disables_other = |e: UpdateError| match e.disposition() {
            Disposition::AfiSafiDisable(family) => !self.disables(family),
            _ => false,
        };
        if self.errors().any(disables_other) {
            return Err(error.escalated());
        }
        // What reaches beyond the list was an attribute too, of whatever type.
        let beyond = |e: UpdateError| e.kind == UpdateErrorKind::AttributeBeyondList;
        let has_attributes = seen.has_other_than_unreach() || self.errors().any(beyond);
        if self.withdraws && has_attributes && !self.has_routes() {
            return Err(error.escalated());
        }
        Ok(())
    }

    /// The strongest of what is to be done about the message's errors: none, attribute discard or
    /// treat-as-withdraw; with [`Context::afi_safi_disable`] also that, and no routes of that family
    /// are shown, wherever they stand. Two families to disable in one message end the session.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// Every error, in the order of the message; missing attributes last.
    pub fn errors(&self) -> impl Iterator<Item = UpdateError> + use<'a> {
        let view = *self;
        let mut walk = Some(self.walk());
        let mut absent = None;
        core::iter::from_fn(move || {
            if let Some(attributes) = &mut walk {
                if let Some(error) = attributes.find_error() {
                    return Some(error);
                }
                absent = Some(view.missing(attributes.seen));
                walk = None;
            }
            absent.as_mut()?.next()
        })
    }

    /// Prefixes that are not reachable any more, of all families of plain prefixes; under
    /// treat-as-withdraw the announced ones too.
    ///
    /// RFC 4271 section 4.3: a prefix that is also announced counts as announced only, so withdraw
    /// first.
    #[inline]
    pub fn withdrawn(&self) -> impl Iterator<Item = Nlri> + Clone + use<'a> {
        if self.withdrawn_field().is_empty() && self.places.unreach.offset == 0 && !self.withdraws {
            return Routes::none();
        }
        self.all_withdrawn()
    }

    fn all_withdrawn(&self) -> Routes<'a> {
        let field = self.v4(self.withdrawn_field());
        let unreach = self.mp_unreach().map(|it| it.prefixes());
        let announced = || {
            let reach = self.reach_prefixes().unwrap_or(Prefixes::none());
            [self.nlri(), reach]
        };
        Routes::new(field, unreach, self.withdraws.then(announced))
    }

    /// Prefixes that are reachable with the attributes of the message, of all families of plain
    /// prefixes. None under treat-as-withdraw.
    #[inline]
    pub fn announced(&self) -> impl Iterator<Item = Nlri> + Clone + use<'a> {
        if self.withdraws {
            return Routes::none();
        }
        if self.places.reach.offset == 0 {
            return Routes::new(self.nlri(), None, None);
        }
        Routes::new(self.nlri(), self.reach_prefixes(), None)
    }

    /// The sound attributes in the order of the message: what RFC 7606 tells to discard, and
    /// malformed ones, are left out.
    #[inline]
    pub fn attributes(&self) -> impl Iterator<Item = AttributeView<'a>> + Clone + use<'a> {
        SoundAttributes {
            list: List::new(self.attributes_field(), usize::from(self.attributes_start)),
            form: Form::of(&self.context),
            // Where nothing is wrong nothing needs to be looked at again.
            only: (self.disposition != Disposition::None).then(|| self.sound_types()),
        }
    }

    /// The types whose first attribute is sound.
    #[cold]
    fn sound_types(&self) -> TypeSet {
        let mut types = TypeSet::default();
        let mut walk = self.walk();
        while let Some((raw, found)) = walk.advance() {
            if found.is_ok() {
                types.insert(raw.kind);
            }
        }
        types
    }

    /// The attribute of this type, if it is there and sound.
    #[must_use]
    pub fn attribute(&self, kind: AttributeType) -> Option<AttributeView<'a>> {
        self.attributes().find(|attribute| attribute.kind() == kind)
    }

    /// The AS path: AS_PATH, with AS4_PATH merged in where the peer speaks two-octet AS numbers
    /// (RFC 6793 section 4.2.3).
    #[must_use]
    pub fn as_path(&self) -> Option<AsPathView<'a>> {
        let path = AsPathView::new(self.value(self.places.as_path)?, self.context.as_width);
        match self.value(self.places.as4_path) {
            Some(as4) if self.trusts_as4() => Some(path.merged(as4)),
            _ => Some(path),
        }
    }

    /// The aggregator: AGGREGATOR, or AS4_AGGREGATOR where that counts (RFC 6793 section 4.2.3).
    #[must_use]
    pub fn aggregator(&self) -> Option<Aggregator> {
        let two_or_four = self.aggregator_of(AttributeType::AGGREGATOR)?;
        if self.context.as_width == AsWidth::Two && two_or_four.asn == Asn::TRANS {
            return self
                .aggregator_of(AttributeType::AS4_AGGREGATOR)
                .or(Some(two_or_four));
        }
        Some(two_or_four)
    }

    /// The next hop of the announced routes of a family.
    #[must_use]
    pub fn next_hop(&self, family: Family) -> Option<NextHop> {
        if let Some(reach) = self.mp_reach().filter(|reach| reach.family == family) {
            return reach.next_hop();
        }
        if family != Family::IPV4_UNICAST {
            return None;
        }
        NextHop::from_octets(self.value(self.places.next_hop)?)
    }

    /// MP_REACH_NLRI. Under treat-as-withdraw its routes are withdrawn.
    #[must_use]
    #[inline]
    pub fn mp_reach(&self) -> Option<MpReachView<'a>> {
        MpReachView::new(
            self.value(self.places.reach)?,
            self.context.add_path_receive,
        )
    }

    /// MP_UNREACH_NLRI.
    #[must_use]
    #[inline]
    pub fn mp_unreach(&self) -> Option<MpUnreachView<'a>> {
        MpUnreachView::new(
            self.value(self.places.unreach)?,
            self.context.add_path_receive,
        )
    }

    /// The family whose End-of-RIB marker this is (RFC 4724 section 2).
    #[must_use]
    pub fn end_of_rib(&self) -> Option<Family> {
        if self.message.len() == MIN_UPDATE {
            return Some(Family::IPV4_UNICAST);
        }
        if !self.withdrawn_field().is_empty() || !self.nlri_field().is_empty() {
            return None;
        }
        let mut list = List::new(self.attributes_field(), usize::from(self.attributes_start));
        let only = list.next()?.kind == AttributeType::MP_UNREACH_NLRI && list.next().is_none();
        self.mp_unreach()
            .filter(|it| only && it.nlri.is_empty())
            .map(|it| it.family)
    }

    /// The whole message.
    #[must_use]
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }

    /// What the view was read with.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// The Withdrawn Routes field.
    #[must_use]
    #[inline]
    pub fn withdrawn_field(&self) -> &'a [u8] {
        &self.message[HEADER_LEN + 2..usize::from(self.attributes_start) - 2]
    }

    /// The Path Attributes field.
    #[must_use]
    #[inline]
    pub fn attributes_field(&self) -> &'a [u8] {
        &self.message[usize::from(self.attributes_start)..usize::from(self.attributes_end)]
    }

    /// The NLRI field.
    #[must_use]
    #[inline]
    pub fn nlri_field(&self) -> &'a [u8] {
        &self.message[usize::from(self.attributes_end)..]
    }

    #[inline]
    fn walk(&self) -> Walk<'a> {
        Walk::new(
            self.attributes_field(),
            usize::from(self.attributes_start),
            self.context,
        )
    }

    fn missing(&self, seen: TypeSet) -> impl Iterator<Item = UpdateError> + use<'a> {
        let at = usize::from(self.attributes_end);
        missing(seen, self.has_routes(), !self.nlri_field().is_empty(), at)
    }

    /// Whether the message carries a reachable route of any family.
    fn has_routes(&self) -> bool {
        !self.nlri_field().is_empty() || self.mp_reach().is_some_and(|reach| !reach.nlri.is_empty())
    }

    #[inline]
    fn value(&self, span: Span) -> Option<&'a [u8]> {
        (span.offset != 0).then(|| span.of(self.message))
    }

    #[inline]
    fn v4(&self, octets: &'a [u8]) -> Prefixes<'a> {
        if self.disables(Family::IPV4_UNICAST) {
            return Prefixes::none();
        }
        let add_path = self.context.add_path_receive.contains(Family::IPV4_UNICAST);
        Prefixes::new(octets, Family::IPV4_UNICAST, add_path)
    }

    #[inline]
    fn nlri(&self) -> Prefixes<'a> {
        self.v4(self.nlri_field())
    }

    #[inline]
    fn reach_prefixes(&self) -> Option<Prefixes<'a>> {
        self.mp_reach().map(|it| it.prefixes())
    }

    fn aggregator_of(&self, kind: AttributeType) -> Option<Aggregator> {
        match self.attribute(kind)?.value() {
            AttributeValue::Aggregator(it) | AttributeValue::As4Aggregator(it) => Some(it),
            _ => None,
        }
    }

    /// RFC 6793 section 4.2.3: with an AGGREGATOR other than AS_TRANS beside AS4_AGGREGATOR, an old
    /// speaker aggregated after the new one, and AS4_PATH is out of date.
    fn trusts_as4(&self) -> bool {
        let old = self.aggregator_of(AttributeType::AGGREGATOR);
        old.is_none_or(|it| it.asn == Asn::TRANS)
            || self.aggregator_of(AttributeType::AS4_AGGREGATOR).is_none()
    }
}

/// Start and end of the attributes. RFC 7606 section 3 a: lengths that reach beyond the message end
/// the session.
#[inline]
fn attributes_range(message: &[u8]) -> Result<(usize, usize), UpdateError> {
    let body = match message.split_first_chunk::<HEADER_LEN>() {
        Some((header, body)) if is_header_of_update(header, message.len()) => body,
        _ => body_of(message, MessageType::UPDATE)
            .map_err(|e| UpdateError::reset(UpdateErrorKind::Header(e.kind), e.span))?,
    };
    let beyond = |at: usize| {
        // The field itself may be cut off.
        let span = Span::new(at, message[at..].len().min(2));
        UpdateError::reset(UpdateErrorKind::LengthBeyondMessage, span)
    };
    let Some(withdrawn_end) = after_length(body, 0) else {
        return Err(beyond(HEADER_LEN));
    };
    let Some(end) = after_length(body, withdrawn_end) else {
        return Err(beyond(HEADER_LEN + withdrawn_end));
    };
    Ok((HEADER_LEN + withdrawn_end + 2, HEADER_LEN + end))
}

/// Octets of the shortest UPDATE: its header and two lengths.
const MIN_UPDATE: usize = HEADER_LEN + 4;

/// Whether nothing is wrong with a header: [`body_of`] finds out what.
#[inline]
fn is_header_of_update(header: &[u8; HEADER_LEN], len: usize) -> bool {
    let [marker @ .., high, low, kind] = header;
    *marker == [0xff; 16]
        && len >= MIN_UPDATE
        && usize::from(u16::from_be_bytes([*high, *low])) == len
        && MessageType(*kind) == MessageType::UPDATE
}

/// Where the field ends whose two octets of length are at `at`; `None` where it does not fit.
#[inline(always)]
fn after_length(body: &[u8], at: usize) -> Option<usize> {
    let (len, rest) = body.get(at..)?.split_first_chunk::<2>()?;
    let len = usize::from(u16::from_be_bytes(*len));
    (len <= rest.len()).then_some(at + 2 + len)
}
