//! Health monitors: what a probe sends, what it expects, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A health monitor. Avi: `HealthMonitor`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HealthMonitor {
    /// Object uuid, `healthmonitor-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Time between the starts of two probes, 50 ms to 3,600 s.
    pub send_interval: Duration,
    /// Longest wait for a verdict, counted from the connection attempt; at most `send_interval`.
    pub receive_timeout: Duration,
    /// Consecutive passes that bring a target up, 1 to 50.
    pub successful_checks: u32,
    /// Consecutive failures that take a target down, 1 to 50.
    pub failed_checks: u32,
    /// Port to probe; `None` means the target's own.
    pub port: Option<u16>,
    /// First checks follow each other quickly until a verdict.
    pub quickstart: bool,
    /// What is sent and expected.
    pub check: Check,
}

/// What a probe sends and expects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Check {
    /// HTTP in clear text.
    Http(HttpCheck),
    /// HTTP over TLS; the certificate is not verified unless a PKI profile says so.
    Https(HttpCheck),
    /// A connection, perhaps with a request and an expected answer.
    Tcp {
        /// Text sent after connecting.
        request: Option<String>,
        /// Text to find in the first 2,048 bytes.
        response: Option<String>,
    },
    /// A datagram; without an expected answer, only "port unreachable" fails.
    Udp {
        /// Payload.
        request: Option<String>,
        /// Text to find in the answer.
        response: Option<String>,
    },
    /// A type this release does not probe; its wire value. Such a monitor has no verdict.
    Unsupported(String),
}

/// An HTTP request and the answer expected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpCheck {
    /// Request line without CRLF, for example `HEAD / HTTP/1.0`; a literal `\r\n` separates extra headers.
    pub request: String,
    /// Send the request as it is.
    pub exact_request: bool,
    /// Body of the request.
    pub request_body: Option<String>,
    /// Classes of status that pass; empty means any.
    pub status_classes: Vec<StatusClass>,
    /// Text to find in the first `response_bytes_max` bytes of the answer.
    pub response: Option<String>,
    /// Bytes of the answer that are searched, 2,048 to 16,384.
    pub response_bytes_max: u32,
    /// Status codes that mean maintenance, which fails.
    pub maintenance_codes: Vec<u16>,
    /// Text that means maintenance, which fails.
    pub maintenance_response: Option<String>,
    /// TLS server name; the host when `None`.
    pub server_name: Option<String>,
}

/// A class of HTTP status codes. Avi: `HTTP_ANY`, `HTTP_1XX` … `HTTP_5XX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StatusClass {
    /// Every code.
    Any,
    /// The first digit, 1 to 5.
    Hundreds(u8),
}

impl StatusClass {
    /// Whether `code` belongs to the class.
    #[must_use]
    pub fn contains(self, code: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Hundreds(digit) => code / 100 == u16::from(digit),
        }
    }
}
