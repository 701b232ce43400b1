//! The requests of a browser, and the complaints of its pages, noted from its events.

use serde_json::Value;

/// A request of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    id: Value,
    /// The address.
    pub url: String,
    /// The bytes of the response on the wire, headers included; `None` until it has ended.
    pub bytes: Option<u64>,
}

/// What a browser has noted so far.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) transfers: Vec<Transfer>,
    /// Refusals of content policies, uncaught exceptions and dialogs.
    pub(crate) complaints: Vec<String>,
}

impl Traffic {
    /// The function by which [`Self::SCRIPT`] reports.
    pub(crate) const BINDING: &str = "portcullisComplaint";

    /// The script of each page: it reports what the content policy of the page refuses.
    pub(crate) const SCRIPT: &str = "addEventListener('securitypolicyviolation', (event) => \
        portcullisComplaint(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`))";

    /// Notes an event.
    pub(crate) fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        let id = &parameters["requestId"];
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let redirect = &parameters["redirectResponse"];
                if !redirect.is_null() {
                    self.end(id, &redirect["encodedDataLength"]);
                }
                let url = parameters["request"]["url"].as_str().unwrap_or_default().to_owned();
                self.transfers.push(Transfer { id: id.clone(), url, bytes: None });
            }
            Some("Network.loadingFinished") => self.end(id, &parameters["encodedDataLength"]),
            Some("Network.loadingFailed") => self.end(id, &Value::Null),
            Some("Runtime.bindingCalled") if parameters["name"] == Self::BINDING => {
                self.complaints.extend(parameters["payload"].as_str().map(str::to_owned));
            }
            Some("Runtime.exceptionThrown") => {
                self.complaints.push(format!("exception: {}", parameters["exceptionDetails"]));
            }
            Some("Page.javascriptDialogOpening") => {
                self.complaints.push(format!("dialog: {}", parameters["message"]));
            }
            _ => {}
        }
    }

    fn end(&mut self, id: &Value, bytes: &Value) {
        let mut open = self.transfers.iter_mut().rev().filter(|transfer| transfer.id == *id);
        if let Some(transfer) = open.next() {
            transfer.bytes = Some(bytes.as_u64().unwrap_or_default());
        }
    }
}
