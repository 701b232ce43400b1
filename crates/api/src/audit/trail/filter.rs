//! Query parameters of search and export: the filter of the audit log.

use portcullis_web::AUDIT_FILTER_KEYS as KEYS;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{KnownFormat, ObjectBuilder, Schema, SchemaFormat};

use crate::openapi::schema::field::address_format as address;
use crate::openapi::word;

/// The pattern of the beginning of a time from 1970 on.
const FROM_1970: &str = "^(19[7-9]|[2-9][0-9]{2})";

/// The parameters of the filter, for the API document.
pub(super) struct FilterParameters;

impl IntoParams for FilterParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        const ACCOUNT: &str = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11";
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let of = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
        let time = || Schema::from(of(KnownFormat::DateTime).pattern(Some(FROM_1970)));
        let id = || Schema::from(of(KnownFormat::Uuid));
        let parameter = |key: &&str| {
            let (description, schema, example) = match *key {
                "from" => (
                    "The start, inclusive (RFC 3339, 1970 to 9999)",
                    time(),
                    "2026-11-13T00:00:00Z",
                ),
                "until" => ("The end, exclusive; after `from`", time(), "2026-11-20T00:00:00Z"),
                "kind" => ("The kind of event", word::event_kind().into(), "permission_check"),
                "outcome" => ("The outcome", word::outcome().into(), "denied"),
                "actor" => ("The id of the account that acted", id(), ACCOUNT),
                "subject" => ("The id of the account concerned", id(), ACCOUNT),
                "resource" => ("The resource of a permission check", text().into(), "absence"),
                _ => ("The address of the client: IPv4 or IPv6", address(), "192.0.2.7"),
            };
            word::query_parameter(key, description, schema, example)
        };
        KEYS.iter().map(parameter).collect()
    }
}
