//! UPDATE types; being filled in.
#![allow(clippy::todo, missing_docs, unused_variables)]

use crate::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateErrorKind {
    Malformed,
}
impl core::fmt::Display for UpdateErrorKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("malformed UPDATE")
    }
}
impl ErrorKind for UpdateErrorKind {
    fn code(self) -> ErrorCode {
        ErrorCode::MALFORMED_ATTRIBUTE_LIST
    }
}
pub type UpdateError = WireError<UpdateErrorKind>;
impl UpdateError {
    pub fn disposition(&self) -> Disposition {
        Disposition::SessionReset
    }
}

#[derive(Clone, Copy, Debug)]
pub struct UpdateView<'a> {
    message: &'a [u8],
}
impl<'a> UpdateView<'a> {
    pub fn parse(message: &'a [u8], context: &Context) -> Result<Self, UpdateError> {
        todo!()
    }
    pub fn disposition(&self) -> Disposition {
        todo!()
    }
    pub fn errors(&self) -> impl Iterator<Item = UpdateError> + use<'a> {
        core::iter::empty()
    }
    /// Prefixes no longer reachable, of all families, those treated as withdrawn included.
    pub fn withdrawn(&self) -> impl Iterator<Item = Nlri> + use<'a> {
        core::iter::empty()
    }
    /// Prefixes reachable with these attributes, of all families. Empty under treat-as-withdraw.
    pub fn announced(&self) -> impl Iterator<Item = Nlri> + use<'a> {
        core::iter::empty()
    }
    pub fn next_hop(&self, family: Family) -> Option<NextHop> {
        todo!()
    }
    pub fn end_of_rib(&self) -> Option<Family> {
        todo!()
    }
}
