//! Tokens of all kinds, through the public interface.

#[cfg(test)]
mod forge;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod properties;
