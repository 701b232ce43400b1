//! Bans at the entrance of the request stack: the refusal of banned clients, and the report of refusals
//! that may start a ban.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::{rt, web};
use portcullis_flows::node::ban::Bans;

use crate::blocking::blocking;
use crate::problem::Problem;

/// Refuses a request of a banned client.
pub(crate) fn check(request: &ServiceRequest, client: IpAddr) -> Result<(), Problem> {
    let bans = request.app_data::<web::Data<Bans>>();
    bans.and_then(|bans| bans.refuse(client)).map_or(Ok(()), |left| Err(Problem::banned(left)))
}

/// Reports a request that a rate limit has refused with this `Retry-After`, in seconds.
pub(crate) fn report(bans: &Arc<Bans>, client: IpAddr, retry_after: u64) {
    if bans.note_refusal(client, retry_after) {
        synchronize_soon(bans);
    }
}

/// Writes and reads bans at once, without waiting. The job of the bans repeats it after a failure. Must
/// be called on a thread of the server.
pub fn synchronize_soon(bans: &Arc<Bans>) {
    let bans = Arc::clone(bans);
    rt::spawn(async move {
        if let Err(problem) = blocking(move || bans.synchronize()).await {
            tracing::debug!(%problem, "the job of the bans tries again");
        }
    });
}
