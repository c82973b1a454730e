//! NOTIFICATION codes and subcodes.

use core::fmt;

/// Error code and subcode of a NOTIFICATION. Unknown values are kept. Displayed in words with the
/// numbers, such as `Cease: administrative shutdown (6/2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorCode {
    /// The error code.
    pub code: u8,
    /// The error subcode; 0 where none is specified.
    pub subcode: u8,
}

/// Declares the constants and their names from one table.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal / $subcode:literal, $text:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, subcode: $subcode };)*

            /// The error in words without numbers; `None` for one that has no name.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match (self.code, self.subcode) {
                    $(($code, $subcode) => Some($text),)*
                    _ => None,
                }
            }
        }

        #[cfg(test)]
        const ALL: &[(ErrorCode, &str)] = &[$((ErrorCode::$name, $text)),*];
    };
}

codes! {
    /// The marker was not all ones (RFC 4271 section 6.1).
    CONNECTION_NOT_SYNCHRONIZED = 1 / 1, "Message header: connection not synchronized";
    /// A message length out of bounds (RFC 4271 section 6.1).
    BAD_MESSAGE_LENGTH = 1 / 2, "Message header: bad message length";
    /// An unknown message type (RFC 4271 section 6.1).
    BAD_MESSAGE_TYPE = 1 / 3, "Message header: bad message type";
    /// An OPEN error that has no subcode, such as a malformed optional parameter (RFC 4271 section
    /// 6.2).
    OPEN_MESSAGE_ERROR = 2 / 0, "OPEN: unspecific error";
    /// A version other than 4 (RFC 4271 section 6.2).
    UNSUPPORTED_VERSION = 2 / 1, "OPEN: unsupported version number";
    /// An AS that is not the one expected, or AS 0 (RFC 4271 section 6.2, RFC 7607).
    BAD_PEER_AS = 2 / 2, "OPEN: bad peer AS";
    /// A BGP identifier of zero, or our own from an internal peer (RFC 6286).
    BAD_BGP_IDENTIFIER = 2 / 3, "OPEN: bad BGP identifier";
    /// An optional parameter that is not known (RFC 4271 section 6.2).
    UNSUPPORTED_OPTIONAL_PARAMETER = 2 / 4, "OPEN: unsupported optional parameter";
    /// A hold time of one or two seconds, or one that we refuse (RFC 4271 section 6.2).
    UNACCEPTABLE_HOLD_TIME = 2 / 6, "OPEN: unacceptable hold time";
    /// A capability that we need is missing; data: that capability (RFC 5492 section 5).
    UNSUPPORTED_CAPABILITY = 2 / 7, "OPEN: unsupported capability";
    /// Roles that do not fit each other (RFC 9234 section 4.2).
    ROLE_MISMATCH = 2 / 11, "OPEN: role mismatch";
    /// Attributes that cannot be told apart (RFC 4271 section 6.3).
    MALFORMED_ATTRIBUTE_LIST = 3 / 1, "UPDATE: malformed attribute list";
    /// A well-known attribute that is not known here (RFC 4271 section 6.3).
    UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE = 3 / 2, "UPDATE: unrecognized well-known attribute";
    /// A well-known mandatory attribute is missing (RFC 4271 section 6.3).
    MISSING_WELL_KNOWN_ATTRIBUTE = 3 / 3, "UPDATE: missing well-known attribute";
    /// Flags in conflict with the attribute's type (RFC 4271 section 6.3).
    ATTRIBUTE_FLAGS_ERROR = 3 / 4, "UPDATE: attribute flags error";
    /// A length in conflict with the attribute's type (RFC 4271 section 6.3).
    ATTRIBUTE_LENGTH_ERROR = 3 / 5, "UPDATE: attribute length error";
    /// An undefined ORIGIN (RFC 4271 section 6.3).
    INVALID_ORIGIN = 3 / 6, "UPDATE: invalid ORIGIN attribute";
    /// A NEXT_HOP that is no host's address (RFC 4271 section 6.3).
    INVALID_NEXT_HOP = 3 / 8, "UPDATE: invalid NEXT_HOP attribute";
    /// An error in an optional attribute (RFC 4271 section 6.3).
    OPTIONAL_ATTRIBUTE_ERROR = 3 / 9, "UPDATE: optional attribute error";
    /// Prefixes that cannot be parsed (RFC 4271 section 6.3).
    INVALID_NETWORK_FIELD = 3 / 10, "UPDATE: invalid network field";
    /// An AS path that cannot be parsed (RFC 4271 section 6.3).
    MALFORMED_AS_PATH = 3 / 11, "UPDATE: malformed AS_PATH";
    /// Nothing came for the negotiated hold time (RFC 4271 section 6.5).
    HOLD_TIMER_EXPIRED = 4 / 0, "Hold timer expired";
    /// A message in a state that does not expect it, unspecific (RFC 4271 section 6.6).
    FSM_ERROR = 5 / 0, "Finite state machine error";
    /// An unexpected message in OpenSent (RFC 6608).
    UNEXPECTED_MESSAGE_IN_OPEN_SENT = 5 / 1, "Unexpected message in OpenSent";
    /// An unexpected message in OpenConfirm (RFC 6608).
    UNEXPECTED_MESSAGE_IN_OPEN_CONFIRM = 5 / 2, "Unexpected message in OpenConfirm";
    /// An unexpected message in Established (RFC 6608).
    UNEXPECTED_MESSAGE_IN_ESTABLISHED = 5 / 3, "Unexpected message in Established";
    /// The session ends for no reason that has a subcode (RFC 4271 section 6.7).
    CEASE = 6 / 0, "Cease";
    /// More prefixes than allowed (RFC 4486).
    CEASE_MAXIMUM_PREFIXES = 6 / 1, "Cease: maximum number of prefixes reached";
    /// The session was shut down by its operator; data: a text (RFC 4486, RFC 9003).
    CEASE_ADMINISTRATIVE_SHUTDOWN = 6 / 2, "Cease: administrative shutdown";
    /// The peer was removed from the configuration (RFC 4486).
    CEASE_PEER_DECONFIGURED = 6 / 3, "Cease: peer de-configured";
    /// The session was reset by its operator; data: a text (RFC 4486, RFC 9003).
    CEASE_ADMINISTRATIVE_RESET = 6 / 4, "Cease: administrative reset";
    /// The connection is not wanted (RFC 4486).
    CEASE_CONNECTION_REJECTED = 6 / 5, "Cease: connection rejected";
    /// The session's configuration changed (RFC 4486).
    CEASE_OTHER_CONFIGURATION_CHANGE = 6 / 6, "Cease: other configuration change";
    /// The other connection of a collision was kept (RFC 4486, RFC 4271 section 6.8).
    CEASE_CONNECTION_COLLISION = 6 / 7, "Cease: connection collision resolution";
    /// Out of resources (RFC 4486).
    CEASE_OUT_OF_RESOURCES = 6 / 8, "Cease: out of resources";
    /// The session ends for good despite graceful restart; data: the NOTIFICATION it stands for
    /// (RFC 8538).
    CEASE_HARD_RESET = 6 / 9, "Cease: hard reset";
    /// BFD declared the path down (RFC 9384).
    CEASE_BFD_DOWN = 6 / 10, "Cease: BFD down";
    /// A ROUTE-REFRESH of a wrong length; data: that message (RFC 7313 section 5).
    INVALID_ROUTE_REFRESH_LENGTH = 7 / 1, "ROUTE-REFRESH: invalid message length";
    /// Our messages could not be sent for too long (RFC 9687).
    SEND_HOLD_TIMER_EXPIRED = 8 / 0, "Send hold timer expired";
}

impl ErrorCode {
    /// A code and a subcode.
    #[must_use]
    pub const fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode }
    }

    /// The name of the code alone.
    const fn code_name(self) -> &'static str {
        match self.code {
            1 => "Message header error",
            2 => "OPEN message error",
            3 => "UPDATE message error",
            4 => "Hold timer expired",
            5 => "Finite state machine error",
            6 => "Cease",
            7 => "ROUTE-REFRESH message error",
            8 => "Send hold timer expired",
            _ => "Unknown error",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().unwrap_or(self.code_name());
        write!(f, "{name} ({}/{})", self.code, self.subcode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn shown_in_words_with_the_numbers() {
        assert_eq!(
            ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN.to_string(),
            "Cease: administrative shutdown (6/2)"
        );
        assert_eq!(ErrorCode::new(6, 99).to_string(), "Cease (6/99)");
        assert_eq!(ErrorCode::new(77, 1).to_string(), "Unknown error (77/1)");
    }

    #[test]
    fn every_code_has_its_own_name() {
        for (i, (code, text)) in ALL.iter().enumerate() {
            assert_eq!(code.name(), Some(*text));
            assert!(
                ALL[..i].iter().all(|(c, t)| c != code && t != text),
                "{text}"
            );
        }
    }
}
