//! Rules that come before the answer (avi-api 2.24, 4.5 step 2).

use serde::{Deserialize, Serialize};

use crate::http::{IpMatch, Membership, StringCriterion};

/// A rule of a DNS policy: what all of its matches hold for is answered by its action. Avi: `DnsRule`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRule {
    /// Object name of the policy.
    pub policy: String,
    /// Its own name.
    pub name: String,
    /// Which clients.
    pub client: Option<ClientMatch>,
    /// Which names.
    pub query_name: Option<NameMatch>,
    /// Which types of records, by number.
    pub query_type: Option<(Membership, Vec<u16>)>,
    /// Which transport: TCP, or UDP.
    pub over_tcp: Option<bool>,
    /// Where clients are.
    pub location: Option<LocationMatch>,
    /// What becomes of the query.
    pub action: DnsAction,
}

/// Avi: `client_ip_address`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMatch {
    /// Addresses.
    pub addresses: IpMatch,
    /// Whether the client's subnet stands for its address where the query has one.
    pub use_subnet: bool,
}

/// Avi: `query_name`. Case does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameMatch {
    /// How.
    pub criterion: StringCriterion,
    /// Whether the opposite is asked for: none of the values may match.
    pub negated: bool,
    /// Any of them, in lower case, without the dot at the end.
    pub values: Vec<String>,
}

/// Avi: `geo_location`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationMatch {
    /// Whether clients have to be there, or elsewhere.
    pub membership: Membership,
    /// Name of the place, or of what it lies in: `DE`, `DE/Bavaria`.
    pub name: Option<String>,
    /// Its tag.
    pub tag: Option<String>,
    /// Whether the client's subnet stands for its address where the query has one.
    pub use_subnet: bool,
}

/// What becomes of a query. Avi: `DnsRuleAction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DnsAction {
    /// It is answered as if there were no policies.
    Allow,
    /// It gets no packet.
    Drop,
    /// It gets this answer, without records.
    Respond {
        /// Response code, 0 to 15.
        rcode: u8,
        /// The AA flag.
        authoritative: bool,
        /// The TC flag.
        truncated: bool,
    },
    /// Members of these sites answer it. Avi: `gslb_site_selection`.
    SelectSites {
        /// Cluster uuids: of the site that is wanted, then of those that stand in for it.
        sites: Vec<String>,
        /// Names of the same, for people.
        names: Vec<String>,
        /// Whether any other site will do where none of these is usable.
        is_preferred: bool,
    },
}
