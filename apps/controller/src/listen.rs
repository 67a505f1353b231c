//! Taking the port.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::config::Listen;

/// Ports tried after a busy one.
const FALLBACK_PORTS: u16 = 100;

/// Why the API cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("port {} on {} is in use by another process: stop it, or give another port", address.port(), address.ip())]
    Busy {
        /// The address.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("listening on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Binds as told.
pub(crate) fn bind(listen: Listen) -> Result<TcpListener, ListenError> {
    match listen {
        Listen::Bound(listener) => Ok(listener),
        Listen::At(address) => bind_at(address),
        Listen::AtOrAfter(address) => {
            let last = address.port().saturating_add(FALLBACK_PORTS);
            let mut found = bind_at(address);
            for port in address.port().saturating_add(1)..=last {
                if !matches!(found, Err(ListenError::Busy { .. })) {
                    break;
                }
                found = bind_at(SocketAddr::new(address.ip(), port));
            }
            // When all are taken, the one that was asked for is the one to tell of.
            found.map_err(|error| match error {
                ListenError::Busy { .. } => ListenError::Busy { address },
                other => other,
            })
        }
    }
}

fn bind_at(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Busy { address },
        _ => ListenError::Bind { address, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_or_passed_over() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(Listen::At(address)).unwrap_err().to_string();
        assert!(error.contains(&format!("port {} on 127.0.0.1 is in use", address.port())), "{error}");
        let next = bind(Listen::AtOrAfter(address)).unwrap().local_addr().unwrap();
        assert!(next.port() > address.port());
    }
}
