//! The stored record of HS256 keys: sealed, checked against the audit log, updated with its events.

use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::Timestamp;
use portcullis_token::SharedSecret;

use super::shared::{Hs256Node, SharedKeyChange, SharedKeyState, SharedKeys};
use super::store::{SharedChange, SharedRecord};
use super::{RetirementError, SigningKeys};
use crate::StoreError;
use crate::effects::Effects;
use crate::principal::Principal;

/// The label for sealing the record.
const LABEL: &str = "shared keys";

impl SigningKeys {
    /// The state of each shared secret, by the names of their keys.
    pub fn shared_keys(&self) -> Result<Vec<(String, SharedKeyState)>, StoreError> {
        let record = self.store.shared_keys()?;
        let believed = self.believed(&record, None).map(|(keys, _)| keys).unwrap_or_default();
        Ok(believed.states().map(|(kid, state)| (kid.to_owned(), state)).collect())
    }

    /// Records that an operator is about to see the shared secret. Must be called before it is
    /// shown.
    pub fn note_printed(
        &self,
        secret: &SharedSecret,
        principal: &Principal,
    ) -> Result<(), StoreError> {
        let (kind, now) = (EventKind::SharedSecretPrinted, self.ambient.now());
        self.store.record_printed(&self.shared_event(kind, &secret.kid(), None, now, principal))
    }

    /// Updates the record by the state of this node and the time. Returns the record, unless none
    /// can be trusted. `floor` is the known state of the node: neither an earlier record nor an
    /// earlier time is accepted.
    pub(super) fn follow_shared(
        &self,
        node: &Hs256Node<'_>,
        floor: Option<&SharedFloor>,
        principal: &Principal,
    ) -> Result<(Option<SharedKeys>, Timestamp), StoreError> {
        let changed_at = floor.and_then(|floor| floor.changed_at);
        let time = |now: Timestamp| floor.map_or(now, |floor| floor.time.max(now));
        let mut record = self.store.shared_keys()?;
        record.now = time(record.now);
        let (known, is_sealed_anew) = match self.believed(&record, changed_at) {
            Some((known, by_previous)) => (Some(known), node.is_starting && by_previous),
            None => (None, false),
        };
        let now = record.now;
        if !is_sealed_anew && SharedKeys::next(known.as_ref(), node, now).is_none() {
            return Ok((known, now));
        }
        let mut after = None;
        self.store.replace_shared_keys(&mut |record| {
            let now = time(record.now);
            let known = self.believed(record, changed_at).map(|(known, _)| known);
            let Some((next, steps)) = SharedKeys::next(known.as_ref(), node, now) else {
                after = known;
                let effects = Effects::default();
                let same = after.as_ref().filter(|_| is_sealed_anew)?;
                return Some(SharedChange { sealed: self.seal(same), effects });
            };
            let effects = self.events(&next, &steps, principal).into();
            let sealed = self.seal(&next);
            after = Some(next);
            Some(SharedChange { sealed, effects })
        })?;
        Ok((after, now))
    }

    /// Ends a key of HS256 that signs nothing any more; `None` if it is not one of these.
    pub(super) fn end_shared(
        &self,
        kid: &str,
        principal: &Principal,
    ) -> Result<Option<Result<(), RetirementError>>, StoreError> {
        let mut outcome = None;
        self.store.replace_shared_keys(&mut |record| {
            let (known, _) = self.believed(record, None)?;
            let (_, state) = known.states().find(|(name, _)| *name == kid)?;
            if state == SharedKeyState::Signing {
                outcome = Some(Err(RetirementError::Signing));
                return None;
            }
            let Some(ended) = known.ending(kid, record.now) else {
                outcome = Some(Err(RetirementError::Retired));
                return None;
            };
            outcome = Some(Ok(()));
            let effects =
                self.events(&ended, &[(kid.to_owned(), SharedKeyChange::Ended)], principal).into();
            Some(SharedChange { sealed: self.seal(&ended), effects })
        })?;
        Ok(outcome)
    }

    /// The trusted record, and whether it is sealed under the previous secret, unless a later one
    /// was known.
    fn believed(
        &self,
        record: &SharedRecord,
        floor: Option<Timestamp>,
    ) -> Option<(SharedKeys, bool)> {
        let sealed = record.sealed.as_deref()?;
        let (plain, by_previous) = self.sealing.open_record(sealed, LABEL).ok()?;
        let keys: SharedKeys = serde_json::from_slice(&plain).ok()?;
        let is_older =
            [floor, record.last_event].into_iter().flatten().max() > Some(keys.changed_at());
        if is_older {
            tracing::error!(
                "what is stored about the shared secret is older than what was known: it was put \
                 back, and is not believed"
            );
        }
        (!is_older).then_some((keys, by_previous))
    }

    fn seal(&self, keys: &SharedKeys) -> Vec<u8> {
        let plain = serde_json::to_vec(keys).unwrap_or_default();
        self.sealing.seal_record(&plain, LABEL, &*self.ambient.random)
    }

    /// The events of the steps, with the date of the record: so an older copy is detected by them.
    fn events(
        &self,
        keys: &SharedKeys,
        steps: &[(String, SharedKeyChange)],
        principal: &Principal,
    ) -> Vec<SecurityEvent> {
        let event = |(kid, step): &(String, SharedKeyChange)| {
            let (kind, until) = match step {
                SharedKeyChange::Replaced(until) => (EventKind::SharedSecretReplaced, Some(*until)),
                SharedKeyChange::Restored => (EventKind::SharedSecretRestored, None),
                SharedKeyChange::Ended => (EventKind::SharedSecretEnded, None),
            };
            self.shared_event(kind, kid, until, keys.changed_at(), principal)
        };
        steps.iter().map(event).collect()
    }

    fn shared_event(
        &self,
        what: EventKind,
        kid: &str,
        accepted_until: Option<Timestamp>,
        now: Timestamp,
        principal: &Principal,
    ) -> SecurityEvent {
        let details =
            kid.parse().map_or(Details::None, |kid| Details::SharedSecret { kid, accepted_until });
        SecurityEvent::new(what, Outcome::Success, &principal.origin, now, &*self.ambient.random)
            .by(principal.actor)
            .with(details)
    }
}

/// The known state of a node, below which it does not go back.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedFloor {
    /// The last change of the record.
    pub(super) changed_at: Option<Timestamp>,
    /// The time.
    pub(super) time: Timestamp,
}
