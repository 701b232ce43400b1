//! End of shared secrets: until when access tokens under an HS256 secret are accepted.
//!
//! Every holder of the HS256 key can sign, and services may hold it. So once another key signs, a
//! key pair or HS256 under a new secret, the old key is accepted only for the lifetime of a token,
//! and then ends for good, whatever a clock shows later.
//!
//! The state is one sealed record. An attacker that can write to the database and has no key can
//! delete it, which ends HS256 at once; or restore an older copy, which a running node does not
//! accept, and a starting node does not accept either as long as the audit log holds a later
//! change.

use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// The stored state of HS256 keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedKeys {
    /// The last change, in microseconds since 1970. It only grows, so that the later of two records
    /// is known.
    changed_at: i64,
    /// The keys of the configured secrets, and earlier ones that have not ended.
    keys: Vec<SharedKey>,
}

/// The state of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedKey {
    kid: String,
    state: Stored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Signing,
    AcceptedUntil(i64),
    Ended,
}

/// The validity of a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedKeyState {
    /// HS256 signs under it.
    Signing,
    /// Another key signs; earlier tokens are accepted until then.
    AcceptedUntil(Timestamp),
    /// Not accepted any more.
    Ended,
}

impl SharedKeyState {
    /// The name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::AcceptedUntil(_) => "accepted",
            Self::Ended => "ended",
        }
    }
}

/// The HS256 state of one node.
pub(super) struct Hs256Node<'a> {
    /// The key that this node signs with, if it signs with HS256.
    pub(super) signing: Option<&'a str>,
    /// The keys of the configured secrets.
    pub(super) known: &'a [String],
    /// The maximum age at which a token is accepted.
    pub(super) life: Duration,
    /// True if the node starts: only then it makes a key sign. A node that still runs after others
    /// have changed to key pairs thus does not contradict them permanently.
    pub(super) is_starting: bool,
}

/// One step, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SharedKeyChange {
    Replaced(Timestamp),
    Restored,
    Ended,
}

impl SharedKeys {
    /// The next record at `now`, with the steps that lead to it; `None` if nothing changes. `self`
    /// is `None` if nothing is known.
    pub(super) fn next(
        before: Option<&Self>,
        node: &Hs256Node<'_>,
        now: Timestamp,
    ) -> Option<(Self, Vec<(String, SharedKeyChange)>)> {
        let mut steps = Vec::new();
        let mut keys = Vec::new();
        let stored = before.map(|before| before.keys.as_slice()).unwrap_or_default();
        let new = node.known.iter().filter(|kid| !stored.iter().any(|key| key.kid == **kid));
        let all = stored.iter().map(|key| (&key.kid, Some(key.state)));
        for (kid, state) in all.chain(new.map(|kid| (kid, None))) {
            let (after, step) = node.after(kid, state, now);
            steps.extend(step.map(|step| (kid.clone(), step)));
            let is_over = after == Some(Stored::Ended) && !node.known.contains(kid);
            if let Some(state) = after.filter(|_| !is_over) {
                keys.push(SharedKey { kid: kid.clone(), state });
            }
        }
        (keys != stored || (before.is_none() && !keys.is_empty()))
            .then(|| (Self { changed_at: Self::changed(before, now), keys }, steps))
    }

    /// The record with this key ended at once; `None` if it is unknown, or has ended.
    pub(super) fn ending(&self, kid: &str, now: Timestamp) -> Option<Self> {
        let mut after = Self { changed_at: Self::changed(Some(self), now), ..self.clone() };
        let key = after.keys.iter_mut().find(|key| key.kid == kid)?;
        if key.state == Stored::Ended {
            return None;
        }
        key.state = Stored::Ended;
        Some(after)
    }

    fn changed(before: Option<&Self>, now: Timestamp) -> i64 {
        let last = before.map_or(i64::MIN, |before| before.changed_at);
        now.as_micros().max(last.saturating_add(1))
    }

    /// The last change.
    pub(super) fn changed_at(&self) -> Timestamp {
        Timestamp::from_micros(self.changed_at)
    }

    /// Every key with its state.
    pub(super) fn states(&self) -> impl Iterator<Item = (&str, SharedKeyState)> {
        self.keys.iter().map(|key| (key.kid.as_str(), key.state.into()))
    }
}

impl Hs256Node<'_> {
    fn after(
        &self,
        kid: &str,
        state: Option<Stored>,
        now: Timestamp,
    ) -> (Option<Stored>, Option<SharedKeyChange>) {
        let signs_here = self.signing == Some(kid);
        let latest = now + self.life;
        let replaced = || {
            let after = Stored::AcceptedUntil(latest.as_micros());
            (Some(after), Some(SharedKeyChange::Replaced(latest)))
        };
        match state {
            Some(Stored::Signing) if !signs_here => replaced(),
            // The clock was ahead at that time: no earlier token lives that long.
            Some(Stored::AcceptedUntil(until)) if until > latest.as_micros() => replaced(),
            Some(Stored::AcceptedUntil(_) | Stored::Ended) if signs_here && self.is_starting => {
                (Some(Stored::Signing), Some(SharedKeyChange::Restored))
            }
            Some(Stored::AcceptedUntil(until)) if until < now.as_micros() && !signs_here => {
                (Some(Stored::Ended), Some(SharedKeyChange::Ended))
            }
            None if signs_here && self.is_starting => (Some(Stored::Signing), None),
            unchanged => (unchanged, None),
        }
    }
}

impl From<Stored> for SharedKeyState {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Signing => Self::Signing,
            Stored::AcceptedUntil(until) => Self::AcceptedUntil(Timestamp::from_micros(until)),
            Stored::Ended => Self::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(1805);
    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }

    fn node<'a>(signing: Option<&'a str>, known: &'a [String], is_starting: bool) -> Hs256Node<'a> {
        Hs256Node { signing, known, life: LIFE, is_starting }
    }

    fn states(keys: &SharedKeys) -> Vec<(&str, SharedKeyState)> {
        keys.states().collect()
    }

    #[test]
    fn a_key_signs_is_replaced_ends_once_and_is_restored_only_by_a_start() {
        let known = ["a".to_owned()];
        let (pairs, hs256) = (node(None, &known, false), node(Some("a"), &known, true));
        assert_eq!(SharedKeys::next(None, &pairs, now()), None, "nothing is known, nothing opens");
        let (signing, steps) = SharedKeys::next(None, &hs256, now()).unwrap();
        assert_eq!((states(&signing), steps), (vec![("a", SharedKeyState::Signing)], vec![]));
        assert_eq!(SharedKeys::next(Some(&signing), &hs256, now() + HOUR), None);

        let (replaced, steps) = SharedKeys::next(Some(&signing), &pairs, now()).unwrap();
        let until = now() + LIFE;
        assert_eq!(states(&replaced), [("a", SharedKeyState::AcceptedUntil(until))]);
        assert_eq!(steps, [("a".to_owned(), SharedKeyChange::Replaced(until))]);
        assert!(replaced.changed_at() > signing.changed_at());
        let running = node(Some("a"), &known, false);
        for node in [&pairs, &running] {
            assert_eq!(SharedKeys::next(Some(&replaced), node, until), None);
        }
        let late = until + Duration::from_micros(1);
        assert_eq!(SharedKeys::next(Some(&replaced), &running, late), None);
        let (ended, steps) = SharedKeys::next(Some(&replaced), &pairs, late).unwrap();
        assert_eq!(states(&ended), [("a", SharedKeyState::Ended)]);
        assert_eq!(steps, [("a".to_owned(), SharedKeyChange::Ended)]);
        for clock in [now() - HOUR, now(), late + HOUR] {
            assert_eq!(SharedKeys::next(Some(&ended), &pairs, clock), None, "no clock revives it");
        }
        let (restored, steps) = SharedKeys::next(Some(&ended), &hs256, now()).unwrap();
        assert_eq!(states(&restored), [("a", SharedKeyState::Signing)]);
        assert_eq!(steps, [("a".to_owned(), SharedKeyChange::Restored)]);
        assert!(restored.changed_at() > ended.changed_at(), "although the clock went back");
    }

    #[test]
    fn a_switch_under_a_clock_that_was_ahead_is_shortened_and_never_extended() {
        let known = ["a".to_owned()];
        let pairs = node(None, &known, false);
        let (signing, _) = SharedKeys::next(None, &node(Some("a"), &known, true), now()).unwrap();
        let (ahead, _) = SharedKeys::next(Some(&signing), &pairs, now() + HOUR).unwrap();
        let (mended, steps) = SharedKeys::next(Some(&ahead), &pairs, now()).unwrap();
        assert_eq!(states(&mended), [("a", SharedKeyState::AcceptedUntil(now() + LIFE))]);
        assert_eq!(steps, [("a".to_owned(), SharedKeyChange::Replaced(now() + LIFE))]);
        assert_eq!(SharedKeys::next(Some(&mended), &pairs, now() + HOUR / 4), None);
    }

    #[test]
    fn the_key_of_a_previous_secret_ends_although_hs256_goes_on_and_is_forgotten_with_the_secret() {
        let (old, both, new) =
            (["a".to_owned()], ["b".to_owned(), "a".to_owned()], ["b".to_owned()]);
        let (signing, _) = SharedKeys::next(None, &node(Some("a"), &old, true), now()).unwrap();
        let start = node(Some("b"), &both, true);
        let (changed, steps) = SharedKeys::next(Some(&signing), &start, now()).unwrap();
        let until = now() + LIFE;
        let expected =
            [("a", SharedKeyState::AcceptedUntil(until)), ("b", SharedKeyState::Signing)];
        assert_eq!(states(&changed), expected);
        assert_eq!(steps, [("a".to_owned(), SharedKeyChange::Replaced(until))]);
        let (over, steps) =
            SharedKeys::next(Some(&changed), &node(Some("b"), &new, false), until + HOUR).unwrap();
        assert_eq!(states(&over), [("b", SharedKeyState::Signing)]);
        assert_eq!(steps, [("a".to_owned(), SharedKeyChange::Ended)]);
        let (never_known, _) = SharedKeys::next(None, &start, now()).unwrap();
        assert_eq!(states(&never_known), [("b", SharedKeyState::Signing)]);
    }

    #[test]
    fn an_operator_ends_a_key_at_once_and_once() {
        let known = ["a".to_owned()];
        let (signing, _) = SharedKeys::next(None, &node(Some("a"), &known, true), now()).unwrap();
        let (replaced, _) =
            SharedKeys::next(Some(&signing), &node(None, &known, false), now()).unwrap();
        let ended = replaced.ending("a", now()).unwrap();
        assert_eq!(states(&ended), [("a", SharedKeyState::Ended)]);
        assert_eq!(ended.ending("a", now()), None);
        assert_eq!(replaced.ending("b", now()), None);
    }
}
