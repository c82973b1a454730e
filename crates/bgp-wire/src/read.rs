//! The few readers that parsing is made of, over nom. Nothing of nom leaves the crate.

use alloc::vec::Vec;
use nom::error::{Error, ErrorKind};
use nom::{Err, IResult, Parser};

/// What a reader gives: the rest and a value. What went wrong is said by the caller, which knows
/// the span.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T>;

pub(crate) fn u8(i: &[u8]) -> Parsed<'_, u8> {
    nom::number::complete::u8(i)
}

pub(crate) fn u16(i: &[u8]) -> Parsed<'_, u16> {
    nom::number::complete::be_u16(i)
}

pub(crate) fn u24(i: &[u8]) -> Parsed<'_, u32> {
    nom::number::complete::be_u24(i)
}

/// As many octets as the octet before them says.
pub(crate) fn counted(i: &[u8]) -> Parsed<'_, &[u8]> {
    nom::multi::length_data(nom::number::complete::u8).parse(i)
}

/// As many octets as the two octets before them say.
pub(crate) fn counted_wide(i: &[u8]) -> Parsed<'_, &[u8]> {
    nom::multi::length_data(nom::number::complete::be_u16).parse(i)
}

/// [`counted`] UTF-8.
pub(crate) fn text(i: &[u8]) -> Parsed<'_, &str> {
    let (rest, octets) = counted(i)?;
    core::str::from_utf8(octets)
        .map(|text| (rest, text))
        .map_err(|_| refuse(i))
}

/// The error of a value that is not allowed.
pub(crate) fn refuse(i: &[u8]) -> Err<Error<&[u8]>> {
    Err::Error(Error::new(i, ErrorKind::Verify))
}

/// The value that `reader` makes of all of `value`.
pub(crate) fn whole<'a, T>(
    value: &'a [u8],
    reader: impl Fn(&'a [u8]) -> Parsed<'a, T>,
) -> Option<T> {
    match reader(value) {
        Ok(([], it)) => Some(it),
        _ => None,
    }
}

/// The values that `reader`, which takes `size` octets, makes of all of `value`.
pub(crate) fn list<'a, T>(
    value: &'a [u8],
    size: usize,
    reader: impl Fn(&'a [u8]) -> Parsed<'a, T>,
) -> Option<Vec<T>> {
    if !value.len().is_multiple_of(size) {
        return None;
    }
    value
        .chunks_exact(size)
        .map(|chunk| whole(chunk, &reader))
        .collect()
}
