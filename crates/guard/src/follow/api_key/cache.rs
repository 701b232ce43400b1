//! Answers about API keys: bounded by number and bytes, the oldest question is forgotten first.
//!
//! A place is a digest of the key, because the cache must not hold keys, and the address of the client,
//! because the answer depends on it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::client_address::ClientAddress;
use crate::follow::introspection::ActiveKey;

/// The digest of a key, and the client that sent it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) digest: [u8; 32],
    pub(super) client: Option<ClientAddress>,
}

/// An answer of the server.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Active(Arc<ActiveKey>),
    Inactive,
    /// None came.
    Unchecked,
}

/// A question about a key, at a time of the monotonic clock.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) at: Duration,
    answer: watch::Receiver<Option<Answer>>,
}

/// A question that waits for its answer.
pub(super) struct Question {
    number: u64,
    answer: watch::Sender<Option<Answer>>,
}

/// The questions of late.
#[derive(Default)]
pub(super) struct Cache {
    entries: HashMap<Place, Entry>,
    /// The places by the number of their question: the oldest first.
    order: BTreeMap<u64, Place>,
    next: u64,
    bytes: usize,
}

struct Entry {
    number: u64,
    asked: Asked,
    /// The last answer that the key is active, with the time of its question.
    last_active: Option<(Duration, Arc<ActiveKey>)>,
    bytes: usize,
}

/// The maximum age of an active key.
const MAX_AGE: Duration = Duration::from_millis(500);

/// The maximum age of another answer: a wrong key costs one question a second.
const MAX_AGE_OF_REFUSAL: Duration = Duration::from_secs(1);

const MAX_ENTRIES: usize = 10_000;
const MAX_BYTES: usize = 16 << 20;

/// Bytes of an entry without its answer, roughly.
const ENTRY_BYTES: usize = 512;

/// Bytes of a pair of a scope beside its text, roughly.
const PAIR_BYTES: usize = 96;

impl Answer {
    /// Returns whether the answer to a question so long before a request holds for it.
    pub(super) const fn is_current(&self, age: Duration) -> bool {
        let most = match self {
            Self::Active(_) => MAX_AGE,
            Self::Inactive | Self::Unchecked => MAX_AGE_OF_REFUSAL,
        };
        age.as_nanos() < most.as_nanos()
    }
}

impl Asked {
    /// Waits for the answer.
    pub(super) async fn answer(&mut self) -> Answer {
        let answered = self.answer.wait_for(Option::is_some).await;
        answered.ok().and_then(|answer| answer.clone()).unwrap_or(Answer::Unchecked)
    }

    fn given(&self) -> Option<Answer> {
        self.answer.borrow().clone()
    }
}

impl Cache {
    /// The number of places.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The answer for a request of this time.
    pub(super) fn answer(&self, place: &Place, arrived: Duration) -> Option<Answer> {
        let asked = &self.entries.get(place)?.asked;
        asked.given().filter(|answer| answer.is_current(arrived.saturating_sub(asked.at)))
    }

    /// The question that is under way, or whose answer is for a request of this time.
    pub(super) fn asked(&self, place: &Place, arrived: Duration) -> Option<Asked> {
        let asked = &self.entries.get(place)?.asked;
        let age = arrived.saturating_sub(asked.at);
        let is_of_use = asked.given().is_none_or(|answer| answer.is_current(age));
        is_of_use.then(|| asked.clone())
    }

    /// Begins a question.
    pub(super) fn begin(&mut self, place: Place, at: Duration) -> (Question, Asked) {
        let (sender, receiver) = watch::channel(None);
        let asked = Asked { at, answer: receiver };
        let number = self.next;
        self.next += 1;
        let last_active = self.remove(&place).and_then(|former| former.last_active);
        let bytes = ENTRY_BYTES + last_active.as_ref().map_or(0, |(_, active)| weight(active));
        self.order.insert(number, place.clone());
        self.entries.insert(place, Entry { number, asked: asked.clone(), last_active, bytes });
        self.bytes += bytes;
        self.forget_oldest();
        (Question { number, answer: sender }, asked)
    }

    /// Records the answer, and gives it to all that wait.
    pub(super) fn answered(&mut self, place: &Place, question: &Question, answer: Answer) {
        let entry = self.entries.get_mut(place).filter(|entry| entry.number == question.number);
        if let Some(entry) = entry {
            match &answer {
                Answer::Active(active) => {
                    entry.last_active = Some((entry.asked.at, Arc::clone(active)));
                }
                Answer::Inactive => entry.last_active = None,
                Answer::Unchecked => {}
            }
            let active = entry.last_active.as_ref().map_or(0, |(_, active)| weight(active));
            self.bytes = self.bytes - entry.bytes + ENTRY_BYTES + active;
            entry.bytes = ENTRY_BYTES + active;
        }
        question.answer.send_replace(Some(answer));
        self.forget_oldest();
    }

    /// The last answer that the key is active, unless its question is older.
    pub(super) fn last_active(&self, place: &Place, oldest: Duration) -> Option<Arc<ActiveKey>> {
        let (at, active) = self.entries.get(place)?.last_active.as_ref()?;
        (*at >= oldest).then(|| Arc::clone(active))
    }

    fn forget_oldest(&mut self) {
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some((_, place)) = self.order.pop_first() else { return };
            drop(self.remove(&place));
        }
    }

    fn remove(&mut self, place: &Place) -> Option<Entry> {
        let entry = self.entries.remove(place)?;
        self.order.remove(&entry.number);
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

/// Bytes of an answer, roughly.
fn weight(active: &ActiveKey) -> usize {
    let scope = active.claims.api_key().map(|(_, scope)| scope);
    let texts = scope.map_or(0, |scope| scope.to_string().len() + scope.items().len() * PAIR_BYTES);
    size_of::<ActiveKey>() + texts
}

#[cfg(test)]
mod tests {
    use portcullis_access::Scope;
    use portcullis_domain::{AccountId, AccountKind, ApiKeyId, Role, SystemRandom, Timestamp};

    use super::*;
    use crate::claims::{Claims, Credential};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn place(number: usize) -> Place {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        Place { digest, client: None }
    }

    fn active(scope: &str) -> Answer {
        let key = ApiKeyId::generate(NOW, &SystemRandom);
        Answer::Active(Arc::new(ActiveKey {
            claims: Claims {
                account: AccountId::generate(NOW, &SystemRandom),
                role: Role::parse("msa").unwrap(),
                kind: AccountKind::Service,
                credential: Credential::ApiKey {
                    key,
                    scope: Arc::new(scope.parse::<Scope>().unwrap()),
                },
            },
            expires_at: NOW,
            password_must_change: false,
        }))
    }

    fn answer(cache: &mut Cache, place: &Place, at: Duration, answer: Answer) {
        let (question, _) = cache.begin(place.clone(), at);
        cache.answered(place, &question, answer);
    }

    #[test]
    fn an_active_key_is_current_for_half_a_second_and_a_refusal_for_one() {
        let (half, second) = (Duration::from_millis(500), Duration::from_secs(1));
        let just_before = |time: Duration| time.saturating_sub(Duration::from_nanos(1));
        assert!(active("a:b").is_current(just_before(half)));
        assert!(!active("a:b").is_current(half));
        for refusal in [Answer::Inactive, Answer::Unchecked] {
            assert!(refusal.is_current(just_before(second)) && !refusal.is_current(second));
        }
    }

    #[test]
    fn a_question_under_way_is_not_asked_again_and_another_client_asks_its_own() {
        let mut cache = Cache::default();
        let (question, _) = cache.begin(place(1), Duration::ZERO);
        let late = Duration::from_secs(2);
        assert!(cache.asked(&place(1), late).is_some() && cache.answer(&place(1), late).is_none());
        let client = Some(ClientAddress::new("192.0.2.7".parse().unwrap()));
        assert!(cache.asked(&Place { client, ..place(1) }, late).is_none());
        cache.answered(&place(1), &question, active("a:b"));
        assert!(cache.asked(&place(1), late).is_none(), "it was asked before the request");
        assert!(cache.answer(&place(1), Duration::from_millis(499)).is_some());
    }

    #[test]
    fn the_last_active_answer_outlives_failures_and_no_refusal() {
        let mut cache = Cache::default();
        let at = Duration::from_secs;
        answer(&mut cache, &place(1), at(1), active("a:b"));
        answer(&mut cache, &place(1), at(5), Answer::Unchecked);
        assert!(cache.last_active(&place(1), at(1)).is_some());
        assert!(cache.last_active(&place(1), at(2)).is_none());
        answer(&mut cache, &place(1), at(6), Answer::Inactive);
        assert!(cache.last_active(&place(1), at(0)).is_none());
    }

    #[test]
    fn the_oldest_are_forgotten_beyond_ten_thousand_entries() {
        let mut cache = Cache::default();
        for number in 0..MAX_ENTRIES + 10 {
            answer(&mut cache, &place(number), Duration::ZERO, Answer::Inactive);
        }
        assert_eq!((cache.len(), cache.order.len()), (MAX_ENTRIES, MAX_ENTRIES));
        assert_eq!(cache.bytes, MAX_ENTRIES * ENTRY_BYTES);
        assert!(cache.answer(&place(9), Duration::ZERO).is_none());
        assert!(cache.answer(&place(10), Duration::ZERO).is_some());
        // The same key again takes no other place.
        answer(&mut cache, &place(10), Duration::ZERO, Answer::Inactive);
        assert_eq!((cache.len(), cache.bytes), (MAX_ENTRIES, MAX_ENTRIES * ENTRY_BYTES));
    }

    #[test]
    fn answers_with_large_scopes_are_forgotten_beyond_sixteen_mebibytes() {
        let pairs: Vec<_> = (0..100).map(|it| format!("{}{it}:read", "r".repeat(40))).collect();
        let large = active(&pairs.join(" "));
        let mut cache = Cache::default();
        for number in 0..3_000 {
            answer(&mut cache, &place(number), Duration::ZERO, large.clone());
        }
        assert!(cache.bytes <= MAX_BYTES, "{}", cache.bytes);
        assert!((500..2_000).contains(&cache.len()), "{}", cache.len());
    }

    #[test]
    fn an_answer_to_a_forgotten_question_still_reaches_those_that_wait() {
        let mut cache = Cache::default();
        let (question, asked) = cache.begin(place(1), Duration::ZERO);
        let (_later, _) = cache.begin(place(1), Duration::ZERO);
        cache.answered(&place(1), &question, Answer::Inactive);
        assert!(asked.given().is_some());
        assert!(cache.answer(&place(1), Duration::ZERO).is_none(), "the later one is under way");
    }
}
