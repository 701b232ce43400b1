//! The JSON form of the device of a session.

use portcullis_flows::sign_in::device_description::{DeviceDescription, DeviceKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::word;

/// The device of a session, derived from its `User-Agent`. It proves nothing.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeviceAnswer {
    /// The name chosen at sign-in, by default the browser and the operating system.
    #[schema(example = "Firefox on Windows")]
    name: String,
    /// The browser or program; null if unknown.
    #[schema(example = "Firefox")]
    browser: Option<String>,
    /// The operating system without its version; null if unknown.
    #[schema(example = "Windows")]
    operating_system: Option<&'static str>,
    #[schema(schema_with = kind)]
    kind: &'static str,
}

fn kind() -> Object {
    let words = DeviceKind::ALL.iter().map(|kind| kind.as_str());
    let about = "The kind of device: `computer`, `mobile` (phones and tablets) or `other`.";
    word::described(words, about, "computer")
}

impl DeviceAnswer {
    /// The device of a client with this user agent, and the name that the person may have given it.
    pub(crate) fn of(given_name: Option<&str>, user_agent: Option<&str>) -> Self {
        let description = DeviceDescription::of(given_name, user_agent);
        let DeviceDescription { name, browser, operating_system, kind } = description;
        Self { name, browser, operating_system, kind: kind.as_str() }
    }
}
