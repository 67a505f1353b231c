//! What a body is made of, once it is needed.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::object::monitor_refs;

/// What is wanted of one object. The body is asked for where it is to be sent, or to be compared for the first time.
pub trait Draft {
    /// Body as it is to be sent.
    fn body(&self) -> Cow<'_, Value>;

    /// A number that differs where bodies differ.
    fn fingerprint(&self) -> u64;

    /// References to monitors, as they are to be sent; none for a monitor.
    fn monitors(&self) -> Vec<Cow<'_, str>>;
}

impl Draft for Value {
    fn body(&self) -> Cow<'_, Value> {
        Cow::Borrowed(self)
    }

    fn fingerprint(&self) -> u64 {
        fingerprint(&self.to_string())
    }

    fn monitors(&self) -> Vec<Cow<'_, str>> {
        monitor_refs(self).map(Cow::Borrowed).collect()
    }
}

/// A number for a value; the same in the whole process.
pub fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
