//! `/api/admin/signing-keys`: lists the keys that sign access tokens, makes a new one, and retires one.

use actix_web::{HttpResponse, web};
use portcullis_domain::Timestamp;
use portcullis_flows::access::permission;
use portcullis_flows::node::signing_key::{
    ActivationDelay, KeyRing, KeyState, SharedKeyState, SigningKeyRecord,
};
use portcullis_token::{KeyPairAlgorithm, SigningAlgorithm};
use portcullis_web::{
    BODY_LIMIT, Body, Caller, Code, FieldProblem, Guard, Json, Limit, Method, OptionalBody,
    Problem, Route, ShortText, blocking,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::word;

/// The keys that sign and verify access tokens, without a secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct SigningKeysAnswer {
    #[schema(schema_with = algorithm_in_use)]
    algorithm: &'static str,
    /// The key pairs, in the order in which they begin to sign, retired ones too.
    items: Vec<SigningKeyAnswer>,
    /// The shared secrets of HS256, by their names.
    shared_secrets: Vec<SharedSecretAnswer>,
}

/// A key pair.
#[derive(Serialize, ToSchema)]
pub(crate) struct SigningKeyAnswer {
    /// The name of the key, as in tokens (`kid`).
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    kid: String,
    #[schema(schema_with = algorithm)]
    algorithm: &'static str,
    #[schema(schema_with = state)]
    state: &'static str,
    /// The time of its creation and publication (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    created_at: Timestamp,
    /// The time of its first signature (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:35:00Z")]
    signs_from: Timestamp,
    /// The time of its retirement (RFC 3339, UTC); null before.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    retired_at: Option<Timestamp>,
}

impl From<(SigningKeyRecord, KeyState)> for SigningKeyAnswer {
    fn from((key, state): (SigningKeyRecord, KeyState)) -> Self {
        Self {
            kid: key.public.kid().to_owned(),
            algorithm: key.public.algorithm().name(),
            state: state.as_str(),
            created_at: key.created_at,
            signs_from: key.signs_from,
            retired_at: key.retired_at,
        }
    }
}

/// A shared secret of HS256, by its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct SharedSecretAnswer {
    /// The name of the key, which reveals nothing about it.
    #[schema(example = "n4bQgYhMfWWaL-qg")]
    kid: String,
    #[schema(schema_with = shared_state)]
    state: &'static str,
    /// The time until which its tokens are accepted (RFC 3339, UTC); null unless another key signs.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    accepted_until: Option<Timestamp>,
}

impl From<(String, SharedKeyState)> for SharedSecretAnswer {
    fn from((kid, state): (String, SharedKeyState)) -> Self {
        let accepted_until = match state {
            SharedKeyState::AcceptedUntil(until) => Some(until),
            SharedKeyState::Signing | SharedKeyState::Ended => None,
        };
        Self { kid, state: state.as_str(), accepted_until }
    }
}

fn algorithm_in_use() -> Object {
    let words = SigningAlgorithm::ALL.iter().map(|algorithm| algorithm.name());
    word::described(words, "The algorithm of new access tokens.", "EdDSA")
}

fn algorithm() -> Object {
    word::described(key_pair_algorithms(), "The algorithm.", "EdDSA")
}

fn algorithm_of_rotation() -> Object {
    let about = "The algorithm, to prepare a change of algorithm. By default that of the server.";
    word::one_of_or_null(key_pair_algorithms()).description(Some(about)).examples(["EdDSA"]).build()
}

fn key_pair_algorithms() -> impl Iterator<Item = &'static str> {
    KeyPairAlgorithm::ALL.into_iter().map(KeyPairAlgorithm::name)
}

fn state() -> Object {
    let about = "The state: it will sign, signs, is published for the tokens that it has signed, is sealed under \
                 a secret key that is not configured, or is retired.";
    word::one_of(KeyState::ALL.iter().map(|state| state.as_str()))
        .description(Some(about))
        .examples(["signing"])
        .build()
}

fn shared_state() -> Object {
    word::one_of(["signing", "accepted", "ended"])
        .description(Some("The state: it signs, is accepted for earlier tokens, or has ended."))
        .examples(["ended"])
        .build()
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/signing-keys",
    guard: Guard::permitted(&[permission::READ_SERVER]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the keys that sign access tokens, with their states. No secret leaves the server.
#[utoipa::path(get, path = LIST.path, operation_id = "listSigningKeys", tag = "operations",
    responses((status = 200, body = SigningKeysAnswer, description = "The keys")))]
pub(crate) async fn list(ring: web::Data<KeyRing>) -> Result<HttpResponse, Problem> {
    let algorithm = ring.algorithm().map_or(SigningAlgorithm::Hs256.name(), KeyPairAlgorithm::name);
    let (pairs, shared) = blocking(move || {
        let pairs = ring.keys().list(ring.algorithm())?;
        Ok::<_, Problem>((pairs, ring.keys().shared_keys()?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(SigningKeysAnswer {
        algorithm,
        items: pairs.into_iter().map(SigningKeyAnswer::from).collect(),
        shared_secrets: shared.into_iter().map(SharedSecretAnswer::from).collect(),
    }))
}

/// The properties of the new key pair.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SigningKeyRotationBody {
    /// True if it signs within two seconds, because the present key may be compromised. By default it signs after
    /// five minutes, when every cached copy of the published keys has it.
    #[serde(default)]
    #[schema(default = false, example = false)]
    now: bool,
    #[serde(default)]
    #[schema(schema_with = algorithm_of_rotation, required = false)]
    algorithm: Option<ShortText>,
}

pub(crate) const ROTATE: Route = Route {
    method: Method::Post,
    path: "/api/admin/signing-keys/rotate",
    guard: Guard::permitted(&[permission::READ_SERVER, permission::CHANGE_SIGNING_KEYS]).recent(),
    limit: Limit::GENERAL,
    body: Body::OptionalJson(BODY_LIMIT),
    errors: &[
        Code::CsrfFailed,
        Code::NoKeyPairs,
        Code::TooManyKeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Makes a new key pair, which is published at once and replaces the signing key later.
///
/// The previous key stays published until its last token has expired, and is then retired automatically.
#[utoipa::path(post, path = ROTATE.path, operation_id = "rotateSigningKey", tag = "operations",
    request_body = SigningKeyRotationBody,
    responses((status = 201, body = SigningKeyAnswer, description = "The new key pair")))]
pub(crate) async fn rotate(
    caller: Caller,
    ring: web::Data<KeyRing>,
    body: OptionalBody<Json<SigningKeyRotationBody>>,
) -> Result<HttpResponse, Problem> {
    let (now, named) = body.0.map_or((false, None), |Json(body)| (body.now, body.algorithm));
    let named = named.map(|name| {
        KeyPairAlgorithm::ALL.into_iter().find(|known| known.name() == name.0).ok_or_else(|| {
            let message = "use EdDSA or ES256".to_owned();
            let fault = FieldProblem::new("algorithm".to_owned(), "unknown_algorithm", message);
            Problem::invalid(vec![fault])
        })
    });
    let algorithm = named.transpose()?.or(ring.algorithm());
    let algorithm = algorithm.ok_or(Problem::new(Code::NoKeyPairs))?;
    let delay = if now { ActivationDelay::Least } else { ActivationDelay::Full };
    let made = blocking(move || {
        let keys = ring.keys();
        let made = keys.rotate(algorithm, delay, &caller.0)?;
        let listed = keys.list(ring.algorithm())?;
        let is_made = |key: &SigningKeyRecord| key.public.kid() == made.public.kid();
        // Another administrator may have retired it meanwhile.
        let state = listed.into_iter().find(|(key, _)| is_made(key));
        Ok::<_, Problem>(state.unwrap_or((made, KeyState::Announced)))
    });
    Ok(HttpResponse::Created().json(SigningKeyAnswer::from(made.await?)))
}

pub(crate) const RETIRE: Route = Route {
    method: Method::Post,
    path: "/api/admin/signing-keys/{kid}/retire",
    guard: Guard::permitted(&[permission::READ_SERVER, permission::CHANGE_SIGNING_KEYS]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::KeySigns,
        Code::KeyRetired,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Retires a key at once, because its private key has leaked, and destroys its private key.
///
/// Servers refuse its tokens within a second, other services when their copy of the published keys expires. A key
/// that signs cannot be retired: make a new one with `now` first, and wait four seconds. A shared secret of HS256
/// can be retired in the same way once another key signs.
#[utoipa::path(post, path = RETIRE.path, operation_id = "retireSigningKey", tag = "operations",
    params(("kid" = String, Path, description = "The name of the key",
        example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")),
    responses((status = 204, description = "The key is retired")))]
pub(crate) async fn retire(
    caller: Caller,
    ring: web::Data<KeyRing>,
    kid: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    blocking(move || ring.keys().retire(&kid, &caller.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}
