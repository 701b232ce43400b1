//! The JSON form of the device of a session.

use portcullis_flows::sign_in::device_description::DeviceDescription;
use serde::Serialize;
use utoipa::ToSchema;

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
    /// The kind of device: `computer`, `mobile` (phones and tablets) or `other`.
    #[schema(pattern = "^(computer|mobile|other)$", example = "computer")]
    kind: &'static str,
}

impl DeviceAnswer {
    /// The device of a client with this user agent, and the name that the person may have given it.
    pub(crate) fn of(given_name: Option<&str>, user_agent: Option<&str>) -> Self {
        let description = DeviceDescription::of(given_name, user_agent);
        let DeviceDescription { name, browser, operating_system, kind } = description;
        Self { name, browser, operating_system, kind }
    }
}
