//! What can go wrong, whose fault it is, and whether a repeat makes sense.

/// A client that cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address cannot be read.
    #[error("controller address `{address}` cannot be used: {reason}; give it as https://HOST:PORT")]
    Address {
        /// As given.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The CA file cannot be read.
    #[error("reading the CA certificate {path}; give the path of a PEM file that this user may read")]
    ReadCa {
        /// Path.
        path: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The CA file holds nothing usable.
    #[error("CA certificate in {place} cannot be used: {reason}; give the controller's CA as PEM")]
    Ca {
        /// File, or a description.
        place: String,
        /// Why not.
        reason: String,
    },
    /// The TLS library refuses its settings.
    #[error("setting up TLS")]
    Tls {
        /// Cause.
        #[source]
        source: rustls::Error,
    },
    /// The HTTP client cannot be made, or a value does not fit into a header.
    #[error("setting up the HTTP client: {reason}")]
    Http {
        /// Why not.
        reason: String,
    },
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AviError {
    /// No complete answer: refused, reset, TLS, time-out.
    #[error("{method} {url}: no answer from the controller; {advice}")]
    Transport {
        /// Method.
        method: &'static str,
        /// Whole address.
        url: String,
        /// What to do.
        advice: &'static str,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer that is not a success.
    #[error("{method} {path}: the controller answered {status}: {message}")]
    Status {
        /// Method.
        method: &'static str,
        /// Path with its query.
        path: String,
        /// HTTP status.
        status: u16,
        /// Text of the error body, in full as far as it is text.
        message: String,
    },
    /// The user name or password is wrong; a repeat is senseless.
    #[error("controller {url} refuses user `{username}`: Invalid credentials; check user name and password")]
    InvalidCredentials {
        /// Address of the controller.
        url: String,
        /// User name.
        username: String,
    },
    /// A write that was not sent: who would have sent it leads no more, or not yet.
    #[error("{method} {path}: not sent, {reason}")]
    NotPermitted {
        /// Method.
        method: &'static str,
        /// Path with its query.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A success whose body is not what was promised.
    #[error(
        "{method} {path}: the answer cannot be read: {reason}; check that the address is that of an Avi controller"
    )]
    Decode {
        /// Method.
        method: &'static str,
        /// Path with its query.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// When a repeat makes sense (amko 7.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// At once.
    Fast,
    /// Within two minutes.
    Slow,
    /// With the next resync.
    Flag,
    /// Not before the input changes.
    None,
}

/// What kind of failure, as far as callers act on it (amko 7.8, avi-api 1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// No answer.
    Transport,
    /// An unreadable answer.
    Decode,
    /// 400 with `Config Operations can be done ONLY on leader`.
    NotLeader,
    /// 400 with `GSLB system is in maintenance mode.`
    Maintenance,
    /// 400 with `domain name conflicting with existing domain name`.
    DomainConflict,
    /// Any other 400.
    BadRequest,
    /// 401 with `Invalid credentials`.
    InvalidCredentials,
    /// Any other 401.
    Unauthorized,
    /// 404.
    NotFound,
    /// 409, or `already exists` with any code.
    Conflict,
    /// 412: `_last_modified` is not the stored one.
    Stale,
    /// 500 to 503.
    Unavailable,
    /// Every other status.
    Other,
}

impl ErrorClass {
    /// When a repeat makes sense.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::Transport | Self::NotFound | Self::Conflict => Retry::Fast,
            Self::Decode | Self::Maintenance | Self::DomainConflict | Self::Unauthorized | Self::Unavailable => {
                Retry::Slow
            }
            Self::Stale | Self::Other => Retry::Flag,
            Self::NotLeader | Self::BadRequest | Self::InvalidCredentials => Retry::None,
        }
    }

    /// Whether the retry counter starts again, so that the repeats never run out.
    #[must_use]
    pub fn resets_retries(self) -> bool {
        matches!(self, Self::Transport | Self::Maintenance | Self::Unavailable)
    }
}

impl AviError {
    /// What kind of failure it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            // What is to be written is to be looked at anew, as after a controller that was away.
            Self::Transport { .. } | Self::NotPermitted { .. } => ErrorClass::Transport,
            Self::Decode { .. } => ErrorClass::Decode,
            Self::InvalidCredentials { .. } => ErrorClass::InvalidCredentials,
            Self::Status { status, message, .. } => classify(*status, message),
        }
    }

    /// Whether somebody was there who did not answer in time.
    #[must_use]
    pub fn is_late(&self) -> bool {
        let Self::Transport { source, .. } = self else { return false };
        source.downcast_ref::<reqwest::Error>().is_some_and(|error| error.is_timeout() && !error.is_connect())
    }

    /// HTTP status, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::InvalidCredentials { .. } => Some(401),
            Self::Transport { .. } | Self::NotPermitted { .. } | Self::Decode { .. } => None,
        }
    }
}

/// An error with its causes on one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn classify(status: u16, message: &str) -> ErrorClass {
    if message.contains("already exists") {
        return ErrorClass::Conflict;
    }
    match status {
        400 if message.contains("Config Operations can be done ONLY on leader") => ErrorClass::NotLeader,
        400 if message.contains("GSLB system is in maintenance mode.") => ErrorClass::Maintenance,
        400 if message.contains("domain name conflicting with existing domain name") => ErrorClass::DomainConflict,
        400 => ErrorClass::BadRequest,
        401 if message.contains("Invalid credentials") => ErrorClass::InvalidCredentials,
        401 => ErrorClass::Unauthorized,
        404 => ErrorClass::NotFound,
        409 => ErrorClass::Conflict,
        412 => ErrorClass::Stale,
        500..=503 => ErrorClass::Unavailable,
        _ => ErrorClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, message: &str, class: ErrorClass, retry: Retry, resets: bool) {
        let error = AviError::Status {
            method: "POST",
            path: "/api/gslbservice".to_owned(),
            status,
            message: message.to_owned(),
        };
        assert_eq!(error.class(), class, "{status} {message}");
        assert_eq!(error.class().retry(), retry, "{status} {message}");
        assert_eq!(error.class().resets_retries(), resets, "{status} {message}");
    }

    #[test]
    fn answers_have_the_retry_class_of_the_table() {
        use ErrorClass as C;
        use Retry::{Fast, Flag, None, Slow};
        check(400, "Config Operations can be done ONLY on leader", C::NotLeader, None, false);
        check(400, "x GSLB system is in maintenance mode.", C::Maintenance, Slow, true);
        check(400, "domain name conflicting with existing domain name", C::DomainConflict, Slow, false);
        check(400, "name: Required field missing", C::BadRequest, None, false);
        check(401, "Invalid credentials", C::InvalidCredentials, None, false);
        check(401, "Session expired", C::Unauthorized, Slow, false);
        check(404, "Pool object not found!", C::NotFound, Fast, false);
        check(409, "", C::Conflict, Fast, false);
        check(400, "Health monitor with this Name and Tenant ref already exists.", C::Conflict, Fast, false);
        check(412, "Concurrent Update Error. Need to reload object data", C::Stale, Flag, false);
        for status in [500, 501, 502, 503] {
            check(status, "", C::Unavailable, Slow, true);
        }
        for status in [302, 403, 405, 419, 429, 504] {
            check(status, "", C::Other, Flag, false);
        }
    }
}
