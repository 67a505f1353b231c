//! L7 virtual services and what they refer to: virtual services and children in `service`, their rules in `policy`,
//! pools and pool groups in `pool`, certificates here.
//!
//! What an object refers to travels beside it, as a resource of its own: a message has the uuids only.

mod policy;
mod pool;
mod service;

use std::{fmt, time::Duration};

use model::http;

use super::{Certificate, ConvertError};

pub(crate) use service::{child, child_message, virtual_service, virtual_service_message};

impl From<&http::Certificate> for Certificate {
    fn from(http::Certificate { uuid, name, chain_pem, key_pem }: &http::Certificate) -> Self {
        Self { uuid: uuid.clone(), name: name.clone(), chain_pem: chain_pem.clone(), key_pem: key_pem.clone() }
    }
}

impl TryFrom<Certificate> for http::Certificate {
    type Error = ConvertError;
    fn try_from(Certificate { uuid, name, chain_pem, key_pem }: Certificate) -> Result<Self, ConvertError> {
        Ok(Self { uuid, name, chain_pem, key_pem })
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("uuid", &self.uuid).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whole microseconds; what exceeds 584,942 years becomes that.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
