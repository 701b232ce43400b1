//! `SignInStore`: credentials, challenges, and the transaction that opens a session. Tables
//! `accounts`, `sessions`.

use diesel::dsl::not;
use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::{
    Account, AccountId, AssuranceLevel, DisplayName, NetworkPrefix, SessionId,
};
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::device::UsedDevice;
use portcullis_flows::sign_in::factor::FactorUse;
use portcullis_flows::sign_in::lockout::{CounterState, FailureCounter};
use portcullis_flows::sign_in::session_tokens::AccountSnapshot;
use portcullis_flows::sign_in::{
    ChallengeResult, ChallengeUse, HashReplacement, Identifier, NewChallenge, OpenChallenge, Proof,
    SessionOpening, SessionOpeningResult, SignInStore, StoredCredentials, StoredPassword,
};
use portcullis_password::PasswordHash;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account::{self, AccountRow, AccountSnapshotRow};
use crate::prepared::Prepared;
use crate::schema::{accounts, sessions};
use crate::sign_in::challenge;
use crate::sign_in::device;
use crate::sign_in::epoch;
use crate::sign_in::factor;
use crate::sign_in::lockout;
use crate::sign_in::risk;
use crate::sign_in::session::{self, NewSession};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl SignInStore for Store {
    fn credentials(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<StoredCredentials>, StoreError> {
        self.read(|connection| {
            let found: Option<CredentialsRow> = dispatch!(connection, inner => {
                let query = accounts::table.select(CredentialsRow::as_select());
                match identifier {
                    Identifier::Unusable(_) => Ok(None),
                    Identifier::Username(username) => {
                        let named = accounts::username.eq(username.as_str());
                        query.filter(named).first(inner).optional()
                    }
                    Identifier::Email { key, former_key } => {
                        let former_key = former_key.as_ref().unwrap_or(key);
                        query
                            .filter(accounts::email_key.eq(key))
                            .or_filter(accounts::email_key.eq(former_key))
                            .order(accounts::email_key.ne(former_key))
                            .first(inner)
                            .optional()
                    }
                }
            })?;
            found.map(StoredCredentials::try_from).transpose()
        })
    }

    fn credentials_of(&self, account: AccountId) -> Result<Option<StoredCredentials>, StoreError> {
        self.read(|connection| credentials_of(connection, account))
    }

    fn issue_challenge(&self, new: &NewChallenge<'_>) -> Result<ChallengeResult, StoreError> {
        self.write_recorded(new.effects, |connection| {
            // The complete sign-in resets the counter: an open challenge must not lower the next risk score.
            if !lockout::is_open(connection, new.counter)? {
                return Ok(ChallengeResult::Refused(Outcome::Locked));
            }
            challenge::insert(connection, new)
        })
    }

    fn challenge(&self, token: &Digest) -> Result<Option<OpenChallenge>, StoreError> {
        self.read(|connection| challenge::find(connection, token))
    }

    fn open(&self, opening: &SessionOpening<'_>) -> Result<SessionOpeningResult, StoreError> {
        self.write_recorded(opening.effects, |connection| {
            if let Some(answered) = &opening.challenge
                && let Some(refused) = challenge::take_try(connection, opening, answered)?
            {
                return Ok(refused);
            }
            let factor = match accept_factors(connection, opening)? {
                Ok(factor) => factor,
                Err(outcome) => return Ok(SessionOpeningResult::Refused(outcome)),
            };
            if opening.is_too_risky {
                return Ok(SessionOpeningResult::Refused(Outcome::TooRisky));
            }
            let snapshot = match judge(connection, opening)? {
                Ok(snapshot) => snapshot,
                Err(outcome) => return Ok(SessionOpeningResult::Refused(outcome)),
            };
            if let Some(answered) = &opening.challenge {
                challenge::end(connection, &answered.token)?;
                // A wait of this counter, which began since the first step, goes on.
                lockout::forget_failures(connection, answered.password_counter)?;
            }
            let used = opening.device.map(|device| device::used(connection, opening, device));
            let device = used.transpose()?;
            insert_session(connection, opening, device)?;
            let (replaced, ended) = replace(connection, opening)?;
            let displaced = ended.and(displace(connection, opening)?);
            let snapshot = Box::new(snapshot);
            Ok(SessionOpeningResult::Done { snapshot, displaced, replaced, factor, device })
        })
    }

    fn renew_hash(&self, renewal: &HashReplacement<'_>) -> Result<(), StoreError> {
        self.write_with(|connection| {
            let unchanged = accounts::table
                .find(Key::from(renewal.account))
                .filter(accounts::password_hash.eq(renewal.proof.hash.as_str()));
            let renew =
                diesel::update(unchanged).set(accounts::password_hash.eq(renewal.renewed.as_str()));
            let is_done = dispatch!(connection, inner => renew.execute(inner))? == 1;
            Ok(((), renewal.effects.only_if(is_done)))
        })
    }

    fn refuse(
        &self,
        counter: &FailureCounter,
        policy: &LockoutPolicy,
        network: Option<NetworkPrefix>,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError> {
        let count = |connection: &mut Connection| {
            let state = lockout::count_failure(connection, counter, policy)?;
            // During a wait no failure counts for the network either: a right password is refused too.
            if let Some(network) = network.filter(|_| state == CounterState::Open) {
                risk::count_failure(connection, network, &counter.key)?;
            }
            Ok(state)
        };
        self.write_recorded(effects, count).map(drop)
    }

    fn record_refusal(&self, effects: &Effects) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), effects.clone())))
    }
}

/// The account, and the hash of its password if it has one.
pub(crate) fn credentials_of(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Option<StoredCredentials>, Failure> {
    let query = accounts::table.find(Key::from(account));
    let found: Option<CredentialsRow> = dispatch!(connection, inner => {
        query.select(CredentialsRow::as_select()).first(inner).optional()
    })?;
    found.map(StoredCredentials::try_from).transpose()
}

/// The columns of an account and its credentials, as stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(crate) struct CredentialsRow {
    #[diesel(embed)]
    account: AccountRow,
    password_hash: Option<String>,
    password_epoch: i32,
    breach_reviewed_epoch: Option<i32>,
    factor_epoch: i32,
}

impl TryFrom<CredentialsRow> for StoredCredentials {
    type Error = Failure;

    fn try_from(row: CredentialsRow) -> Result<Self, Failure> {
        let password = match row.password_hash.as_deref().map(PasswordHash::parse) {
            None => StoredPassword::None,
            Some(Ok(hash)) => StoredPassword::Hash(hash),
            Some(Err(error)) => StoredPassword::Damaged(error),
        };
        Ok(Self {
            account: Account::try_from(row.account)?,
            password,
            epoch: epoch::read(row.password_epoch)?,
            factor_epoch: epoch::read_factors(row.factor_epoch)?,
            is_reviewed: row.breach_reviewed_epoch == Some(row.password_epoch),
        })
    }
}

/// Checks the lockout and the proofs again in the transaction that opens the session, whatever the
/// earlier checks returned.
fn judge(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
) -> Result<Result<AccountSnapshot, Outcome>, Failure> {
    if let Some(counter) = opening.counter
        && !lockout::forget_failures(connection, counter)?
    {
        return Ok(Err(Outcome::Locked));
    }
    if let Some(snapshot) = mark_signed_in(connection, opening)? {
        return Ok(Ok(snapshot));
    }
    let is_unverified = opening.requires_verified_email && is_unverified(connection, opening)?;
    Ok(Err(if is_unverified { Outcome::Unverified } else { Outcome::Superseded }))
}

/// Returns whether nothing but the missing verification of its address keeps the account from a
/// session.
fn is_unverified(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
) -> Result<bool, Failure> {
    let account = accounts::table
        .find(Key::from(opening.session.account_id))
        .filter(accounts::is_active)
        .filter(accounts::must_verify_email)
        .filter(accounts::email_verified.eq(false))
        .count();
    let count: i64 = dispatch!(connection, inner => {
        let mut account = account.into_boxed();
        for proof in opening.proofs {
            account = match proof {
                Proof::Password(proof) => {
                    account.filter(accounts::password_hash.eq(proof.hash.as_str()))
                }
                Proof::EarlierPassword(epoch) => {
                    account.filter(accounts::password_epoch.eq(epoch::stored(*epoch)))
                }
                Proof::Factor(_) | Proof::MailedCode(_) => account,
            };
        }
        account.get_result(inner)
    })?;
    Ok(count == 1)
}

/// Validates the second factors and mailed codes, and counts a wrong one if the challenge has a counter.
fn accept_factors(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
) -> Result<Result<Option<FactorUse>, Outcome>, Failure> {
    let account = opening.session.account_id;
    let mut used = None;
    for proof in opening.proofs {
        let is_accepted = match proof {
            Proof::Password(_) | Proof::EarlierPassword(_) => continue,
            Proof::MailedCode(code) => challenge::accept_code(connection, account, code)?,
            Proof::Factor(proof) => {
                if opening.challenge.is_none() {
                    sign_out::lock_account(connection, account)?;
                }
                used = factor::accept(connection, account, proof)?;
                used.is_some()
            }
        };
        if !is_accepted {
            if let Some(ChallengeUse { counter: Some(counter), policy, .. }) = &opening.challenge {
                lockout::count_failure(connection, counter, policy)?;
            }
            return Ok(Err(Outcome::WrongCode));
        }
    }
    Ok(Ok(used))
}

/// Stores the time of the sign-in, unless the account is deactivated or blocked, must verify its
/// address first, or a proof is no longer valid.
/// Locks the row of the account, so that sign-ins to one account are sequential.
fn mark_signed_in(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
) -> Result<Option<AccountSnapshot>, Failure> {
    let account = accounts::table.find(Key::from(opening.session.account_id));
    let active = account.filter(accounts::is_active.and(not(accounts::is_blocked)));
    let now = Instant::from(opening.session.authenticated_at);
    let mark = diesel::update(active).set(accounts::last_sign_in_at.eq(now));
    let networks = account::stored_networks(opening.networks);
    let marked = dispatch!(connection, inner => {
        let mut mark = mark.into_boxed();
        mark = match networks {
            None => mark.filter(accounts::allowed_networks.is_null()),
            Some(networks) => mark.filter(accounts::allowed_networks.eq(networks)),
        };
        if opening.requires_verified_email {
            mark = mark.filter(accounts::email_verified.or(accounts::must_verify_email.eq(false)));
        }
        for proof in opening.proofs {
            mark = match proof {
                Proof::Password(proof) => {
                    mark.filter(accounts::password_hash.eq(proof.hash.as_str()))
                }
                Proof::EarlierPassword(epoch) => {
                    mark.filter(accounts::password_epoch.eq(epoch::stored(*epoch)))
                }
                Proof::Factor(_) | Proof::MailedCode(_) => mark,
            };
        }
        // A factor may have been added since the password was verified.
        if opening.session.authentication.assurance < AssuranceLevel::Aal2 {
            mark = mark.filter(accounts::mfa_enabled.eq(false));
        }
        Prepared(mark.returning(AccountSnapshotRow::as_returning())).get_result(inner).optional()
    })?;
    marked.map(AccountSnapshot::try_from).transpose()
}

fn insert_session(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
    device: Option<UsedDevice>,
) -> Result<(), Failure> {
    session::insert(
        connection,
        &NewSession {
            session: opening.session,
            binding: opening.binding.as_ref(),
            device_name: opening.device_name.map(DisplayName::as_str),
            device: device.as_ref().map(|used| used.id.as_bytes().as_slice()),
            opened_from: Some(&opening.origin.address.to_string()),
            refresh: opening.refresh,
            parent: None,
            origin: opening.origin,
            at: opening.session.authenticated_at,
        },
    )
}

/// Ends the session that the browser had so far.
fn replace(
    connection: &mut Connection,
    opening: &SessionOpening<'_>,
) -> Result<(Option<(AccountId, SessionId)>, Revoked), Failure> {
    let former = opening.former_binding.as_ref();
    let former = former.map(|binding| sign_out::bound_to(connection, binding)).transpose()?;
    let Some((account, session)) = former.flatten() else {
        return Ok((None, Revoked::default()));
    };
    let ended = sign_out::end_one(connection, session, opening.displacement)?;
    Ok((Some((account, session)), ended))
}

/// Ends the oldest other sessions above the limit. The new session is excluded because it may look
/// older than the others: the clocks of two nodes differ.
fn displace(connection: &mut Connection, opening: &SessionOpening<'_>) -> Result<Revoked, Failure> {
    let now = Instant::from(opening.displacement.at);
    let beyond = sessions::table
        .filter(sessions::account_id.eq(Key::from(opening.session.account_id)))
        .filter(sessions::id.ne(Key::from(opening.session.id)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order(sessions::id.desc())
        .offset(opening.most_sessions.saturating_sub(1).into())
        .limit(i64::MAX)
        .select(sessions::id);
    let beyond: Vec<Key> = dispatch!(connection, inner => beyond.load(inner))?;
    sign_out::end_these(connection, beyond, opening.displacement)
}
