//! Breach review: a password that was not yet checked against the lists of breached passwords is
//! checked at a sign-in.
//!
//! A new password passes if a list does not answer, and imported passwords were never checked. The
//! first successful sign-in with each password checks it again, until a list has answered. An
//! account whose password is listed must change it, from this sign-in on.
//!
//! The review follows the commit of the sign-in. A refused sign-in reviews nothing, so the time of a
//! refusal does not depend on the password.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome};
use portcullis_domain::{Account, AccountId, Ambient, PasswordEpoch};
use portcullis_password::{BreachDigest, Password};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::identity::breach_check::{BreachCheckResult, BreachChecks};
use crate::node::mail::Mail;

/// The port of breach reviews.
pub trait BreachReviewStore: Send + Sync {
    /// Records that the password of this epoch was reviewed; a listed one must be changed. Returns
    /// false, without any change, if the password was replaced or reviewed meanwhile.
    fn record_breach_review(&self, review: &BreachReview<'_>) -> Result<bool, StoreError>;
}

/// The review of a password.
pub struct BreachReview<'a> {
    /// The account.
    pub account: AccountId,
    /// The epoch of the reviewed password.
    pub epoch: PasswordEpoch,
    /// True if a list has it.
    pub is_listed: bool,
    /// The effects to record if it is recorded.
    pub effects: EffectsOf<'a, bool>,
}

/// Reviews passwords at sign-in.
pub struct BreachReviews {
    store: Arc<dyn BreachReviewStore>,
    checks: Arc<BreachChecks>,
    ambient: Ambient,
}

impl BreachReviews {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn BreachReviewStore>,
        checks: Arc<BreachChecks>,
        ambient: Ambient,
    ) -> Self {
        Self { store, checks, ambient }
    }

    /// Reviews a password that has just been proven. Returns whether it must be changed because it
    /// is listed. Blocks for two seconds at most.
    pub(crate) fn review(
        &self,
        account: &Account,
        epoch: PasswordEpoch,
        password: &Password,
        origin: &Origin,
    ) -> bool {
        if !self.checks.is_configured() {
            return false;
        }
        let is_listed = match self.checks.check(&BreachDigest::of(password)) {
            BreachCheckResult::Listed => true,
            BreachCheckResult::NotListed => false,
            // It is due again at the next sign-in.
            BreachCheckResult::Unknown | BreachCheckResult::Unreadable => return false,
        };
        let (kind, outcome) = (EventKind::PasswordBreached, Outcome::Success);
        let after = Account { password_must_change: true, ..account.clone() };
        let event = event_now(kind, outcome, origin, &self.ambient)
            .about(account.id)
            .with(Details::of_account(Some(account), &after));
        let effects = |is_recorded: &bool| {
            let mail = Mail::PasswordBreached { address: origin.address };
            let random = &*self.ambient.random;
            Effects::with_mail(event.clone(), account.id, mail, random)
                .only_if(*is_recorded && is_listed)
        };
        let review = BreachReview { account: account.id, epoch, is_listed, effects: &effects };
        match self.store.record_breach_review(&review) {
            Ok(is_recorded) => is_recorded && is_listed,
            Err(error) => {
                // The sign-in is committed; the review is due again at the next one.
                tracing::warn!(%error, "the review of a password is not recorded");
                false
            }
        }
    }
}
