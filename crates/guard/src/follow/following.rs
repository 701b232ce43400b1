//! Background tasks of a guard; they end with it.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::api_key::ApiKeys;
use super::feed::Feed;
use super::keys::Keys;

/// The tasks of one guard, and the signal that wakes the key task.
pub(crate) struct Following {
    keys: Option<RefreshedKeys>,
    #[expect(dead_code, reason = "held so that the task ends with the guard")]
    feed: Task,
    api_keys: Option<Arc<ApiKeys>>,
}

impl Following {
    /// Starts the tasks on the current tokio runtime.
    pub(super) fn start(keys: Option<Keys>, feed: Feed, api_keys: Option<Arc<ApiKeys>>) -> Self {
        let keys = keys.map(RefreshedKeys::new);
        Self { keys, feed: Task(tokio::spawn(feed.run())), api_keys }
    }

    /// The checks of API keys, if this guard accepts them.
    pub(crate) const fn api_keys(&self) -> Option<&Arc<ApiKeys>> {
        self.api_keys.as_ref()
    }

    /// Returns whether the published keys were fetched again recently; see
    /// [`Guard::admit`](crate::Guard::admit).
    pub(crate) async fn look_at_keys_again(&self) -> bool {
        match &self.keys {
            Some(watched) => watched.keys.look_again().await,
            None => false,
        }
    }
}

struct RefreshedKeys {
    keys: Arc<Keys>,
    #[expect(dead_code, reason = "held so that the task ends with the guard")]
    task: Task,
}

impl RefreshedKeys {
    fn new(keys: Keys) -> Self {
        let keys = Arc::new(keys);
        Self { keys: keys.clone(), task: Task(tokio::spawn(async move { keys.run().await })) }
    }
}

/// A task that is aborted when this is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
