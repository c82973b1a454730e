//! Why a request or a watch failed, as far as that decides what follows.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// Why a request or a watch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// 410: the resourceVersion or the continue token is too old.
    Gone(String),
    /// 404.
    NotFound(String),
    /// 403.
    Denied(String),
    /// 400, 405 or 422, or what cannot be done here: the server does not take the request as it is.
    Refused(String),
    /// 409: exists already, or was changed meanwhile.
    Conflict(String),
    /// The answer began, and then nothing came for too long.
    Silent(String),
    /// Anything else, which may be better next time.
    Other {
        message: String,
        retry_after: Option<Duration>,
        /// The server answered, but not with what it should have.
        garbled: bool,
    },
}

/// The part of a `Status` that is read.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) code: u16,
    message: String,
    reason: String,
}

impl Failure {
    /// A failure on the way: no connection, no answer in time.
    pub(crate) fn transport(message: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
            retry_after: None,
            garbled: false,
        }
    }

    /// The server said something that makes no sense.
    pub(crate) fn garbled(message: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
            retry_after: None,
            garbled: true,
        }
    }

    /// From an error and all that caused it.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Many errors repeat their source.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = error.source();
        }
        Self::transport(message)
    }

    /// From the status code of an answer and its body, which should be a `Status`.
    pub(crate) fn from_answer(code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        match serde_json::from_slice::<Status>(body) {
            Ok(status) => Self::from_status(code, &status, retry_after),
            Err(_) => {
                // A proxy, or a path that no API serves: the first line of text says enough.
                let text = String::from_utf8_lossy(body);
                let line = text.lines().next().unwrap_or_default();
                let message = line.chars().take(200).collect();
                let status = Status {
                    code,
                    message,
                    reason: String::new(),
                };
                Self::from_status(code, &status, retry_after)
            }
        }
    }

    /// From a `Status` object.
    pub(crate) fn from_status(code: u16, status: &Status, retry_after: Option<Duration>) -> Self {
        let words = match (status.message.as_str(), status.reason.as_str()) {
            ("", reason) => reason,
            (message, _) => message,
        };
        let message = format!("HTTP {code}: {words}");
        match code {
            410 => Self::Gone(message),
            404 => Self::NotFound(message),
            403 => Self::Denied(message),
            400 | 405 | 422 => Self::Refused(message),
            // Streaming lists on an etcd that is too old for them (before 3.4.25 and 3.5.8).
            500 if words.contains("required storage feature") => Self::Refused(message),
            409 => Self::Conflict(message),
            _ => Self::Other {
                message,
                retry_after,
                // After a restore of etcd: this server has never been where we were.
                garbled: words.contains("Too large resource version"),
            },
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Gone(message)
            | Self::NotFound(message)
            | Self::Denied(message)
            | Self::Refused(message)
            | Self::Conflict(message)
            | Self::Silent(message)
            | Self::Other { message, .. } => message,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Other { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_status_is_kept() {
        let body = br#"{"kind":"Status","message":"services is forbidden","code":403}"#;
        assert_eq!(
            Failure::from_answer(403, body, None),
            Failure::Denied("HTTP 403: services is forbidden".to_owned())
        );
    }

    #[test]
    fn an_answer_that_is_no_status_is_quoted_by_its_first_line() {
        assert_eq!(
            Failure::from_answer(404, b"404 page not found\n<html>", None),
            Failure::NotFound("HTTP 404: 404 page not found".to_owned())
        );
    }
}
