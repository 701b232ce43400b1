//! The result of one check of `doctor`.

use serde::Serialize;

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    Warning,
    Failed,
    Skipped,
}

impl Check {
    fn new(name: &'static str, status: Status, detail: &str, remedy: Option<String>) -> Self {
        // Error texts of libraries may contain line breaks.
        let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { name, status, detail, remedy }
    }

    pub(super) fn ok(name: &'static str, detail: impl AsRef<str>) -> Self {
        Self::new(name, Status::Ok, detail.as_ref(), None)
    }

    pub(super) fn warning(
        name: &'static str,
        detail: impl AsRef<str>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Warning, detail.as_ref(), Some(remedy.into()))
    }

    pub(super) fn failed(
        name: &'static str,
        detail: impl AsRef<str>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Status::Failed, detail.as_ref(), Some(remedy.into()))
    }

    pub(super) fn skipped(name: &'static str, detail: impl AsRef<str>) -> Self {
        Self::new(name, Status::Skipped, detail.as_ref(), None)
    }

    pub(super) fn skipped_for_faults(name: &'static str) -> Self {
        Self::skipped(name, "the configuration of this part is faulty")
    }
}
