//! Position file (`.mmdb`, the `MaxMind` DB format), held in memory.

use std::net::IpAddr;

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

use super::position::{Position, PositionSource};

/// A verified position file.
#[derive(Debug)]
pub struct Positions(Reader<Vec<u8>>);

/// The reason why bytes are no position file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PositionFileError {
    /// There are more bytes than [`Positions::MAX_BYTES`].
    #[error("the position file is larger than 512 MiB")]
    TooLarge,
    /// The content breaks a rule of the format.
    #[error("the position file is not valid: {0}")]
    Invalid(#[from] MaxMindDbError),
}

impl Positions {
    /// The maximum size of a file, in bytes.
    pub const MAX_BYTES: usize = 512 * 1024 * 1024;

    /// The accuracy radius of a record that states none, in kilometres: it names a country or a region.
    pub const DEFAULT_ACCURACY_KM: u32 = 500;

    /// Reads the content of a file and verifies all of it.
    ///
    /// # Errors
    ///
    /// If it is too large or damaged.
    pub fn parse(content: Vec<u8>) -> Result<Self, PositionFileError> {
        if content.len() > Self::MAX_BYTES {
            return Err(PositionFileError::TooLarge);
        }
        let reader = Reader::from_source(content)?;
        reader.verify()?;
        Ok(Self(reader))
    }
}

/// The part of a record that matters here.
#[derive(Deserialize)]
struct Record {
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
    /// Of any type of whole number.
    accuracy_radius: Option<i64>,
}

/// A record of another form, and one beyond the globe, has no position.
impl PositionSource for Positions {
    fn position(&self, address: IpAddr) -> Option<Position> {
        let record: Record = self.0.lookup(address).ok()?.decode().ok()??;
        let Location { latitude, longitude, accuracy_radius } = record.location?;
        let (latitude, longitude) = (latitude?, longitude?);
        let accuracy_km = match accuracy_radius {
            Some(radius) => u32::try_from(radius).ok()?,
            None => Self::DEFAULT_ACCURACY_KM,
        };
        let is_on_globe = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_on_globe.then_some(Position { latitude, longitude, accuracy_km })
    }
}

#[cfg(test)]
mod tests;
