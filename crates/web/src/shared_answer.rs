//! Shared answer: one query for all requests that ask the same at the same time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::rt;
use portcullis_domain::Clock;
use tokio::sync::Mutex;

use crate::problem::{Code, Problem};

/// The latest answer of a query, for routes without a rate limit.
///
/// One query is in flight at a time. A request shares the answer of a query that ends while it waits,
/// and one whose query began at most 100 ms ago. So a flood of requests costs ten queries a second.
pub struct SharedAnswer<T> {
    clock: Arc<dyn Clock>,
    ended: Arc<AtomicU64>,
    latest: Arc<Mutex<Option<Latest<T>>>>,
}

struct Latest<T> {
    /// The number of queries up to this one.
    number: u64,
    /// The begin of the query, on the monotonic clock.
    begun: Duration,
    answer: T,
}

/// The maximum age of a shared answer, from the begin of its query.
const MAX_AGE: Duration = Duration::from_millis(100);

impl<T: Clone + 'static> SharedAnswer<T> {
    /// No answer yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, ended: Arc::default(), latest: Arc::default() }
    }

    /// The answer: a shared one, or that of this query. Must be called on a thread of the server.
    ///
    /// # Errors
    ///
    /// If the query panics.
    pub async fn get<F>(&self, query: impl FnOnce() -> F) -> Result<T, Problem>
    where
        F: Future<Output = T> + 'static,
    {
        let ended = self.ended.load(Ordering::Acquire);
        let mut latest = Arc::clone(&self.latest).lock_owned().await;
        let begun = self.clock.monotonic();
        if let Some(Latest { number, begun: former, answer }) = &*latest
            && (*number > ended || begun.saturating_sub(*former) < MAX_AGE)
        {
            return Ok(answer.clone());
        }
        let (running, counter) = (query(), Arc::clone(&self.ended));
        // In a task: if the client closes its connection, the query is still the only one.
        let task = rt::spawn(async move {
            let answer = running.await;
            let number = counter.load(Ordering::Acquire).saturating_add(1);
            *latest = Some(Latest { number, begun, answer: answer.clone() });
            counter.store(number, Ordering::Release);
            answer
        });
        task.await.map_err(|_| Problem::new(Code::Internal))
    }
}

impl<T> fmt::Debug for SharedAnswer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedAnswer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use futures_util::future::join_all;
    use portcullis_domain::Timestamp;
    use tokio::sync::Notify;

    use super::*;

    /// A clock that a test sets, in milliseconds.
    #[derive(Debug, Default)]
    struct SetClock(AtomicU64);

    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn an_answer_is_shared_for_100_ms_from_the_begin_of_its_query() {
        let clock = Arc::new(SetClock::default());
        let shared = SharedAnswer::new(clock.clone());
        rt::System::new().block_on(async {
            for (at, answer, expected) in
                [(0, 1, 1), (99, 2, 1), (100, 3, 3), (199, 4, 3), (260, 5, 5)]
            {
                clock.0.store(at, Ordering::Relaxed);
                assert_eq!(shared.get(|| async move { answer }).await.ok(), Some(expected), "{at}");
            }
            // The time that the query itself takes counts too.
            let slow = Arc::clone(&clock);
            let query = || async move {
                slow.0.store(1_150, Ordering::Relaxed);
                6
            };
            clock.0.store(1_000, Ordering::Relaxed);
            assert_eq!(shared.get(query).await.ok(), Some(6));
            assert_eq!(shared.get(|| async { 7 }).await.ok(), Some(7));
        });
    }

    #[test]
    fn requests_at_the_same_time_share_one_query_that_a_cancelled_one_does_not_end() {
        let clock = Arc::new(SetClock::default());
        let shared = SharedAnswer::new(clock.clone());
        let (queries, release) = (Rc::new(Cell::new(0)), Rc::new(Notify::new()));
        let query = || {
            let (queries, release) = (Rc::clone(&queries), Rc::clone(&release));
            move || async move {
                queries.set(queries.get() + 1);
                release.notified().await;
                queries.get()
            }
        };
        rt::System::new().block_on(async {
            let pause = Duration::from_millis(1);
            assert!(rt::time::timeout(pause, shared.get(query())).await.is_err(), "cancelled");
            let requests = join_all((0..100).map(|_| shared.get(query())));
            let late = async {
                clock.0.store(5_000, Ordering::Relaxed);
                release.notify_one();
            };
            let (answers, ()) = tokio::join!(requests, late);
            assert!(answers.into_iter().all(|answer| answer.ok() == Some(1)));
        });
        assert_eq!(queries.get(), 1);
    }
}
