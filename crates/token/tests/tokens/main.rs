//! Tokens of all kinds, through the public API.

#[cfg(test)]
mod forge;
#[cfg(test)]
mod key_pairs;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod published;
#[cfg(test)]
mod snapshot;
