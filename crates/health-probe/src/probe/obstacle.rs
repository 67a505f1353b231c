//! What can stand between a probe and its pass.

use std::io::{self, ErrorKind};

use health::{Failure, FailureCode};
use nix::errno::Errno;

/// Why a probe did not pass.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// The target failed.
    Target(Failure),
    /// This machine is short of descriptors, ports or memory, which says nothing about the target: taken for failures,
    /// one busy engine would take the whole world down.
    Local(io::Error),
}

impl Obstacle {
    pub(crate) fn target(code: FailureCode, detail: impl Into<String>) -> Self {
        Self::Target(Failure::new(code, detail))
    }

    /// Sorts an error of a TCP socket.
    pub(crate) fn from_io(error: io::Error) -> Self {
        if is_local(&error) {
            return Self::Local(error);
        }
        let code = match error.kind() {
            ErrorKind::ConnectionRefused => FailureCode::ConnectionRefused,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                FailureCode::ConnectionReset
            }
            ErrorKind::TimedOut => FailureCode::ConnectionTimeout,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => FailureCode::ServerUnreachable,
            ErrorKind::InvalidInput | ErrorKind::Unsupported => FailureCode::AddressError,
            _ if is_rustls(&error) => FailureCode::SslError,
            _ => FailureCode::ConnectionError,
        };
        Self::target(code, error.to_string())
    }

    /// Sorts an error of a connected UDP socket, where a refusal is ICMP port unreachable.
    pub(crate) fn from_udp(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::target(FailureCode::PortUnreachable, "ICMP port unreachable"),
            _ => Self::from_io(error),
        }
    }
}

fn is_local(error: &io::Error) -> bool {
    let missing = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::EADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|raw| missing.contains(&Errno::from_raw(raw)))
}

pub(crate) fn is_rustls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(errno: Errno, expected: Option<FailureCode>) {
        let code = match Obstacle::from_io(io::Error::from_raw_os_error(errno as i32)) {
            Obstacle::Target(failure) => Some(failure.code),
            Obstacle::Local(_) => None,
        };
        assert_eq!(code, expected, "{errno}");
    }

    #[test]
    fn each_socket_error_has_its_code() {
        check(Errno::ECONNREFUSED, Some(FailureCode::ConnectionRefused));
        check(Errno::ECONNRESET, Some(FailureCode::ConnectionReset));
        check(Errno::EPIPE, Some(FailureCode::ConnectionReset));
        check(Errno::ETIMEDOUT, Some(FailureCode::ConnectionTimeout));
        check(Errno::EHOSTUNREACH, Some(FailureCode::ServerUnreachable));
        check(Errno::ENETUNREACH, Some(FailureCode::ServerUnreachable));
        check(Errno::EINVAL, Some(FailureCode::AddressError));
        check(Errno::EIO, Some(FailureCode::ConnectionError));
    }

    #[test]
    fn what_is_missing_here_is_not_held_against_the_target() {
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::EADDRNOTAVAIL] {
            check(errno, None);
        }
    }
}
