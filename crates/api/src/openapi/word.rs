//! Lists of words, taken from the types that read and write them.

use portcullis_audit::{EventKind, Outcome, RiskOutcome};
use portcullis_domain::{AccountKind, Delivery, Factor};
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder, Schema};

/// The kinds of account.
pub(crate) fn account_kind() -> Object {
    let kinds = [AccountKind::User, AccountKind::Developer, AccountKind::Service];
    let schema = one_of(kinds.iter().map(|kind| kind.as_str()));
    schema.examples([Value::from("user")]).build()
}

/// The ways to deliver tokens.
pub(crate) fn delivery() -> Object {
    let schema = one_of([Delivery::Cookie, Delivery::Body].iter().map(|way| way.as_str()));
    schema
        .description(Some("The delivery of the access token: `cookie` (default), or `body` for clients without cookies."))
        .examples([Value::from("body")])
        .build()
}

/// The kinds of second factors.
pub(crate) fn factor() -> Object {
    let factors = [Factor::Totp, Factor::Passkey, Factor::BackupCodes];
    let schema = one_of(factors.iter().map(|factor| factor.as_str()));
    schema
        .description(Some("The kind of the second factor."))
        .examples([Value::from("totp")])
        .build()
}

/// The outcomes of the assessment of a sign-in.
pub(crate) fn risk_outcome() -> Object {
    let schema = one_of(RiskOutcome::ALL.iter().map(|outcome| outcome.as_str()));
    schema
        .description(Some("The decision of the risk assessment of a sign-in."))
        .examples([Value::from("challenged")])
        .build()
}

/// Any JSON, under the rules of request bodies.
pub(crate) fn attributes() -> Object {
    ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::Object, Type::Null]))
        .property_names(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some(super::text::PATTERN))
                .build(),
        ))
        .description(Some(
            "Further values for conditions, at most 4 KiB as JSON text. Arrays and objects nest at most eight deep. A name \
             appears only once in an object. Texts contain no control characters.",
        ))
        .examples([serde_json::json!({ "site": "north" })])
        .build()
}

/// The kinds of events.
pub(crate) fn event_kind() -> ObjectBuilder {
    one_of(EventKind::ALL.iter().map(|kind| kind.as_str()))
}

/// The outcomes of events.
pub(crate) fn outcome() -> ObjectBuilder {
    one_of(Outcome::ALL.iter().map(|outcome| outcome.as_str()))
}

/// One of these words.
pub(crate) fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// An optional query parameter.
pub(crate) fn query_parameter(
    name: &str,
    description: &str,
    schema: impl Into<Schema>,
    example: impl Into<Value>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description))
        .schema(Some(schema.into()))
        .example(Some(example.into()))
        .build()
}
