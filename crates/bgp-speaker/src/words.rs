//! What happens to sessions, in the words of their operators.

use std::time::{Duration, Instant};

use bgp_fsm::{DownReason, SessionConfig, State};
use bgp_wire::{ErrorCode, Family, Notification, OpenErrorKind};

/// Why a connection that was in this state ended. `ours` is why this side ended it, if it did.
pub(crate) fn reason(
    reason: &DownReason,
    was: State,
    config: &SessionConfig,
    ours: &str,
) -> String {
    match reason {
        DownReason::Admin => format!("ended by this side: {ours}"),
        DownReason::OpenRefused(error) => match error.kind {
            OpenErrorKind::BadPeerAs(theirs) => {
                let configured = config.peer_asn;
                format!("the peer says AS {theirs}, AS {configured} is configured")
            }
            OpenErrorKind::MissingCapability => {
                let families: Vec<_> = config.families.iter().map(Family::to_string).collect();
                format!(
                    "the peer's OPEN is refused: it lacks {}",
                    families.join(", ")
                )
            }
            OpenErrorKind::BadIdentifier(theirs) if theirs == config.bgp_id => {
                format!("the peer's router ID is {theirs}, as ours is; give one of both another")
            }
            kind => format!("the peer's OPEN is refused: {}", bare(&kind.to_string())),
        },
        DownReason::HoldTimerExpired if was == State::OpenSent => {
            format!(
                "{reason}: the connection stands, but no OPEN came; where one side alone has GTSM, it drops what the other sends"
            )
        }
        DownReason::Received(notification) if is_about_open(notification) => {
            refused(notification, config)
        }
        other => other.to_string(),
    }
}

/// Whether time alone does not help: one of both configurations has to change.
pub(crate) fn needs_operator(reason: &DownReason) -> bool {
    match reason {
        DownReason::OpenRefused(_) => true,
        DownReason::Received(notification) => is_about_open(notification),
        _ => false,
    }
}

fn is_about_open(notification: &Notification) -> bool {
    notification.error.code == ErrorCode::BAD_PEER_AS.code
}

fn refused(notification: &Notification, config: &SessionConfig) -> String {
    let text = notification.to_string();
    let expected = match notification.error {
        ErrorCode::BAD_PEER_AS => {
            format!(", it expected another AS than {}", config.open_asn())
        }
        ErrorCode::BAD_BGP_IDENTIFIER => {
            format!(", it does not take our router ID {}", config.bgp_id)
        }
        _ => String::new(),
    };
    format!("the peer refused our OPEN: {}{expected}", bare(&text))
}

/// Without the name of the message, which stands before it already.
fn bare(text: &str) -> &str {
    text.strip_prefix("OPEN: ").unwrap_or(text)
}

/// When the next attempt is, for a line of the log.
pub(crate) fn next_attempt(at: Option<Instant>) -> Option<String> {
    at.map(|at| in_time(at.saturating_duration_since(Instant::now())))
}

fn in_time(time: Duration) -> String {
    format!("in {:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use bgp_fsm::DialError;
    use bgp_wire::{Asn, Span, WireError};

    use super::*;

    fn config() -> SessionConfig {
        SessionConfig::new(Asn(64512), [192, 0, 2, 1].into(), Asn(65015))
    }

    fn said(of: &DownReason) -> String {
        reason(of, State::Established, &config(), "password changed")
    }

    #[test]
    fn a_router_id_that_both_have_is_told() {
        let span = Span { offset: 24, len: 4 };
        let same = WireError::new(OpenErrorKind::BadIdentifier([192, 0, 2, 1].into()), span);
        assert_eq!(
            said(&DownReason::OpenRefused(same)),
            "the peer's router ID is 192.0.2.1, as ours is; give one of both another"
        );
        let refusal = DownReason::Received(Notification::new(ErrorCode::BAD_BGP_IDENTIFIER));
        let text = said(&refusal);
        assert!(
            text.ends_with("it does not take our router ID 192.0.2.1"),
            "{text}"
        );
    }

    #[test]
    fn silence_before_the_open_is_told_apart() {
        let silence = DownReason::HoldTimerExpired;
        assert_eq!(said(&silence), "hold timer expired");
        let text = reason(&silence, State::OpenSent, &config(), "");
        assert!(text.contains("no OPEN came"), "{text}");
    }

    #[test]
    fn a_wrong_as_is_told_with_both_numbers() {
        let span = Span { offset: 20, len: 2 };
        let wrong = WireError::new(OpenErrorKind::BadPeerAs(Asn(65014)), span);
        assert_eq!(
            said(&DownReason::OpenRefused(wrong)),
            "the peer says AS 65014, AS 65015 is configured"
        );
        let refusal = Notification::new(ErrorCode::BAD_PEER_AS);
        assert_eq!(
            said(&DownReason::Received(refusal)),
            "the peer refused our OPEN: bad peer AS (2/2), it expected another AS than 64512"
        );
    }

    #[test]
    fn what_an_open_is_refused_for_is_told_once() {
        let family = WireError::new(OpenErrorKind::MissingCapability, Span::default());
        assert_eq!(
            said(&DownReason::OpenRefused(family)),
            "the peer's OPEN is refused: it lacks ipv4-unicast"
        );
        let time = WireError::new(OpenErrorKind::UnacceptableHoldTime(2), Span::default());
        let text = said(&DownReason::OpenRefused(time));
        assert_eq!(text.matches("OPEN").count(), 1, "{text}");
        let refusal = Notification::new(ErrorCode::UNSUPPORTED_CAPABILITY);
        let text = said(&DownReason::Received(refusal));
        assert_eq!(text.matches("OPEN").count(), 1, "{text}");
        assert!(text.ends_with("(2/7)"), "{text}");
    }

    #[test]
    fn other_ends_say_what_the_session_says() {
        assert_eq!(
            said(&DownReason::Admin),
            "ended by this side: password changed"
        );
        let cease = DownReason::Received(Notification::new(ErrorCode::CEASE_PEER_DECONFIGURED));
        assert_eq!(said(&cease), cease.to_string());
        assert!(!needs_operator(&cease));
        let dial = DownReason::DialFailed(DialError::TimedOut);
        assert_eq!(said(&dial), dial.to_string());
    }

    #[test]
    fn the_next_attempt_is_told_in_seconds() {
        assert_eq!(in_time(Duration::from_millis(4_230)), "in 4.2 s");
        assert_eq!(next_attempt(None), None);
    }
}
