//! The shape of a schema table.

mod build;

/// One API type.
#[derive(Debug)]
pub struct TypeSchema {
    /// Path element and uuid prefix: `healthmonitor`.
    pub path: &'static str,
    /// CamelCase name in messages: `HealthMonitor`.
    pub model: &'static str,
    /// Name in words with a first capital, for conflict messages: `Health monitor`.
    pub words: &'static str,
    /// Where objects live and what makes their name unique.
    pub scope: Scope,
    /// How the collection behaves.
    pub names: Names,
    /// Top-level fields in output order. `uuid`, `url`, `name`, `_last_modified`, `tenant_ref`, `configpb_attributes`
    /// are common to all types and not listed.
    pub message: &'static MessageSchema,
}

/// Where objects of a type live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// No tenant: tenant, cluster, systemconfiguration, controllerproperties, user.
    Global,
    /// A tenant.
    Tenant,
    /// A tenant, and readable and referable from every tenant when it lives in `admin` (clouds, system profiles).
    TenantShared,
    /// A tenant and a cloud.
    TenantCloud,
    /// A tenant and a cloud, and readable and referable from every tenant when it lives in `admin` (networks, VRFs).
    TenantCloudShared,
}

impl Scope {
    /// Whether objects live in a cloud, which is part of what makes their name unique.
    #[must_use]
    pub const fn is_in_cloud(self) -> bool {
        matches!(self, Self::TenantCloud | Self::TenantCloudShared)
    }

    /// Whether every tenant sees the objects that live in `admin`.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::TenantShared | Self::TenantCloudShared)
    }
}

/// How the collection of a type behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Ordinary collection with unique names.
    Unique,
    /// Exactly one object, read and replaced at the bare path.
    Singleton,
    /// Ordinary collection of at most one object (`gslb`).
    AtMostOne,
}

/// The fields of a message.
#[derive(Debug)]
pub struct MessageSchema {
    /// Name in error texts: `GslbPoolMember`.
    pub name: &'static str,
    /// Known fields in output order.
    pub fields: &'static [Field],
    /// Whether unknown fields are stored and returned (types of level KEEP) or dropped silently.
    pub keep_unknown: bool,
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// JSON name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What the controller fills in when the client omits it.
    pub default: Default,
    /// Smallest value other than 0, where 0 is a special value apart from the range (`10-1000; 0 = unlimited`);
    /// 0 when the range of the kind has no gap. The kind's own range then starts at 0.
    pub min_nonzero: i64,
    /// Required on create. Never set together with a default: a default is always there, so nothing can be missing.
    pub required: bool,
    /// Refused to change after create.
    pub immutable: bool,
    /// Write-only: shown as `<sensitive>`, and `<sensitive>` in a PUT leaves the stored value.
    pub sensitive: bool,
    /// Made by the controller; input is ignored.
    pub output_only: bool,
    /// Shown by reads, left out of the answer to a write.
    pub get_only: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`; strings and 0/1 are coerced.
    Bool,
    /// Integer within the inclusive range; numeric strings are coerced.
    Int {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// Floating point number.
    Float,
    /// Text.
    String,
    /// One of these exact upper-case strings.
    Enum(&'static [&'static str]),
    /// Reference to an object of the named API path (`healthmonitor`). A type this release does not know is left out.
    Ref(&'static str),
    /// A nested message.
    Message(&'static MessageSchema),
    /// A list of at most `max` elements (0 = no limit), matched by `key` in a PATCH (`None` = whole value; avi-api 1.10).
    List {
        /// Element kind.
        of: &'static Kind,
        /// Largest length, 0 for none.
        max: usize,
        /// Natural key within an element: a dotted path such as `ip.addr`.
        key: Option<&'static str>,
    },
    /// Any JSON, stored and returned untouched (level KEEP).
    Any,
}

/// A default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// Stays absent.
    Absent,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A text or an enum value.
    Str(&'static str),
    /// A reference to the object of this name (`Default-Cloud`).
    RefName(&'static str),
    /// The message itself is created with its own defaults (`Tenant.config_settings`).
    Message,
    /// The value of a sibling field (`port_range_end` = `port`).
    SameAs(&'static str),
}
