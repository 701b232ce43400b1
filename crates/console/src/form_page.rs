//! `FormPage`: a page with one form; and `MessagePage`: a page that says what was done, and what is next.

use std::borrow::Cow;

use actix_web::HttpResponse;
use askama::Template;
use portcullis_web::{Code, Problem};
use serde::Serialize;

use crate::form::{Faults, Field};
use crate::page::{Frame, Person, page, refused};
use crate::paths;
use crate::strings::ENGLISH;

/// A page with one form.
#[derive(Template)]
#[template(path = "form_page.html")]
pub(crate) struct FormPage<'a> {
    /// The frame, with the title.
    pub(crate) frame: Frame<'a>,
    /// The faults of the form as it was sent.
    pub(crate) faults: Faults,
    /// The reason why the page is shown; empty if the person has asked for it.
    pub(crate) notice: &'a str,
    /// What the action is about; empty if the title says it.
    pub(crate) subject: &'a str,
    /// The explanation.
    pub(crate) text: &'a str,
    /// The path to which the form is sent.
    pub(crate) path: Cow<'static, str>,
    /// Values that the form carries along.
    pub(crate) hidden: Vec<(&'a str, &'a str)>,
    /// The fields.
    pub(crate) fields: Vec<Field<'a>>,
    /// The label of the button; empty if the form goes on with a passkey only.
    pub(crate) action: &'a str,
    /// True if the action cannot be undone.
    pub(crate) is_dangerous: bool,
    /// The passkey with which the form can go on.
    pub(crate) passkey: Option<PasskeyButton<'a>>,
    /// Other ways from here.
    pub(crate) links: Vec<Link<'a>>,
}

/// A button that goes on with a passkey. A script shows it, asks the authenticator, and sends the form with
/// the answer in the field `credential`.
pub(crate) struct PasskeyButton<'a> {
    /// `create` or `get`.
    ceremony: &'static str,
    /// The options as JSON; empty if `source` answers them.
    options: String,
    /// The path that answers the options.
    source: &'static str,
    /// The path to which the form goes then, if it is another one.
    action: &'static str,
    /// True if the browser offers its passkeys in the first field at once.
    is_autofilled: bool,
    /// The label.
    label: &'a str,
}

impl<'a> PasskeyButton<'a> {
    /// Creates a passkey with these options.
    pub(crate) const fn create(options: String, label: &'a str) -> Self {
        Self { ceremony: "create", source: "", options, action: "", is_autofilled: false, label }
    }

    /// Uses a passkey with these options.
    pub(crate) fn answer(options: String, label: &'a str) -> Self {
        Self { ceremony: "get", ..Self::create(options, label) }
    }

    /// Uses a passkey of the signed-in person.
    pub(crate) fn step_up(label: &'a str) -> Self {
        Self { source: paths::STEP_UP_OPTIONS, ..Self::answer(String::new(), label) }
    }

    /// Signs in with a passkey, at this path.
    pub(crate) fn sign_in(action: &'static str, label: &'a str) -> Self {
        let source = paths::PASSKEY_OPTIONS;
        Self { source, action, is_autofilled: true, ..Self::step_up(label) }
    }
}

/// The options for a passkey, as JSON.
pub(crate) fn options_json(options: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(options).map_err(|error| {
        tracing::error!(%error, "the options of a passkey cannot be written");
        Problem::new(Code::Internal)
    })
}

/// A way to another page.
pub(crate) struct Link<'a> {
    /// The text before the link.
    pub(crate) before: &'a str,
    /// The text of the link.
    pub(crate) label: &'a str,
    /// The path.
    pub(crate) path: String,
}

impl<'a> FormPage<'a> {
    /// A page with this title, whose form is sent to this path.
    pub(crate) fn new(
        frame: Frame<'a>,
        path: impl Into<Cow<'static, str>>,
        action: &'a str,
    ) -> Self {
        Self {
            frame,
            faults: Faults::default(),
            notice: "",
            subject: "",
            text: "",
            path: path.into(),
            hidden: Vec::new(),
            fields: Vec::new(),
            action,
            is_dangerous: false,
            passkey: None,
            links: Vec::new(),
        }
    }

    /// A page that explains an action and asks for the current credential.
    pub(crate) fn credential(
        frame: Frame<'a>,
        path: impl Into<Cow<'static, str>>,
        (text, action): (&'a str, &'a str),
        person: &Person,
    ) -> Self {
        let mut page = Self { text, ..Self::new(frame, path, action) };
        page.reauthenticate(person);
        page
    }

    /// Adds the current password; an account without one goes on with a passkey.
    pub(crate) fn reauthenticate(&mut self, person: &Person) {
        let t = &ENGLISH;
        let field = Field::password("current_password", t.current_password, "current-password");
        self.fields.push(field.or_passkey());
        if person.account.mfa_enabled {
            self.passkey = Some(PasskeyButton::step_up(t.passkey_no_password));
        }
    }

    /// The page, as it is shown first.
    pub(crate) fn show(mut self) -> Result<HttpResponse, Problem> {
        if let Some(first) = self.fields.first_mut() {
            first.focus();
        }
        page(&self)
    }

    /// The page after this problem, with each fault at its field.
    pub(crate) fn again(mut self, problem: &Problem) -> Result<HttpResponse, Problem> {
        self.faults = Faults::marked(problem, &mut self.fields);
        refused(problem, &self)
    }
}

/// A page that says what was done.
#[derive(Template)]
#[template(path = "message_page.html")]
pub(crate) struct MessagePage<'a> {
    /// The frame, with the title.
    pub(crate) frame: Frame<'a>,
    /// The message.
    pub(crate) text: &'a str,
    /// The label of the next step.
    pub(crate) action: &'a str,
    /// The path of the next step.
    pub(crate) path: &'a str,
}
