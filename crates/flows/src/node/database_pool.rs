//! Connection pools of the database, as metrics show them.

/// The port of the connection pools.
pub trait DatabasePools: Send + Sync {
    /// The present state of each pool.
    fn pools(&self) -> Vec<PoolState>;

    /// The number of waits for a connection that ended without one, since the start.
    fn failed_waits(&self) -> u64;
}

/// The state of a connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// Its purpose: `read`, `write`, or `all` for both.
    pub name: &'static str,
    /// The maximum number of connections.
    pub max: u32,
    /// The number of open connections.
    pub open: u32,
    /// The number of open connections that are not in use.
    pub idle: u32,
}
