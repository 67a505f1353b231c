//! What can go wrong with a request, in the words that clients match (avi-api 1.10, 1.12, 5.2).

use std::fmt;
use std::net::IpAddr;

/// Most characters of a reference that are repeated to who sent it.
pub(crate) const SENT_CHARS_MAX: usize = 256;

/// Kind of refusal; the edge maps it to a status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request breaks a rule: 400.
    Validation,
    /// The object, or one it refers to, does not exist: 404.
    NotFound,
    /// The name or uuid is taken: 409.
    Conflict,
    /// `_last_modified` is not the stored one: 412.
    Stale,
    /// Others point at the object: 403.
    Referred,
    /// Belongs to the system: 403.
    SystemDefault,
    /// 405, with the text under `detail` instead of `error`.
    MethodNotAllowed,
    /// The caller may not: 403.
    Forbidden,
    /// A certificate cannot be read: 500, the one refusal that looks like a failure because operators expect it so.
    Import,
}

/// Why a write is refused. `Display` is the exact text of the error body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The body is not a JSON object (or, for a patch, none of the accepted forms).
    #[error("Request body is not valid: {0}")]
    Body(&'static str),
    /// A required field is absent; the dotted path of the field.
    #[error("{0}: Required field missing")]
    Required(String),
    /// A value has the wrong type, range, length or spelling.
    #[error("{field}: {problem}")]
    Invalid {
        /// Dotted path: `groups[0].members[2].ratio`.
        field: String,
        /// What is wrong and what is accepted.
        problem: String,
    },
    /// An immutable field differs from the stored one.
    #[error("Cannot modify {0}")]
    Immutable(String),
    /// The object to write, or one it refers to, does not exist or is not visible.
    #[error("{}", object_not_found(.0))]
    NotFound(&'static str),
    /// An object that a field refers to does not exist or is not visible. What clients match comes first.
    #[error("{} {field}: no {path} is visible here as '{sent}', create it first or correct the reference", object_not_found(.model))]
    Dangling {
        /// CamelCase model that the field refers to.
        model: &'static str,
        /// Its type in the API: `healthmonitor`.
        path: &'static str,
        /// Dotted path: `health_monitor_refs[0]`.
        field: String,
        /// The reference as it was sent, cut to [`SENT_CHARS_MAX`].
        sent: String,
    },
    /// Same type, tenant (and cloud) and name.
    #[error("{words} with this {} already exists.", .unique.words())]
    NameTaken {
        /// The type in words: `Health monitor`.
        words: &'static str,
        /// What makes the name unique.
        unique: UniqueBy,
    },
    /// The uuid asked for (`Slug`) exists.
    #[error("{model} with uuid {uuid} already exists.")]
    UuidTaken {
        /// CamelCase model.
        model: &'static str,
        /// The uuid.
        uuid: String,
    },
    /// A collection of at most one object has its object.
    #[error("{0} already exists.")]
    SingleTaken(&'static str),
    /// `_last_modified` differs from the stored one.
    #[error("Concurrent Update Error. Need to reload object data {model} {name}")]
    Stale {
        /// CamelCase model.
        model: &'static str,
        /// Stored name.
        name: String,
    },
    /// Delete of an object that others point at.
    #[error("Cannot delete, object is referred by: [{}]", QuotedList(.referrers))]
    Referred {
        /// CamelCase model of the object itself.
        model: &'static str,
        /// `<Model> <name>` of each referrer, in order.
        referrers: Vec<String>,
    },
    /// Delete of a system default object.
    #[error("Cannot delete system default object")]
    SystemDefault,
    /// Create or delete of a singleton; the method.
    #[error("Method '{0}' not allowed.")]
    MethodNotAllowed(&'static str),
    /// The object is readable from the caller's tenant but owned by another.
    #[error("{model} {name} belongs to another tenant")]
    OtherTenant {
        /// CamelCase model.
        model: &'static str,
        /// Name.
        name: String,
    },
    /// A federated object written on a follower (avi-api 5.2).
    #[error("Config Operations can be done ONLY on leader")]
    NotLeader,
    /// A federated object written during maintenance (avi-api 5.2).
    #[error("GSLB system is in maintenance mode. Configuration changes are not allowed")]
    Maintenance,
    /// A GSLB service wants a name that another one has.
    #[error("GslbService {name}: domain name conflicting with existing domain name {domain_name}")]
    DomainNameTaken {
        /// The refused service.
        name: String,
        /// The name both want.
        domain_name: String,
    },
    /// A GSLB service wants a name outside `dns_configs`.
    #[error("{0} does not match any of the GSLB sub-domains")]
    OutsideSubDomains(String),
    /// A VsVip wants an address that another one holds in the same VRF.
    #[error("IP address {address} conflicts with VsVip {holder}")]
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// Name of the VsVip that holds it.
        holder: String,
    },
    /// No address is left where one was to be allocated; why, and where it was looked for.
    #[error("No available free IPs for the requested network: {0}")]
    NoFreeAddress(String),
    /// The address of an allocated VIP cannot be exchanged.
    #[error("If a new preferred IP is needed, please recreate the VIP")]
    PreferredAddress,
    /// `vip_id` identifies an entry for life.
    #[error("Changing an existing VIP's vip_id is not supported")]
    VipId,
    /// A name outside the domains of the cloud's DNS profile.
    #[error("FQDN {0} does not match any of the configured DNS domains")]
    OutsideDnsDomains(String),
    /// A certificate cannot be read; both phrases make operators give it up.
    #[error("Import error: {0}")]
    Import(String),
    /// The write needs more guards or operations than a transaction carries.
    #[error("the write touches {keys} keys, at most {max} are possible: write fewer references or names at once")]
    TooLarge {
        /// Keys needed.
        keys: usize,
        /// Keys possible.
        max: usize,
    },
}

/// What makes a name unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueBy {
    /// The controller.
    Name,
    /// The tenant.
    Tenant,
    /// Tenant and cloud.
    TenantAndCloud,
}

/// Why a read is refused. `Display` is the exact text of the error body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No such object in what the caller sees; the model.
    #[error("{0} object not found!")]
    NotFound(&'static str),
    /// The page lies beyond the end.
    #[error("Invalid page: page {page} does not exist, there are {pages}")]
    Page {
        /// Page asked for.
        page: usize,
        /// Pages there are.
        pages: usize,
    },
    /// A paging parameter is not a number.
    #[error("{parameter}: '{value}' is not a positive number")]
    Parameter {
        /// `page` or `page_size`.
        parameter: String,
        /// What was sent.
        value: String,
    },
}

impl WriteError {
    /// Kind of refusal.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Body(_)
            | Self::Required(_)
            | Self::Invalid { .. }
            | Self::Immutable(_)
            | Self::NotLeader
            | Self::Maintenance
            | Self::DomainNameTaken { .. }
            | Self::OutsideSubDomains(_)
            | Self::AddressTaken { .. }
            | Self::NoFreeAddress(_)
            | Self::PreferredAddress
            | Self::VipId
            | Self::OutsideDnsDomains(_)
            | Self::TooLarge { .. } => Class::Validation,
            Self::NotFound(model) | Self::Dangling { model, .. } if answers_400(model) => Class::Validation,
            Self::NotFound(_) | Self::Dangling { .. } => Class::NotFound,
            Self::NameTaken { .. } | Self::UuidTaken { .. } | Self::SingleTaken(_) => Class::Conflict,
            Self::Stale { .. } => Class::Stale,
            Self::Referred { model: "Cloud", .. } => Class::Validation, // avi-api 1.10: 400 for Cloud
            Self::Referred { .. } => Class::Referred,
            Self::SystemDefault => Class::SystemDefault,
            Self::MethodNotAllowed(_) => Class::MethodNotAllowed,
            Self::OtherTenant { .. } => Class::Forbidden,
            Self::Import(_) => Class::Import,
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}

impl ReadError {
    /// Kind of refusal.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::NotFound(_) | Self::Page { .. } => Class::NotFound,
            Self::Parameter { .. } => Class::Validation,
        }
    }
}

impl UniqueBy {
    fn words(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Tenant => "Name and Tenant ref",
            Self::TenantAndCloud => "Name, Tenant ref and Cloud ref",
        }
    }
}

/// Models whose missing object is a 400 with two phrases, because operators match either (avi-api 1.7).
fn answers_400(model: &str) -> bool {
    matches!(model, "VrfContext" | "Network")
}

fn object_not_found(model: &str) -> String {
    if answers_400(model) {
        format!("{model} object not found. {model} not found")
    } else {
        format!("{model} object not found!")
    }
}

/// A list as Python prints it: `'Pool p1', 'VirtualService vs1'`.
struct QuotedList<'a>(&'a [String]);

impl fmt::Display for QuotedList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}'{item}'")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &WriteError, text: &str, class: Class) {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.class(), class);
    }

    #[test]
    fn texts_and_classes_are_those_that_clients_match() {
        let referrers = vec!["Pool custom-pool".to_owned(), "VirtualService custom-vs".to_owned()];
        check(
            &WriteError::Referred { model: "HealthMonitor", referrers: referrers.clone() },
            "Cannot delete, object is referred by: ['Pool custom-pool', 'VirtualService custom-vs']",
            Class::Referred,
        );
        assert_eq!(WriteError::Referred { model: "Cloud", referrers }.class(), Class::Validation);
        check(
            &WriteError::NameTaken { words: "Health monitor", unique: UniqueBy::Tenant },
            "Health monitor with this Name and Tenant ref already exists.",
            Class::Conflict,
        );
        check(
            &WriteError::NameTaken { words: "Vs vip", unique: UniqueBy::TenantAndCloud },
            "Vs vip with this Name, Tenant ref and Cloud ref already exists.",
            Class::Conflict,
        );
        check(&WriteError::NotFound("HealthMonitor"), "HealthMonitor object not found!", Class::NotFound);
        check(
            &WriteError::NotFound("VrfContext"),
            "VrfContext object not found. VrfContext not found",
            Class::Validation,
        );
        let dangling = |model, path| {
            let (field, sent) = ("refs[0]".to_owned(), format!("/api/{path}?name=zz"));
            WriteError::Dangling { model, path, field, sent }
        };
        check(
            &dangling("Pool", "pool"),
            "Pool object not found! refs[0]: no pool is visible here as '/api/pool?name=zz', create it first or correct the \
             reference",
            Class::NotFound,
        );
        assert_eq!(dangling("Network", "network").class(), Class::Validation);
        check(&WriteError::MethodNotAllowed("DELETE"), "Method 'DELETE' not allowed.", Class::MethodNotAllowed);
        check(
            &WriteError::Stale { model: "Pool", name: "p1".into() },
            "Concurrent Update Error. Need to reload object data Pool p1",
            Class::Stale,
        );
    }
}
