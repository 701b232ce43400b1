//! One follower of the feed.

use portcullis_web::{Code, Problem, blocking};
use std::convert::Infallible;

use actix_web::web::{self, Bytes};
use futures_util::{Stream, stream};
use portcullis_flows::node::revocation::{Cursor, Page};
use tokio::sync::watch::Receiver;

use crate::machine::feed;
use crate::machine::feed::tail::{News, Next};
use crate::services::Services;

/// What comes after the cursor, for as long as the client listens and the server runs. It ends early
/// when the follower must be told something else than entries: asked again with the last cursor, the
/// server says what.
pub(super) async fn follow(
    services: web::Data<Services>,
    after: Cursor,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + use<>, Problem> {
    let news = services.feed.tail.subscribe();
    let history = services.feed.tail.history();
    let mut follower = Follower { services, news, history, cursor: after, heard: 0, ready: None };
    if !follower.services.feed.tail.holds(after) {
        follower.ready = follower.read().await?;
    }
    Ok(stream::unfold(follower, Follower::next))
}

/// At most `most` entries after the cursor. Few do this at a time, whoever waits: the database is for
/// others too.
pub(super) async fn page(
    services: &web::Data<Services>,
    after: Cursor,
    most: u32,
) -> Result<Page, Problem> {
    let place = services.feed.readers.acquire().await;
    let place = place.map_err(|_| Problem::new(Code::Internal))?;
    let revocations = services.revocations.clone();
    let page = blocking(move || revocations.page(after, most)).await;
    drop(place);
    page
}

struct Follower {
    services: web::Data<Services>,
    news: Receiver<News>,
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
            let News { heartbeat, is_over } = self.news.borrow_and_update().clone();
            if is_over {
                return None;
            }
            match self.services.feed.tail.after(self.cursor.position(), self.history) {
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

    /// The next event from the database, and the place after it.
    async fn read(&mut self) -> Result<Option<Bytes>, Problem> {
        let page = page(&self.services, self.cursor, feed::MAX_ENTRIES.into()).await?;
        self.cursor = page.next;
        Ok((!page.entries.is_empty()).then(|| feed::revoked(&page.entries)))
    }
}
