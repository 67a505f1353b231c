//! Why a probe failed, in the words of avi-api 6.1.

use std::fmt;

/// Kind of failure; the codes of avi-api 6.1 that HTTP, HTTPS, TCP and UDP probes can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// The target answered the connection attempt with a reset.
    ConnectionRefused,
    /// The target did not answer the connection attempt in time.
    ConnectionTimeout,
    /// The target reset an open connection.
    ConnectionReset,
    /// The connection broke in another way.
    ConnectionError,
    /// No route to the target, or a router said so.
    ServerUnreachable,
    /// The target's address cannot be used from here.
    AddressError,
    /// The status is in none of the expected classes, or what came is not HTTP.
    ResponseCodeMismatch,
    /// The expected text is not in the answer.
    PayloadContentMismatch,
    /// The answer was not complete in time.
    PayloadTimeout,
    /// The target closed the connection, or stayed silent, without an answer.
    NoResponse,
    /// The head of the answer is longer than the bytes that are read.
    ResponseBufferOverflow,
    /// The TLS handshake failed, or TLS broke later.
    SslError,
    /// ICMP port unreachable.
    PortUnreachable,
    /// The status is one of the monitor's maintenance codes.
    MaintenanceResponseCodeMatch,
    /// The monitor's maintenance text is in the answer.
    MaintenancePayloadContentMatch,
    /// Anything else.
    OtherError,
}

impl FailureCode {
    const ALL: [Self; 16] = [
        Self::ConnectionRefused,
        Self::ConnectionTimeout,
        Self::ConnectionReset,
        Self::ConnectionError,
        Self::ServerUnreachable,
        Self::AddressError,
        Self::ResponseCodeMismatch,
        Self::PayloadContentMismatch,
        Self::PayloadTimeout,
        Self::NoResponse,
        Self::ResponseBufferOverflow,
        Self::SslError,
        Self::PortUnreachable,
        Self::MaintenanceResponseCodeMatch,
        Self::MaintenancePayloadContentMatch,
        Self::OtherError,
    ];

    /// Wire value, for example `CONNECTION_REFUSED`.
    #[must_use]
    pub fn as_avi(self) -> &'static str {
        match self {
            Self::ConnectionRefused => "CONNECTION_REFUSED",
            Self::ConnectionTimeout => "CONNECTION_TIMEOUT",
            Self::ConnectionReset => "CONNECTION_RESET",
            Self::ConnectionError => "CONNECTION_ERROR",
            Self::ServerUnreachable => "SERVER_UNREACHABLE",
            Self::AddressError => "ADDRESS_ERROR",
            Self::ResponseCodeMismatch => "RESPONSE_CODE_MISMATCH",
            Self::PayloadContentMismatch => "PAYLOAD_CONTENT_MISMATCH",
            Self::PayloadTimeout => "PAYLOAD_TIMEOUT",
            Self::NoResponse => "NO_RESPONSE",
            Self::ResponseBufferOverflow => "RESPONSE_BUFFER_OVERFLOW",
            Self::SslError => "SSL_ERROR",
            Self::PortUnreachable => "PORT_UNREACHABLE",
            Self::MaintenanceResponseCodeMatch => "MAINTENANCE_RESPONSE_CODE_MATCH",
            Self::MaintenancePayloadContentMatch => "MAINTENANCE_PAYLOAD_CONTENT_MATCH",
            Self::OtherError => "OTHER_ERROR",
        }
    }
}

/// A failed probe. Prints as `CODE: detail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Kind.
    pub code: FailureCode,
    /// What was seen, in words; may be empty.
    pub detail: String,
}

impl Failure {
    /// A failure of kind `code`, with what was seen.
    #[must_use]
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The failure that prints as `text`; of kind [`FailureCode::OtherError`] where its code is unknown here.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (code, detail) = text.split_once(": ").unwrap_or((text, ""));
        match FailureCode::ALL.into_iter().find(|known| known.as_avi() == code) {
            Some(code) => Self::new(code, detail),
            None => Self::new(FailureCode::OtherError, text),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_avi())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_prints_its_code_then_what_was_seen() {
        let failure = Failure::new(FailureCode::ResponseCodeMismatch, "status 503, expected 2xx");
        assert_eq!(failure.to_string(), "RESPONSE_CODE_MISMATCH: status 503, expected 2xx");
        assert_eq!(Failure::new(FailureCode::SslError, "").to_string(), "SSL_ERROR");
    }

    #[test]
    fn what_was_printed_is_read_again() {
        for code in FailureCode::ALL {
            for detail in ["", "status 503: it said so"] {
                let failure = Failure::new(code, detail);
                assert_eq!(Failure::from_text(&failure.to_string()), failure);
            }
        }
        assert_eq!(Failure::from_text("NEW_CODE: x"), Failure::new(FailureCode::OtherError, "NEW_CODE: x"));
    }
}
