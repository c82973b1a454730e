//! UPDATEs spelled out.

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

/// ORIGIN IGP.
pub(crate) const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
/// AS_PATH 64512, four octets.
pub(crate) const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfc, 0];
/// NEXT_HOP 192.0.2.1.
pub(crate) const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
/// MP_REACH_NLRI: 2001:db8::/32 by 2001:db8::1.
pub(crate) const MP_REACH: &[u8] = &[
    0x80, 14, 26, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20,
    1, 0xd, 0xb8,
];
/// MP_UNREACH_NLRI: 2001:db8::/32.
pub(crate) const MP_UNREACH: &[u8] = &[0x80, 15, 8, 0, 2, 1, 32, 0x20, 1, 0xd, 0xb8];
/// 10.1.0.0/16.
pub(crate) const NLRI: &[u8] = &[16, 10, 1];
