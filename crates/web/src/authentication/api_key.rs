//! API keys as bearer tokens.

use std::net::IpAddr;
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
        let context = RequestContext::of(request);
        match self.look_up(text, Some(context.address)).await? {
            Err(ApiKeyRefusal::Unknown) => {
                limits(request)?.rates().admit_wrong_key(&context).await?;
                Err(ApiKeyRefusal::Unknown.into())
            }
            checked => Ok(checked?),
        }
    }

    /// Checks an API key that a service received from a client with this address, for the introspection;
    /// `None` if it is not active. Wrong ones are counted for the client and for the service.
    ///
    /// # Errors
    ///
    /// [`Code::RateLimited`] for a wrong key beyond the limits, and the errors of the database.
    pub async fn introspect_api_key(
        &self,
        request: &HttpRequest,
        text: &str,
        client: Option<IpAddr>,
    ) -> Result<Option<CheckedApiKey>, Problem> {
        let checked = self.look_up(text, client).await?;
        if matches!(checked, Err(ApiKeyRefusal::Unknown)) {
            let context = RequestContext::of(request);
            limits(request)?.rates().admit_introspected_key(&context, client).await?;
        }
        Ok(checked.ok())
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

    /// Decides about a key, for the authentication of requests and for the introspection alike.
    async fn look_up(
        &self,
        text: &str,
        address: Option<IpAddr>,
    ) -> Result<Result<CheckedApiKey, ApiKeyRefusal>, Problem> {
        // A mistyped key costs no query.
        let Ok(key) = ApiKey::parse(text) else { return Ok(Err(ApiKeyRefusal::Unknown)) };
        if !self.revocations.policy().strict
            && let Some(checked) = self.api_keys.recent(&key, address)
        {
            return Ok(checked);
        }
        let keys: Arc<ApiKeyChecks> = Arc::clone(&self.api_keys);
        blocking(move || keys.read(&key, address)).await
    }
}

fn limits(request: &HttpRequest) -> Result<&Limits, Problem> {
    let limits = request.app_data::<web::Data<Limits>>();
    limits.map(web::Data::get_ref).ok_or_else(|| Problem::new(Code::Internal))
}
