//! Schemas for other services: published keys and revocations.

#![expect(dead_code, reason = "the fields are read by the derive only")]

use portcullis_token::KeyPairAlgorithm;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::word;

/// A JSON Web Key Set (RFC 7517).
#[derive(ToSchema)]
pub(crate) struct JsonWebKeySet {
    keys: Vec<JsonWebKey>,
}

/// The public key of access tokens.
#[derive(ToSchema)]
pub(crate) struct JsonWebKey {
    #[schema(schema_with = key_type)]
    kty: String,
    #[schema(schema_with = curve)]
    crv: String,
    #[schema(schema_with = algorithm)]
    alg: String,
    #[schema(schema_with = key_use)]
    r#use: String,
    /// The thumbprint of the key (RFC 7638).
    #[schema(
        pattern = "^[A-Za-z0-9_-]{43}$",
        example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )]
    kid: String,
    #[schema(
        pattern = "^[A-Za-z0-9_-]{43}$",
        example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    )]
    x: String,
    /// The second coordinate; only for keys on P-256.
    #[schema(
        nullable = false,
        pattern = "^[A-Za-z0-9_-]{43}$",
        example = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    )]
    y: Option<String>,
}

fn key_type() -> Object {
    word::one_of(["OKP", "EC"]).examples([json!("OKP")]).build()
}

fn curve() -> Object {
    word::one_of(["Ed25519", "P-256"]).examples([json!("Ed25519")]).build()
}

fn algorithm() -> Object {
    let words = KeyPairAlgorithm::ALL.iter().map(|algorithm| algorithm.name());
    word::one_of(words).examples([json!("EdDSA")]).build()
}

fn key_use() -> Object {
    word::one_of(["sig"]).examples([json!("sig")]).build()
}

/// A page of the revocation feed.
#[derive(ToSchema)]
pub(crate) struct RevocationPage {
    #[schema(max_items = 5000)]
    items: Vec<Revocation>,
    /// The value of `after` for the next request; also present on the last page.
    #[schema(pattern = "^(0|[1-9][0-9]*\\.[0-9a-f]{8})$", example = "4711.5f1c9a7e")]
    next_cursor: String,
    /// All revocations committed before this time are in this page or earlier ones; null if the node
    /// has not read the database yet.
    #[schema(format = DateTime, example = "2027-01-15T08:00:00Z")]
    as_of: Option<String>,
}

/// A revocation by `sid`, by `jti`, or by `sub` with `before`. Times are in seconds since 1970.
#[derive(ToSchema)]
pub(crate) struct Revocation {
    /// The id of a token.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    jti: Option<String>,
    /// The id of a session.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    sid: Option<String>,
    /// The id of an account.
    #[schema(nullable = false, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    sub: Option<String>,
    /// Tokens of the account are revoked if they were issued before this second.
    #[schema(nullable = false, example = 1_800_000_002)]
    before: Option<i64>,
    /// The time after which the revocation can be deleted.
    #[schema(example = 1_800_001_800)]
    exp: i64,
}
