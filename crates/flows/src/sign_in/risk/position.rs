//! Positions of addresses on the globe, and distances between them.

use std::net::IpAddr;
use std::time::Duration;

/// The mean radius of the Earth, in kilometres.
const EARTH_RADIUS: f64 = 6_371.0;

/// The estimated position of an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Degrees north, from -90 to 90.
    pub latitude: f64,
    /// Degrees east, from -180 to 180.
    pub longitude: f64,
    /// The radius around the position in which the client is, in kilometres.
    pub accuracy_km: u32,
}

/// A source of positions.
pub trait PositionSource: Send + Sync {
    /// Returns the position of an address in the form of
    /// [`canonical_address`](portcullis_domain::canonical_address), if it is known.
    fn position(&self, address: IpAddr) -> Option<Position>;
}

/// The great-circle distance (haversine formula), in kilometres, rounded down.
pub fn kilometres_between(from: Position, to: Position) -> u32 {
    let (from_latitude, to_latitude) = (from.latitude.to_radians(), to.latitude.to_radians());
    let half_of = |difference: f64| (difference / 2.0).sin().powi(2);
    let by_longitude = half_of((to.longitude - from.longitude).to_radians());
    let haversine = half_of(to_latitude - from_latitude)
        + from_latitude.cos() * to_latitude.cos() * by_longitude;
    whole(2.0 * EARTH_RADIUS * haversine.sqrt().clamp(0.0, 1.0).asin())
}

/// The whole part; zero of a number that is none. A duration converts without a lossy cast.
fn whole(number: f64) -> u32 {
    let whole = Duration::try_from_secs_f64(number).map_or(0, |duration| duration.as_secs());
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position { latitude, longitude, accuracy_km: 0 }
    }

    #[test]
    fn known_pairs_of_cities_have_their_distance() {
        let (berlin, paris) = (at(52.52, 13.405), at(48.856_6, 2.352_2));
        let (new_york, sydney) = (at(40.712_8, -74.006), at(-33.868_8, 151.209_3));
        let (suva, apia) = (at(-18.124_8, 178.450_1), at(-13.850_7, -171.751_4));
        for (from, to, expected) in [
            (berlin, paris, 877),
            (berlin, new_york, 6_385),
            (new_york, sydney, 15_988),
            (suva, apia, 1_149),
            (berlin, berlin, 0),
        ] {
            for distance in [kilometres_between(from, to), kilometres_between(to, from)] {
                assert_eq!(distance, expected);
            }
        }
    }

    #[test]
    fn opposite_points_are_half_of_the_globe_apart() {
        assert_eq!(kilometres_between(at(0.0, 0.0), at(0.0, 180.0)), 20_015);
        assert_eq!(kilometres_between(at(90.0, 0.0), at(-90.0, 77.0)), 20_015);
        assert_eq!(kilometres_between(at(12.5, 10.0), at(-12.5, -170.0)), 20_015);
    }

    #[test]
    fn no_number_gives_no_distance() {
        assert_eq!(kilometres_between(at(f64::NAN, 0.0), at(0.0, 0.0)), 0);
        assert_eq!(kilometres_between(at(0.0, f64::INFINITY), at(0.0, 0.0)), 0);
        assert_eq!(whole(-1.0), 0);
        assert_eq!(whole(99.999), 99);
        assert_eq!(whole(1e12), u32::MAX);
    }
}
