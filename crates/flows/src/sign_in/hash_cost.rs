//! The cost of the decoy hash for sign-ins without a stored hash.
//!
//! Costs differ between accounts: imports, and a change of the configured cost, leave older hashes
//! until their owners sign in. If every unknown name had the cost of new hashes, the response time
//! would distinguish it from an account with an older hash. So an unknown name gets the cost of
//! some account: a keyed hash of the name draws a cost from those in use, each with the probability
//! of its share among accounts.
//!
//! A name always draws the same cost as long as the costs in use do not change. As old hashes are
//! replaced, names move from old costs to new ones, each once and never back, as accounts do.

use std::sync::{Arc, PoisonError, RwLock};

use portcullis_password::{HashCost, Hasher};
use portcullis_token::Digest;

use crate::StoreError;

/// The port of hash costs.
pub trait HashCostStore: Send + Sync {
    /// The costs of the stored hashes, each with the number of hashes. Counts without reading them.
    fn hash_costs(&self) -> Result<Vec<(HashCost, u64)>, StoreError>;
}

/// The costs in use, as known to this node.
pub struct HashCosts {
    store: Arc<dyn HashCostStore>,
    /// In ascending order, each with the number of hashes of this or a lower cost; at most
    /// [`MAX_COSTS`].
    in_use: RwLock<Vec<(HashCost, u64)>>,
}

/// Distinct costs, of 24 bytes each; the most common ones are kept.
const MAX_COSTS: usize = 64;

impl HashCosts {
    /// No costs are known before the first [`HashCosts::follow`].
    pub fn new(store: Arc<dyn HashCostStore>) -> Self {
        Self { store, in_use: RwLock::default() }
    }

    /// Reads the costs in use.
    pub fn follow(&self) -> Result<(), StoreError> {
        let mut costs = self.store.hash_costs()?;
        costs.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        costs.truncate(MAX_COSTS);
        costs.sort_unstable_by_key(|(cost, _)| *cost);
        let mut total = 0_u64;
        for (_, hashes) in &mut costs {
            total = total.saturating_add(*hashes);
            *hashes = total;
        }
        *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = costs;
        Ok(())
    }

    /// The cost that a name draws; that of new hashes if no others are known.
    pub(crate) fn draw(&self, name: &Digest, hasher: &Hasher) -> HashCost {
        let in_use = self.in_use.read().unwrap_or_else(PoisonError::into_inner);
        let total = in_use.last().map_or(0, |(_, total)| *total);
        let drawn = name.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let place = u64::try_from((u128::from(drawn) * u128::from(total)) >> 64).unwrap_or(0);
        let found = in_use.iter().find(|(_, up_to)| place < *up_to);
        found.map_or_else(|| hasher.cost(), |(cost, _)| *cost)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use portcullis_domain::SystemRandom;
    use portcullis_password::Argon2Params;

    use super::*;

    struct Counted(Mutex<Vec<(HashCost, u64)>>);

    impl HashCostStore for Counted {
        fn hash_costs(&self) -> Result<Vec<(HashCost, u64)>, StoreError> {
            Ok(self.0.lock().unwrap().clone())
        }
    }

    const OLD: HashCost = HashCost::Bcrypt { cost: 10 };
    const NEW: HashCost = HashCost::Argon2id { memory_kib: 65_536, iterations: 3, parallelism: 1 };

    fn name(number: u32) -> Digest {
        Digest::keyed(&[7; 32], &number.to_be_bytes())
    }

    fn drawn(costs: &HashCosts) -> Vec<HashCost> {
        let hasher = Hasher::new(Argon2Params::default(), &SystemRandom);
        (0..10_000).map(|number| costs.draw(&name(number), &hasher)).collect()
    }

    #[test]
    fn names_cost_what_accounts_cost_as_often_as_accounts_do() {
        let store = Arc::new(Counted(Mutex::new(vec![(NEW, 300), (OLD, 700)])));
        let costs = HashCosts::new(store);
        costs.follow().unwrap();
        let old = drawn(&costs).iter().filter(|cost| **cost == OLD).count();
        assert!((6_800..7_200).contains(&old), "{old}");
        assert_eq!(drawn(&costs), drawn(&costs), "a name always draws the same");
    }

    #[test]
    fn as_old_hashes_go_names_go_over_to_new_costs_and_never_back() {
        let store = Arc::new(Counted(Mutex::new(Vec::new())));
        let costs = HashCosts::new(store.clone());
        let mut before = vec![OLD; 10_000];
        for left in (0..=10).rev() {
            *store.0.lock().unwrap() = vec![(OLD, left * 100), (NEW, 1_000 - left * 100)];
            costs.follow().unwrap();
            let now = drawn(&costs);
            assert!(before.iter().zip(&now).all(|(before, now)| before == now || *now == NEW));
            before = now;
        }
        assert!(before.iter().all(|cost| *cost == NEW));
    }

    #[test]
    fn without_any_hash_names_cost_what_new_hashes_cost() {
        let costs = HashCosts::new(Arc::new(Counted(Mutex::new(Vec::new()))));
        costs.follow().unwrap();
        let new = Hasher::new(Argon2Params::default(), &SystemRandom).cost();
        assert!(drawn(&costs).iter().all(|cost| *cost == new));
    }
}
