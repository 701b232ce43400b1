//! Argon2id parameters, with lower and upper limits of the cost.
//!
//! The lower limit is the 19 MiB with 2 passes of the OWASP Password Storage Cheat Sheet. The other
//! sets of its list use less memory, which is the strongest defence, and are not accepted. The
//! upper limit is that of [`PasswordHash::parse`](crate::PasswordHash::parse), so that a
//! configuration can never write a hash that cannot be read back.

use argon2::Params;

/// The memory, passes and lanes of new hashes; never below the OWASP minimum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argon2Params(Params);

const MIN_MEMORY_KIB: u32 = 19_456;
const MIN_ITERATIONS: u32 = 2;

const MAX_ITERATIONS: u32 = 16;
const MAX_PARALLELISM: u32 = 4;

/// 256 MiB: the maximum memory of one hash, generated or imported.
const MAX_MEMORY_KIB: u32 = 256 * 1024;

/// KiB times passes: the maximum work of one hash, generated or imported. About half a second of
/// one core.
const MAX_WORK: u32 = 1024 * 1024;

impl Argon2Params {
    /// Validates a configured cost.
    ///
    /// At most 16 iterations, 4 lanes, 256 MiB, and 1 GiB over all iterations together. The lanes
    /// of one hash are computed one after another: more lanes do not make it faster.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, ParamsError> {
        if memory_kib < MIN_MEMORY_KIB || iterations < MIN_ITERATIONS {
            return Err(ParamsError::TooWeak);
        }
        if iterations > MAX_ITERATIONS || parallelism > MAX_PARALLELISM {
            return Err(ParamsError::TooCostly);
        }
        let params = Params::new(memory_kib, iterations, parallelism, None)
            .map_err(|_| ParamsError::NoLanes)?;
        if is_affordable(&params) { Ok(Self(params)) } else { Err(ParamsError::TooCostly) }
    }

    /// Memory in KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.0.m_cost()
    }

    /// Passes over the memory.
    pub const fn iterations(&self) -> u32 {
        self.0.t_cost()
    }

    /// Lanes of the memory.
    pub const fn parallelism(&self) -> u32 {
        self.0.p_cost()
    }

    pub(crate) const fn as_argon2(&self) -> &Params {
        &self.0
    }

    /// Returns whether a hash of this cost should replace one of the `other` cost: it costs an
    /// attacker no less memory and no less work, and more of one or, if the other hash `is_short`,
    /// as much.
    pub(crate) fn improve_on(&self, other: &Params, is_short: bool) -> bool {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let Self(own) = self;
        let (memory, work) = (own.m_cost().cmp(&other.m_cost()), work(own).cmp(&work(other)));
        memory.is_ge() && work.is_ge() && (memory.is_gt() || work.is_gt() || is_short)
    }
}

impl Default for Argon2Params {
    /// 19 MiB, 2 iterations, 1 lane: the first recommendation of OWASP for a server with many
    /// sign-ins.
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

/// Returns whether verifying a hash with these parameters stays within 256 MiB and about half a
/// second.
pub(crate) fn is_affordable(params: &Params) -> bool {
    params.m_cost() <= MAX_MEMORY_KIB
        && params.m_cost().checked_mul(params.t_cost()).is_some_and(|work| work <= MAX_WORK)
}

/// The reason why a cost cannot be configured.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// Below the OWASP minimum.
    #[error("is weaker than OWASP's minimum: use at least 19456 KiB with 2 iterations")]
    TooWeak,
    /// Above the limits for a sign-in server.
    #[error(
        "costs too much: use at most 16 iterations, 4 lanes, 262144 KiB, and 1048576 KiB over all \
         iterations together"
    )]
    TooCostly,
    /// A parallelism of zero.
    #[error("needs a parallelism of at least 1")]
    NoLanes,
}

portcullis_domain::debug_as_display!(ParamsError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_below_owasps_minimum_passes() {
        for (memory, passes) in [(19_455, 2), (19_456, 1), (47_104, 1), (12_288, 3), (1024, 16)] {
            let weaker = Argon2Params::new(memory, passes, 1);
            assert_eq!(weaker, Err(ParamsError::TooWeak), "{memory}/{passes}");
        }
    }

    #[test]
    fn the_default_is_19_mib_2_iterations_1_lane() {
        assert_eq!(Argon2Params::new(19_456, 2, 1), Ok(Argon2Params::default()));
    }

    #[test]
    fn absurd_costs_and_no_lanes_are_refused() {
        assert!(Argon2Params::new(65_536, 3, 4).is_ok());
        assert!(Argon2Params::new(262_144, 4, 1).is_ok());
        for (memory, passes, lanes) in
            [(262_145, 2, 1), (262_144, 5, 1), (19_456, 17, 1), (19_456, 2, 5), (u32::MAX, 16, 1)]
        {
            let params = Argon2Params::new(memory, passes, lanes);
            assert_eq!(params, Err(ParamsError::TooCostly), "{memory}/{passes}/{lanes}");
        }
        assert_eq!(Argon2Params::new(19_456, 2, 0), Err(ParamsError::NoLanes));
    }
}
