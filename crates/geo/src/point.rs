//! Distances.

use model::Location;

/// Mean radius of the earth.
const EARTH_RADIUS_KM: f64 = 6_371.0;

/// A place as a point on the unit sphere, so that comparing distances takes no trigonometry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    x: f64,
    y: f64,
    z: f64,
}

impl From<Location> for Point {
    fn from(location: Location) -> Self {
        let (latitude, longitude) = (location.latitude().to_radians(), location.longitude().to_radians());
        Self { x: latitude.cos() * longitude.cos(), y: latitude.cos() * longitude.sin(), z: latitude.sin() }
    }
}

impl Point {
    /// Grows with the great-circle distance: the square of the straight line, in radii of the earth, 0 to 4.
    #[must_use]
    pub fn apart(&self, other: &Point) -> f64 {
        let (x, y, z) = (self.x - other.x, self.y - other.y, self.z - other.z);
        x * x + y * y + z * z
    }

    /// The great-circle distance in kilometres.
    #[must_use]
    pub fn distance_km(&self, other: &Point) -> f64 {
        let half = (self.apart(other).sqrt() / 2.0).min(1.0);
        2.0 * EARTH_RADIUS_KM * half.asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: (f64, f64), other: (f64, f64), expected_km: f64) {
        let [one, other] = [one, other].map(|(lat, long)| Point::from(Location::new(lat, long).unwrap()));
        let found = one.distance_km(&other);
        assert!((found - expected_km).abs() < 2.0, "{found}");
    }

    #[test]
    fn distances_are_great_circles() {
        check((48.86, 2.35), (45.46, 9.19), 640.0); // Paris to Milan
        check((40.42, -3.70), (35.68, 139.65), 10_760.9); // Madrid to Tokyo
        check((0.0, 179.0), (0.0, -179.0), 222.4); // across the date line
        check((90.0, 0.0), (-90.0, 0.0), 20_015.1);
        check((10.0, 20.0), (10.0, 20.0), 0.0);
    }
}
