//! `PasskeyChallengeStore`: challenges of passkeys, table `passkey_challenges`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Delivery, SessionId};
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::passkey_challenge::{
    ChallengePurpose, NewPasskeyChallenge, PasskeyChallengeStore,
};
use portcullis_mfa::passkey::{CredentialDescriptor, CredentialId};
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{passkey_challenges, passkeys};
use crate::sign_in::passkey_row;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

const SIGN_IN: &str = "sign_in";
const REGISTRATION: &str = "registration";
const STEP_UP: &str = "step_up";

impl PasskeyChallengeStore for Store {
    fn add_passkey_challenge(&self, new: &NewPasskeyChallenge) -> Result<(), StoreError> {
        self.write(|connection| insert(connection, new))
    }

    fn passkey_sign_in(&self, challenge: &Digest) -> Result<Option<Delivery>, StoreError> {
        self.read(|connection| {
            let now = Instant::from(connection.now()?);
            let valid = passkey_challenges::table
                .find(challenge.as_bytes().as_slice())
                .filter(passkey_challenges::purpose.eq(SIGN_IN))
                .filter(passkey_challenges::expires_at.gt(now))
                .select(passkey_challenges::delivery.assume_not_null());
            let delivery: Option<String> =
                dispatch!(connection, inner => valid.first(inner).optional())?;
            let corrupt = |_| Failure::Corrupt { table: "passkey_challenges", column: "delivery" };
            delivery.map(|delivery| delivery.parse()).transpose().map_err(corrupt)
        })
    }

    fn passkey_holder(&self, credential: &CredentialId) -> Result<Option<AccountId>, StoreError> {
        self.read(|connection| {
            let holder = passkeys::table
                .filter(passkeys::credential_id.eq(credential.as_bytes()))
                .select(passkeys::account_id);
            let holder: Option<Key> =
                dispatch!(connection, inner => holder.first(inner).optional())?;
            Ok(holder.map(AccountId::from))
        })
    }

    fn passkey_descriptors(
        &self,
        account: AccountId,
    ) -> Result<Vec<CredentialDescriptor>, StoreError> {
        self.read(|connection| {
            let own = passkeys::table
                .filter(passkeys::account_id.eq(Key::from(account)))
                .order(passkeys::id)
                .select((passkeys::credential_id, passkeys::transports));
            let own: Vec<(Vec<u8>, String)> = dispatch!(connection, inner => own.load(inner))?;
            own.into_iter()
                .map(|(id, transports)| {
                    let transports = passkey_row::transports(&transports);
                    Ok(CredentialDescriptor { id: passkey_row::credential(id)?, transports })
                })
                .collect()
        })
    }
}

/// Stores a challenge.
pub(crate) fn insert(
    connection: &mut Connection,
    new: &NewPasskeyChallenge,
) -> Result<(), Failure> {
    let expires_at = connection.now()? + new.lifetime;
    let (purpose, session, binding, delivery) = match &new.purpose {
        ChallengePurpose::SignIn { binding, delivery } => {
            (SIGN_IN, None, binding.as_ref(), Some(delivery.as_str()))
        }
        ChallengePurpose::Registration(session) => (REGISTRATION, Some(*session), None, None),
        ChallengePurpose::StepUp(session) => (STEP_UP, Some(*session), None, None),
    };
    let insert = diesel::insert_into(passkey_challenges::table).values((
        passkey_challenges::digest.eq(new.digest.as_bytes().as_slice()),
        passkey_challenges::purpose.eq(purpose),
        passkey_challenges::session_id.eq(session.map(Key::from)),
        passkey_challenges::binding.eq(binding.map(|it| it.as_bytes().as_slice())),
        passkey_challenges::delivery.eq(delivery),
        passkey_challenges::expires_at.eq(Instant::from(expires_at)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// The caller that a challenge must belong to.
pub(crate) enum Owner<'a> {
    /// A registration in this session.
    Registration(SessionId),
    /// A step-up of this session.
    StepUp(SessionId),
    /// A sign-in in the browser with this cookie.
    SignIn(Option<&'a Digest>),
}

/// A challenge without a session or a cookie belongs to any. Those of sessions always have one.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_of<'a>(session: Option<Key>, binding: Option<&'a [u8]>) -> _ {
    let of_session =
        passkey_challenges::session_id.is_null().or(passkey_challenges::session_id.eq(session));
    let of_browser =
        passkey_challenges::binding.is_null().or(passkey_challenges::binding.eq(binding));
    of_session.and(of_browser)
}

/// Spends a challenge; false if there is no such valid one. This one statement is the whole guard.
pub(crate) fn spend(
    connection: &mut Connection,
    challenge: &Digest,
    owner: &Owner<'_>,
) -> Result<bool, Failure> {
    let (purpose, session, binding) = match owner {
        Owner::Registration(session) => (REGISTRATION, Some(*session), None),
        Owner::StepUp(session) => (STEP_UP, Some(*session), None),
        Owner::SignIn(binding) => (SIGN_IN, None, *binding),
    };
    let binding = binding.map(|binding| binding.as_bytes().as_slice());
    let now = Instant::from(connection.now()?);
    let valid = passkey_challenges::table
        .find(challenge.as_bytes().as_slice())
        .filter(passkey_challenges::purpose.eq(purpose))
        .filter(is_of(session.map(Key::from), binding))
        .filter(passkey_challenges::expires_at.gt(now));
    Ok(dispatch!(connection, inner => diesel::delete(valid).execute(inner))? == 1)
}
