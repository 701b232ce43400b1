//! `ApiKeyRequest`: a wanted API key in the texts of a request, from the API or from a page.

use std::time::Duration;

use portcullis_access::{Scope, ScopeError};
use portcullis_domain::{DisplayName, NetworkList, NetworkListError};
use portcullis_flows::machine::api_key::WantedApiKey;

use crate::problem::{FieldProblem, Problem};

/// A wanted API key, as it was sent.
#[derive(Debug)]
pub struct ApiKeyRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// Pairs of resource and action; `None` if there were too many.
    pub scope: Option<Vec<&'a str>>,
    /// The networks, none for all; `None` if there were too many.
    pub networks: Option<Vec<&'a str>>,
    /// The lifetime in days.
    pub days: Option<u16>,
}

impl ApiKeyRequest<'_> {
    /// The checked request.
    ///
    /// # Errors
    ///
    /// All faults of its fields together.
    pub fn checked(self) -> Result<WantedApiKey, Problem> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let mut faults = Vec::new();
        let mut fault = |field: &str, code: &'static str, message: String| {
            faults.push(FieldProblem::new(field.to_owned(), code, message));
        };
        let name = DisplayName::parse(self.name).map_err(|error| {
            fault("name", "malformed", error.to_string());
        });
        let scope = self.scope.map_or(Err(ScopeError::TooLong), Scope::parse);
        let scope = scope.map_err(|error| fault("scope", error.code(), error.to_string()));
        let networks = self.networks.map_or(Err(NetworkListError::TooLong), NetworkList::parse);
        let networks = networks.map_err(|error| fault("networks", error.code(), error.to_string()));
        match (name, scope, networks) {
            (Ok(name), Ok(scope), Ok(networks)) => {
                let lifetime = self.days.map(|days| DAY * u32::from(days));
                Ok(WantedApiKey { name, scope, networks, lifetime })
            }
            _ => Err(Problem::invalid(faults)),
        }
    }
}
