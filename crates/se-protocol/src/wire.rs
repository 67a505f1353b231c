//! The messages as protobuf (`proto/se.proto`), and the way between them and the types of the rest of this crate.
//!
//! Nothing here opens a socket. Turning a type into its message cannot fail; a message may hold anything, so turning it
//! back says which field was wrong. Every struct is taken apart by name: a new field does not compile until it travels.

mod clients;
mod dns;
mod explain;
mod gslb;
pub(crate) mod http;
mod logs;
mod monitor;
mod policy;
mod report;
pub(crate) mod sights;

#[allow(missing_docs, clippy::all, reason = "generated; proto/se.proto documents it")]
mod generated;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use bytes::Bytes;
use model::{DomainName, DomainNameError, RangeError, Revision};

pub use generated::*;
pub(crate) use logs::pack_logs;

/// Why a message does not say what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A field that has to be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A number outside the range of its field.
    #[error("{field} is {found}, which is out of range")]
    Range {
        /// Field.
        field: &'static str,
        /// What it said.
        found: i128,
    },
    /// A number outside the range of a model type.
    #[error(transparent)]
    Quantity(#[from] RangeError),
    /// A text that is no domain name.
    #[error(transparent)]
    Name(#[from] DomainNameError),
    /// An address that has neither 4 nor 16 octets.
    #[error("an address of {0} octets")]
    Address(usize),
    /// An enumeration value that is not known here.
    #[error("{field} has the unknown value {found}")]
    Enumeration {
        /// Field.
        field: &'static str,
        /// What it said.
        found: i32,
    },
    /// Something is named that is not in the snapshot.
    #[error("{field} names {uuid}, which is not there")]
    Reference {
        /// Field.
        field: &'static str,
        /// What it names.
        uuid: String,
    },
    /// A child whose place there is not, or is another's.
    #[error("among the children of {parent} there is no place for it after `{after}`")]
    Place {
        /// Uuid of the parent.
        parent: String,
        /// Uuid of the child before it.
        after: String,
    },
    /// Bytes that are not the message they should be.
    #[error("not a {0}")]
    Encoding(&'static str),
}

impl From<&model::Version> for Version {
    fn from(model::Version { incarnation, term, revision }: &model::Version) -> Self {
        Self { incarnation: incarnation.clone(), term: *term, revision: revision.0 }
    }
}

impl From<Version> for model::Version {
    fn from(Version { incarnation, term, revision }: Version) -> Self {
        Self { incarnation, term, revision: Revision(revision) }
    }
}

/// Without the body: it may be a private key.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The version that must be there.
pub(crate) fn version(message: Option<Version>) -> Result<model::Version, ConvertError> {
    Ok(required("version", message)?.into())
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T, ConvertError> {
    value.ok_or(ConvertError::Missing(field))
}

fn narrow<T: TryFrom<u32>>(field: &'static str, value: u32) -> Result<T, ConvertError> {
    T::try_from(value).map_err(|_| ConvertError::Range { field, found: i128::from(value) })
}

/// A number that is a port.
pub(crate) fn port(field: &'static str, value: u32) -> Result<u16, ConvertError> {
    narrow(field, value)
}

fn ip_to_bytes(ip: &IpAddr) -> Bytes {
    match ip {
        IpAddr::V4(ip) => Bytes::copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => Bytes::copy_from_slice(&ip.octets()),
    }
}

fn ip_from_bytes(octets: &Bytes) -> Result<IpAddr, ConvertError> {
    v4_from_bytes(octets).map(IpAddr::V4).or_else(|_| v6_from_bytes(octets).map(IpAddr::V6))
}

fn v4_from_bytes(octets: &Bytes) -> Result<Ipv4Addr, ConvertError> {
    let octets = <[u8; 4]>::try_from(octets.as_ref()).map_err(|_| ConvertError::Address(octets.len()))?;
    Ok(octets.into())
}

fn v6_from_bytes(octets: &Bytes) -> Result<Ipv6Addr, ConvertError> {
    let octets = <[u8; 16]>::try_from(octets.as_ref()).map_err(|_| ConvertError::Address(octets.len()))?;
    Ok(octets.into())
}

impl From<&SocketAddr> for SocketAddress {
    fn from(address: &SocketAddr) -> Self {
        Self { ip: ip_to_bytes(&address.ip()), port: u32::from(address.port()) }
    }
}

impl TryFrom<SocketAddress> for SocketAddr {
    type Error = ConvertError;
    fn try_from(SocketAddress { ip, port }: SocketAddress) -> Result<Self, ConvertError> {
        Ok(SocketAddr::new(ip_from_bytes(&ip)?, narrow("port", port)?))
    }
}

fn names_to_text(names: &[DomainName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

pub(crate) fn names_from_text(names: Vec<String>) -> Result<Vec<DomainName>, ConvertError> {
    names.into_iter().map(name_from_text).collect()
}

fn name_from_text(name: String) -> Result<DomainName, ConvertError> {
    Ok(DomainName::try_from(name)?)
}

/// Converts each element, stopping at the first that does not convert.
fn all<M, T: TryFrom<M, Error = ConvertError>>(messages: Vec<M>) -> Result<Vec<T>, ConvertError> {
    messages.into_iter().map(T::try_from).collect()
}

/// Ties an enumeration of the model to the one of the wire, value by value.
macro_rules! enumeration {
    ($field:literal $model:path => $wire:path { $($variant:ident),+ $(,)? }) => {
        impl From<$model> for $wire {
            fn from(value: $model) -> Self {
                use $model as Model;
                match value { $(Model::$variant => Self::$variant),+ }
            }
        }
        impl $wire {
            /// The model's value.
            pub(crate) fn known(found: i32) -> Result<$model, ConvertError> {
                use $model as Model;
                match Self::try_from(found) {
                    $(Ok(Self::$variant) => Ok(Model::$variant),)+
                    Ok(Self::Unspecified) | Err(_) => Err(ConvertError::Enumeration { field: $field, found }),
                }
            }
        }
    };
}

enumeration!("state" crate::State => State { Up, Down, Unknown, Disabled });
enumeration!("pool_algorithm" model::gslb::PoolAlgorithm => PoolAlgorithm { Priority, Geo });
enumeration!("algorithm" model::gslb::MemberAlgorithm => MemberAlgorithm {
    RoundRobin, ConsistentHash, Geo, Topology, PreferenceOrder,
});
enumeration!("monitor_scope" model::gslb::MonitorScope => MonitorScope { AllMembers, OnlyNonAviMembers });
enumeration!("operator" crate::logs::Operator => LogOperator { Eq, Ne, Lt, Le, Gt, Ge, Co, Nc, Sw });
enumeration!("kind" crate::logs::LogKind => LogKind { Dns, Http });
enumeration!("on_error" model::dns::ErrorResponse => ErrorResponse { Drop, Respond });
enumeration!("order" model::dns::RecordOrder => RecordOrder { ConsistentHash, RoundRobin });
enumeration!("update" model::http::ForwardedForUpdate => ForwardedForUpdate { Replace, Append, Add });
enumeration!("membership" model::http::Membership => Membership { In, NotIn });
enumeration!("criterion" model::http::StringCriterion => StringCriterion {
    BeginsWith, Contains, EndsWith, Equals, Regex, Exists,
});
enumeration!("algorithm" model::http::Algorithm => PoolServerAlgorithm { RoundRobin, LeastConnections });
