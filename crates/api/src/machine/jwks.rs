//! `GET /.well-known/jwks.json`: the public keys for checking access tokens (RFC 7517).

use actix_web::http::header::{CacheControl, CacheDirective, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_audit::Fingerprint;
use portcullis_flows::node::signing_key::{KeyRing, PUBLISHED_BEFORE};
use portcullis_web::{Body, Guard, Limit, Method, Priority, Route};

use crate::openapi::schema::service::JsonWebKeySet;

pub(crate) const PUBLISH: Route = Route {
    method: Method::Get,
    path: "/.well-known/jwks.json",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[],
};

/// Returns the public keys of access tokens (RFC 7517). The set is empty if tokens are signed with
/// HS256.
///
/// Cache the set for the time in `Cache-Control`. A key is published at least that long before it
/// signs, and until its last token has expired. Fetch the set again for a token with an unknown
/// key, but not for every such token.
#[utoipa::path(get, path = PUBLISH.path, operation_id = "getJsonWebKeySet", tag = "services",
    responses((status = 200, description = "A JSON Web Key Set", body = JsonWebKeySet,
        content_type = "application/jwk-set+json", example = json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }))))]
pub(crate) async fn publish(request: HttpRequest, keys: web::Data<KeyRing>) -> HttpResponse {
    let body = keys.published().to_json();
    let tag = EntityTag::new_strong(Fingerprint::of(body.as_bytes()).to_string());
    let is_known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    let seconds = u32::try_from(PUBLISHED_BEFORE.as_secs()).unwrap_or(0);
    let directives = vec![CacheDirective::Public, CacheDirective::MaxAge(seconds)];
    response.insert_header(ETag(tag)).insert_header(CacheControl(directives));
    if is_known {
        return response.finish();
    }
    response.content_type("application/jwk-set+json").body(body)
}
