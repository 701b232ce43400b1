//! API keys as bearer tokens.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use portcullis_flows::machine::api_key::{ApiKeyChecks, ApiKeyRefusal, CheckedApiKey};
use portcullis_token::ApiKey;

use super::{Authenticator, bearer};
use crate::blocking::blocking;
use crate::limit::Limits;
use crate::problem::{Code, Problem};
use crate::request::RequestContext;

impl Authenticator {
    /// Checks a bearer token that begins like an API key. Wrong ones are counted for the client address.
    pub(super) async fn check_api_key(
        &self,
        request: &HttpRequest,
        text: &str,
    ) -> Result<CheckedApiKey, Problem> {
        // A mistyped key costs no query.
        let checked = match ApiKey::parse(text) {
            Err(_) => Err(ApiKeyRefusal::Unknown),
            Ok(key) => self.look_up(request, key).await?,
        };
        match checked {
            Err(ApiKeyRefusal::Unknown) => {
                count_wrong_key(request).await?;
                Err(ApiKeyRefusal::Unknown.into())
            }
            checked => Ok(checked?),
        }
    }

    /// The key of a service, if the request has one.
    pub(crate) async fn service_key(
        &self,
        request: &HttpRequest,
    ) -> Result<Option<CheckedApiKey>, Problem> {
        // Another scheme is that of a configured credential.
        let shown = bearer(request).ok().flatten();
        let Some(text) = shown.filter(|text| text.starts_with(ApiKey::PREFIX)) else {
            return Ok(None);
        };
        self.check_api_key(request, text).await.map(Some)
    }

    async fn look_up(
        &self,
        request: &HttpRequest,
        key: ApiKey,
    ) -> Result<Result<CheckedApiKey, ApiKeyRefusal>, Problem> {
        let address = RequestContext::of(request).address;
        if !self.revocations.policy().strict
            && let Some(checked) = self.api_keys.recent(&key, address)
        {
            return Ok(checked);
        }
        let keys: Arc<ApiKeyChecks> = Arc::clone(&self.api_keys);
        blocking(move || keys.read(&key, address)).await
    }
}

/// Counts a wrong key for its client address, or refuses the request for their number.
async fn count_wrong_key(request: &HttpRequest) -> Result<(), Problem> {
    let limits = request.app_data::<web::Data<Limits>>();
    let limits = limits.ok_or_else(|| Problem::new(Code::Internal))?;
    limits.rates().admit_wrong_key(request).await
}
