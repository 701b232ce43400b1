//! The stream of one follower of the revocation feed.

use std::convert::Infallible;

use actix_web::web::{self, Bytes};
use futures_util::{Stream, stream};
use portcullis_flows::node::revocation::{Cursor, Page, Revocations};
use portcullis_web::{Code, Problem, blocking};
use tokio::sync::watch::Receiver;

use crate::machine::feed::buffer::{FeedUpdate, Next};
use crate::machine::feed::{self, Feed};

/// The sources of the feed: the buffer of this node, and the database.
pub(super) struct Source {
    pub(super) feed: web::Data<Feed>,
    pub(super) revocations: web::Data<Revocations>,
}

impl Source {
    /// At most `most` entries after the cursor. Few requests do this at a time, because other
    /// requests need the database too.
    pub(super) async fn page(&self, after: Cursor, most: u32) -> Result<Page, Problem> {
        let place = self.feed.readers.acquire().await;
        let place = place.map_err(|_| Problem::new(Code::Internal))?;
        let revocations = self.revocations.clone();
        let page = blocking(move || revocations.page(after, most)).await;
        drop(place);
        page
    }
}

/// The entries after the cursor, for as long as the client reads and the server runs. It ends early
/// if the follower needs another answer than entries: a new request with the last cursor gets that
/// answer.
pub(super) async fn follow(
    source: Source,
    after: Cursor,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + use<>, Problem> {
    let news = source.feed.buffer.subscribe();
    let history = source.feed.buffer.history();
    let mut follower = Follower { source, news, history, cursor: after, heard: 0, ready: None };
    if !follower.source.feed.buffer.holds(after) {
        follower.ready = follower.read().await?;
    }
    Ok(stream::unfold(follower, Follower::next))
}

struct Follower {
    source: Source,
    news: Receiver<FeedUpdate>,
    history: u64,
    cursor: Cursor,
    /// The number of the last heartbeat that was sent.
    heard: u64,
    ready: Option<Bytes>,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.take() {
                return Some((Ok(event), self));
            }
            let FeedUpdate { heartbeat, is_over } = self.news.borrow_and_update().clone();
            if is_over {
                return None;
            }
            match self.source.feed.buffer.after(self.cursor.position(), self.history) {
                Next::Event(event, end) => {
                    self.cursor = end;
                    self.ready = Some(event);
                }
                Next::NotKept => self.ready = Some(self.read().await.ok()??),
                Next::UpToDate if self.is_news(heartbeat.number, heartbeat.position) => {
                    self.heard = heartbeat.number;
                    self.ready = Some(heartbeat.event);
                }
                Next::UpToDate => self.news.changed().await.ok()?,
                Next::HistoryReplaced => return None,
            }
        }
    }

    fn is_news(&self, number: u64, position: u64) -> bool {
        self.heard < number && position <= self.cursor.position()
    }

    /// The next event from the database, and the position after it.
    async fn read(&mut self) -> Result<Option<Bytes>, Problem> {
        let page = self.source.page(self.cursor, feed::MAX_ENTRIES.into()).await?;
        self.cursor = page.next;
        Ok((!page.entries.is_empty()).then(|| feed::revoked(&page.entries)))
    }
}
