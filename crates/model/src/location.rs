//! A place on earth.

use serde::{Deserialize, Serialize};

/// A place on earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct Location {
    latitude: f64,
    longitude: f64,
}

/// Degrees that are no place on earth.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("latitude {latitude}, longitude {longitude}: latitudes go from -90 to 90, longitudes from -180 to 180")]
pub struct LocationError {
    latitude: f64,
    longitude: f64,
}

impl Location {
    /// A place; latitude -90 to 90, longitude -180 to 180.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, LocationError> {
        if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) {
            Ok(Self { latitude, longitude })
        } else {
            Err(LocationError { latitude, longitude })
        }
    }

    /// Degrees north of the equator.
    #[must_use]
    pub const fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east of Greenwich.
    #[must_use]
    pub const fn longitude(self) -> f64 {
        self.longitude
    }
}

impl TryFrom<(f64, f64)> for Location {
    type Error = LocationError;
    fn try_from((latitude, longitude): (f64, f64)) -> Result<Self, LocationError> {
        Self::new(latitude, longitude)
    }
}

impl From<Location> for (f64, f64) {
    fn from(Location { latitude, longitude }: Location) -> Self {
        (latitude, longitude)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}, {:.2}", self.latitude, self.longitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_poles_and_the_date_line_are_places_and_what_is_beyond_is_none() {
        assert!(Location::new(90.0, 180.0).is_ok());
        assert!(Location::new(-90.0, -180.0).is_ok());
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(Location::new(latitude, longitude).is_err(), "{latitude} {longitude}");
        }
    }
}
