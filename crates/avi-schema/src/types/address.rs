//! Addresses and ranges (avi-api 2.3).

use crate::{Field, Kind, MessageSchema};

/// `IpAddr`: an address or a host name. `type` omitted on input is inferred from `addr`.
pub(super) static IP_ADDR: MessageSchema = MessageSchema {
    name: "IpAddr",
    fields: &[Field::text("addr").required(), Field::one_of("type", &["V4", "V6", "DNS"])],
    keep_unknown: false,
};

/// `IpAddrPrefix`: the network address is not enforced on input.
pub(super) static IP_ADDR_PREFIX: MessageSchema = MessageSchema {
    name: "IpAddrPrefix",
    fields: &[Field::message("ip_addr", &IP_ADDR).required(), Field::int("mask", 0, 128).required()],
    keep_unknown: false,
};

/// `IpAddrRange`: both ends inclusive.
pub(super) static IP_ADDR_RANGE: MessageSchema = MessageSchema {
    name: "IpAddrRange",
    fields: &[Field::message("begin", &IP_ADDR).required(), Field::message("end", &IP_ADDR).required()],
    keep_unknown: false,
};

/// Element kind of a list of addresses.
pub(super) static ADDRESS: Kind = Kind::Message(&IP_ADDR);
