//! Lists of words, taken from the types that read and write them.

use portcullis_audit::{EventKind, Outcome, RiskOutcome};
use portcullis_domain::{AccountKind, AssuranceLevel, AuthenticationMethod, Delivery, Factor};
use portcullis_flows::node::mail::Mail;
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Array, ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, Schema};

/// The kinds of account.
pub(crate) fn account_kind() -> Object {
    described(AccountKind::ALL.iter().map(|kind| kind.as_str()), "The kind of the account.", "user")
}

/// The ways to deliver tokens.
pub(crate) fn delivery() -> Object {
    let words = Delivery::ALL.iter().map(|way| way.as_str());
    let about = "The delivery of the access token: `cookie` (default), or `body` for clients without cookies.";
    described(words, about, "body")
}

/// The kinds of second factors.
pub(crate) fn factor() -> Object {
    let factors = [Factor::Totp, Factor::Passkey, Factor::BackupCodes];
    described(
        factors.iter().map(|factor| factor.as_str()),
        "The kind of the second factor.",
        "totp",
    )
}

/// The outcomes of the assessment of a sign-in.
pub(crate) fn risk_outcome() -> Object {
    let words = RiskOutcome::ALL.iter().map(|outcome| outcome.as_str());
    described(words, "The decision of the risk assessment of a sign-in.", "challenged")
}

/// The authentication methods of a sign-in.
pub(crate) fn authentication_methods() -> Array {
    let words = AuthenticationMethod::ALL.iter().map(|method| method.as_str());
    ArrayBuilder::new()
        .items(one_of(words))
        .description(Some("The authentication methods of the sign-in (RFC 8176)."))
        .examples([serde_json::json!(["pwd", "otp", "mfa"])])
        .build()
}

/// The assurance levels of a sign-in.
pub(crate) fn assurance_level() -> Object {
    let words = AssuranceLevel::ALL.iter().map(|level| level.as_str());
    let about = "The assurance level of the sign-in: `aal1` for one factor, `aal2` for two.";
    described(words, about, "aal2")
}

/// The kinds of mails.
pub(crate) fn mail_kind() -> Object {
    described(Mail::kinds(), "The kind of the mail.", "password_changed")
}

/// Any JSON, under the rules of request bodies.
pub(crate) fn attributes() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
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

/// One of these words, or null.
pub(crate) fn one_of_or_null<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    let words: Vec<Value> = words.into_iter().map(Value::from).chain([Value::Null]).collect();
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words))
}

/// One of these words, with a description and an example.
pub(crate) fn described<'w>(
    words: impl IntoIterator<Item = &'w str>,
    description: &str,
    example: &str,
) -> Object {
    one_of(words).description(Some(description)).examples([Value::from(example)]).build()
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
