//! Mails of a server without a mail server, which prints them with a command that spends their secret.

use portcullis_testkit::ServerProcess;
use serde_json::Value;

use crate::environment::wait;

/// A printed mail.
pub(crate) struct PrintedMail {
    /// From its subject on.
    pub(crate) text: String,
    /// The address to which the command posts.
    pub(crate) url: String,
    body: String,
}

impl PrintedMail {
    /// Waits for the first mail with this subject.
    pub(crate) fn wait(server: &ServerProcess, subject: &str) -> Self {
        let find = || Self::find(&server.log(), subject);
        wait(&format!("the mail {subject:?} is printed"), || find().is_some());
        find().expect("it is printed")
    }

    fn find(log: &str, subject: &str) -> Option<Self> {
        let (_, text) = log.split_once(&format!("Subject: {subject}"))?;
        let (_, command) = text.split_once("Without a page: curl -X POST ")?;
        let (command, _) = command.split_once('\n')?;
        let (url, body) = command.split_once(" -H 'content-type: application/json' -d ")?;
        let body = body.trim_matches('\'').to_owned();
        Some(Self { text: text.to_owned(), url: url.to_owned(), body })
    }

    /// The body of the command, with this in the place of what a person fills in.
    pub(crate) fn body(&self, typed: &str) -> Value {
        serde_json::from_str(&self.body.replace('…', typed)).expect("JSON")
    }
}
