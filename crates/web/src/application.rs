//! The application of a server: its routes, its use cases, and its background work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use portcullis_domain::Ambient;
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::node::job::Jobs;
use portcullis_flows::sign_in::step_up::StepUp;

use crate::app_data::AppData;
use crate::authentication::Authenticator;
use crate::group::Group;
use crate::lifecycle::Lifecycle;
use crate::limit::RateLimits;
use crate::mount::Configure;

/// The application of a server, and its background work.
pub struct Application {
    /// The phase of the server.
    pub lifecycle: Arc<Lifecycle>,
    /// Verifies credentials.
    pub authenticator: Arc<Authenticator>,
    /// Decides permission checks.
    pub decisions: Arc<Decisions>,
    /// Checks the age of sign-ins.
    pub step_up: Arc<StepUp>,
    /// The rate limits of this node.
    pub rate_limits: Arc<RateLimits>,
    /// Time and randomness.
    pub ambient: Ambient,
    /// The data of the handlers.
    pub data: AppData,
    /// Groups of routes in addition to [`API`](crate::API).
    pub groups: &'static [Group],
    /// Adds the routes.
    pub configure: Configure,
    /// The jobs of this node.
    pub jobs: Arc<Jobs>,
    /// Required threads: if one ends, the server ends.
    pub parts: Vec<Part>,
    /// Runs as long as the server.
    pub background: Background,
    /// Ends responses without an end of their own.
    pub close_streams: Box<dyn FnOnce() + Send>,
}

/// A required thread, or several.
pub struct Part {
    /// Its name in the log.
    pub name: &'static str,
    /// True while it runs.
    pub is_running: Box<dyn Fn() -> bool + Send>,
}

/// Starts asynchronous work beside the server, on the thread of its runtime. The work has no end.
pub type Background = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;
