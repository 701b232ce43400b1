//! `GET /api/admin/settings`: the settings in force on this node.

use actix_web::web::{self, Json};
use portcullis_flows::access::permission;
use portcullis_flows::node::setting::{Setting, SettingSource, SettingValue, SettingsInForce};
use portcullis_web::{Body, Guard, Limit, Method, Route};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::word;

/// The settings in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsAnswer {
    items: Vec<SettingAnswer>,
}

/// A setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingAnswer {
    /// The key as the configuration file spells it.
    #[schema(example = "tokens.access_minutes")]
    key: String,
    /// The value as JSON text, such as `30` or `["portcullis"]`; null for a secret, and without a value.
    #[schema(example = "30")]
    value: Option<String>,
    /// True if the setting has a value.
    #[schema(example = true)]
    is_set: bool,
    /// True if the value is a secret, which is never shown.
    #[schema(example = false)]
    is_secret: bool,
    #[schema(schema_with = source)]
    source: &'static str,
}

fn source() -> Object {
    word::one_of(SettingSource::ALL.iter().map(|source| source.as_str()))
        .description(Some("The source of the value."))
        .examples(["environment"])
        .build()
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/settings",
    guard: Guard::permitted(&[permission::READ_SERVER]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Lists the settings in force on the node that answers, each with its source.
#[utoipa::path(get, path = LIST.path, operation_id = "listSettings", tag = "operations",
    responses((status = 200, body = SettingsAnswer, description = "The settings")))]
pub(crate) async fn list(settings: web::Data<SettingsInForce>) -> Json<SettingsAnswer> {
    let item = |setting: &Setting| {
        let (value, is_set, is_secret) = match &setting.value {
            SettingValue::Shown(value) => (value.clone(), value.is_some(), false),
            SettingValue::Secret { is_set } => (None, *is_set, true),
        };
        let (key, source) = (setting.key.clone(), setting.source.as_str());
        SettingAnswer { key, value, is_set, is_secret, source }
    };
    Json(SettingsAnswer { items: settings.0.iter().map(item).collect() })
}
