//! Small quantities whose range is part of the type.

use serde::{Deserialize, Serialize};

/// A value outside the range its type allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found} is outside {min} to {max}")]
pub struct RangeError {
    /// What the number means, in the field's words.
    pub what: &'static str,
    /// The value given.
    pub found: u64,
    /// Smallest allowed value.
    pub min: u64,
    /// Largest allowed value.
    pub max: u64,
}

macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident($repr:ty) $what:literal $min:literal..=$max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name($repr);

        impl $name {
            /// The plain number.
            #[must_use]
            pub fn get(self) -> $repr {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = RangeError;
            fn try_from(found: u64) -> Result<Self, RangeError> {
                if !($min..=$max).contains(&found) {
                    return Err(RangeError { what: $what, found, min: $min, max: $max });
                }
                <$repr>::try_from(found)
                    .map(Self)
                    .map_err(|_| RangeError { what: $what, found, min: $min, max: $max })
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> u64 {
                u64::from(value.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

ranged! {
    /// Time to live of a DNS record in seconds, 0 to 86,400. Avi: `GslbService.ttl`.
    Ttl(u32) "ttl" 0..=86_400
}
ranged! {
    /// Share of a member within its pool, 1 to 20. Avi: `GslbPoolMember.ratio`.
    Weight(u8) "weight" 1..=20
}
ranged! {
    /// Priority of a pool, 0 to 100; higher wins, 0 is never chosen. Avi: `GslbPool.priority`.
    PoolPriority(u8) "priority" 0..=100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_inside_and_their_neighbours_outside() {
        assert_eq!(Weight::try_from(1).map(Weight::get), Ok(1));
        assert_eq!(Weight::try_from(20).map(Weight::get), Ok(20));
        assert_eq!(Weight::try_from(21).unwrap_err().to_string(), "weight 21 is outside 1 to 20");
        assert!(Weight::try_from(0).is_err());
        assert!(Ttl::try_from(86_401).is_err());
        assert!(PoolPriority::try_from(101).is_err());
    }
}
