//! The audit log as a whole, through the public API.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod blocks;
#[cfg(test)]
mod entry;
#[cfg(test)]
mod export;
#[cfg(test)]
mod records;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod search;
#[cfg(test)]
mod tamper;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod verdict;
