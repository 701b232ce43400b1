//! Wake signals between nodes: revocations and bans.

use std::sync::Arc;

use portcullis_flows::node::ban::Bans;
use portcullis_flows::node::revocation::Revocations;
use portcullis_redis::WakeSignal;
use portcullis_web::synchronize_bans_soon;

use crate::machine::feed::Feed;

/// Sends wake signals to other nodes and receives theirs, without end.
pub async fn exchange_signals(
    feed: &Feed,
    revocations: &Revocations,
    ban_signal: Option<&WakeSignal>,
    bans: &Arc<Bans>,
) {
    let of_bans = async {
        if let Some(signal) = ban_signal {
            signal.run(|| synchronize_bans_soon(bans)).await;
        }
    };
    // Boxed: each of them is large.
    tokio::join!(Box::pin(feed.exchange_signals(revocations)), Box::pin(of_bans));
}
