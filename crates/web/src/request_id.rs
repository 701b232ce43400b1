//! Request ids: unique on all nodes.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::HeaderName;
use portcullis_domain::SecureRandom;

/// The header of the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length in bytes: three numbers of 64 bits in hexadecimal and two hyphens.
const MAX_LENGTH: usize = 50;

/// Generates request ids that are unique on all nodes.
#[derive(Clone)]
pub(crate) struct RequestIds(Arc<(String, AtomicU64)>);

impl RequestIds {
    pub(crate) fn new(random: &dyn SecureRandom) -> Self {
        let mut node = [0; 8];
        random.fill(&mut node);
        let node = format!("{:016x}", u64::from_be_bytes(node));
        Self(Arc::new((node, AtomicU64::new(0))))
    }

    /// A generator for one thread, so that threads do not contend for a counter.
    pub(crate) fn of_thread(&self) -> Self {
        Self(Arc::new((self.next(), AtomicU64::new(0))))
    }

    /// The next id.
    pub(crate) fn next(&self) -> String {
        let (node, count) = &*self.0;
        let mut name = String::with_capacity(MAX_LENGTH);
        name.push_str(node);
        // Writing to a string cannot fail.
        let _ = write!(name, "-{:x}", count.fetch_add(1, Ordering::Relaxed));
        name
    }
}
