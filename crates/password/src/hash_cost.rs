//! The cost of verifying a stored hash: algorithm and parameters.
//!
//! The first fields of a hash contain its cost. The texts here are those fields, so that a database
//! can count the costs in use without reading the hashes.

use std::fmt;

use argon2::Params;

/// The algorithm of a hash and its parameters, in ascending order of cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashCost {
    /// bcrypt, of an imported account.
    Bcrypt {
        /// The number of rounds, as a power of two.
        cost: u32,
    },
    /// Argon2id.
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes of the memory.
        parallelism: u32,
    },
}

impl HashCost {
    /// Parses the beginning of a stored hash, such as `$argon2id$v=19$m=19456,t=2,p=1` or `$2b$10`.
    /// Returns `None` when it is not the beginning of a hash.
    pub fn of_prefix(prefix: &str) -> Option<Self> {
        let mut fields = prefix.strip_prefix('$')?.split('$');
        match fields.next()? {
            "2a" | "2b" | "2y" => Some(Self::Bcrypt { cost: fields.next()?.parse().ok()? }),
            "argon2id" => {
                let mut params = fields.nth(1)?.split(',');
                let mut next = |name| params.next()?.strip_prefix(name)?.parse().ok();
                let (memory_kib, iterations, parallelism) = (next("m=")?, next("t=")?, next("p=")?);
                Some(Self::Argon2id { memory_kib, iterations, parallelism })
            }
            _ => None,
        }
    }

    pub(crate) const fn of_argon2(params: &Params) -> Self {
        Self::Argon2id {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            parallelism: params.p_cost(),
        }
    }
}

impl fmt::Display for HashCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bcrypt { cost } => write!(f, "bcrypt {cost}"),
            Self::Argon2id { memory_kib, iterations, parallelism } => {
                write!(f, "argon2id m={memory_kib},t={iterations},p={parallelism}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PasswordHash;

    #[test]
    fn the_beginning_of_a_hash_tells_what_the_hash_tells() {
        let argon2 = "$argon2id$v=19$m=19456,t=2,p=1$b3RoZXItc2FsdC0tLS0tLQ$\
                      b3RoZXItdGFnLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0";
        let bcrypt = "$2b$10$abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK";
        for (hash, prefix) in [(argon2, "$argon2id$v=19$m=19456,t=2,p=1"), (bcrypt, "$2b$10")] {
            let cost = PasswordHash::parse(hash).unwrap().cost();
            assert_eq!(HashCost::of_prefix(prefix), Some(cost));
        }
    }

    #[test]
    fn what_is_no_beginning_of_a_hash_tells_nothing() {
        for prefix in
            ["", "$", "2b$10", "$2x$10", "$2b$", "$2b$x", "$argon2id$v=19$m=1,t=2", "$1$a"]
        {
            assert_eq!(HashCost::of_prefix(prefix), None, "{prefix}");
        }
    }
}
