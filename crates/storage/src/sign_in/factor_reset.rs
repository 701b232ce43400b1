//! `FactorResetStore`: removes the second factors of an account and ends its sessions.

use portcullis_domain::AccountId;
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::factor_reset::FactorResetStore;
use portcullis_flows::sign_in::session_tokens::SessionEnd;

use crate::sign_in::factor;
use crate::sign_in::sign_out;
use crate::store::Store;

impl FactorResetStore for Store {
    fn reset_factors(
        &self,
        account: AccountId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError> {
        self.write_recorded(effects, |connection| {
            sign_out::lock_account(connection, account)?;
            factor::remove_all(connection, account)?;
            sign_out::end_all(connection, account, None, ending)
        })
    }
}
