//! The dictionary: one name for one fact, in every record of every component.
//!
//! The `tracing` macros take names as written (`info!(%cluster, "…")`); these constants are for readers of the
//! records and for tests. A fact that is searched for across components earns a line here.

/// Tenant an object belongs to: `admin`.
pub const TENANT: &str = "tenant";
/// Kubernetes cluster, by its context name: `s1az1`.
pub const CLUSTER: &str = "cluster";
/// GSLB site: `site1`.
pub const SITE: &str = "site";
/// Virtual service, by name.
pub const VS: &str = "vs";
/// Pool, by name.
pub const POOL: &str = "pool";
/// Pool target: `address:port`.
pub const SERVER: &str = "server";
/// GSLB service, by name.
pub const GSLB_SERVICE: &str = "gslb_service";
/// GSLB target: its address.
pub const MEMBER: &str = "member";
/// Name that was asked for (RFC 9499), without the final dot.
pub const QNAME: &str = "qname";
/// Record type that was asked for: `A`.
pub const QTYPE: &str = "qtype";
/// Response code of an answer: `NXDOMAIN`.
pub const RCODE: &str = "rcode";
/// Address of whoever asked.
pub const CLIENT: &str = "client";
/// Store commit the record was made under.
pub const REVISION: &str = "revision";
/// Why, in words; a human line ends with it.
pub const REASON: &str = "reason";

/// Every name of the dictionary, in the order of the reference.
pub const ALL: [&str; 14] =
    [TENANT, CLUSTER, SITE, VS, POOL, SERVER, GSLB_SERVICE, MEMBER, QNAME, QTYPE, RCODE, CLIENT, REVISION, REASON];
