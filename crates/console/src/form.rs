//! Forms: fields, and the faults of what was sent, each beside its field and in a summary.

use actix_web::ResponseError;
use actix_web::http::header::RETRY_AFTER;
use askama::Template;
use askama::filters::HtmlSafe;
use portcullis_web::{Code, FieldProblem, Problem, has_forbidden_character};
use serde::Deserialize;

use crate::strings::{self, ENGLISH};

/// A form without a field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyForm {}

/// A form about the object with this id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdForm {
    pub(crate) id: String,
}

/// A form of an action that the person has confirmed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmedForm {
    #[expect(dead_code, reason = "a form without it is refused")]
    confirmed: String,
}

/// The faults of a form that was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// The kind of the problem, in words; empty without one.
    pub(crate) title: String,
    /// The next step.
    pub(crate) advice: String,
    /// The seconds until the same form may be accepted.
    pub(crate) wait: Option<u64>,
    /// The faults of single fields.
    pub(crate) fields: Vec<Fault>,
}

/// A fault of one field.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The name of the field, which is also its id.
    pub(crate) field: String,
    /// The advice.
    pub(crate) message: String,
}

impl Faults {
    /// The faults that a problem names.
    pub(crate) fn of(problem: &Problem) -> Self {
        let mut fields: Vec<Fault> = problem.faults().iter().map(Fault::of).collect();
        fields.extend(field_of(problem.code).map(|field| Fault {
            field: field.to_owned(),
            message: strings::title(problem.code).to_owned(),
        }));
        let retry_after = problem.error_response();
        let retry_after = retry_after.headers().get(RETRY_AFTER);
        Self {
            title: strings::title(problem.code).to_owned(),
            advice: strings::advice(problem.code).to_owned(),
            wait: retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok()),
            fields,
        }
    }

    /// The faults that a problem names, each marked at its field.
    pub(crate) fn marked(problem: &Problem, fields: &mut [Field<'_>]) -> Self {
        let faults = Self::of(problem);
        for field in fields {
            field.faults = faults.at(field.name);
        }
        faults
    }

    /// True if there is something to show.
    pub(crate) fn is_some(&self) -> bool {
        !self.title.is_empty()
    }

    /// The first fault of each field, for the summary; the others are beside the field.
    pub(crate) fn first_of_each(&self) -> impl Iterator<Item = &Fault> {
        let is_first = |place: usize, fault: &Fault| {
            self.fields.iter().position(|other| other.field == fault.field) == Some(place)
        };
        let places = self.fields.iter().enumerate();
        places.filter(move |(place, fault)| is_first(*place, fault)).map(|(_, fault)| fault)
    }

    /// The faults of this field.
    fn at(&self, field: &str) -> Vec<String> {
        let own = self.fields.iter().filter(|fault| fault.field == field);
        own.map(|fault| fault.message.clone()).collect()
    }
}

impl Fault {
    fn of(problem: &FieldProblem) -> Self {
        let mut letters = problem.message().chars();
        let message = letters.next().map(|first| first.to_uppercase().collect::<String>());
        let message = message.unwrap_or_default() + letters.as_str();
        Self { field: problem.name().to_owned(), message: message + "." }
    }
}

/// The field to which a code without faults of fields belongs.
const fn field_of(code: Code) -> Option<&'static str> {
    match code {
        Code::InvalidSetupToken => Some("setup_token"),
        Code::UsernameTaken => Some("username"),
        Code::EmailTaken => Some("email"),
        Code::WrongPassword => Some("current_password"),
        Code::InvalidCode | Code::WrongCode => Some("code"),
        _ => None,
    }
}

/// A text that a person has typed, if it may be shown and stored.
///
/// # Errors
///
/// A fault of the field, if it has a control character, or one that turns the direction of text around.
pub(crate) fn checked(field: &str, text: &str) -> Result<String, Problem> {
    if has_forbidden_character(text) {
        let fault =
            FieldProblem::new(field.to_owned(), "forbidden_character", ENGLISH.bad_character);
        return Err(Problem::new(Code::InvalidRequest).field(fault));
    }
    Ok(text.to_owned())
}

/// An input of a form, with its label.
#[derive(Template)]
#[template(path = "field.html")]
pub(crate) struct Field<'a> {
    name: &'static str,
    label: &'a str,
    kind: &'static str,
    autocomplete: &'static str,
    value: &'a str,
    hint: &'a str,
    is_optional: bool,
    is_first: bool,
    is_replaceable: bool,
    faults: Vec<String>,
}

impl HtmlSafe for Field<'_> {}

impl<'a> Field<'a> {
    /// A text. `autocomplete` is a token of HTML for password managers and browsers.
    pub(crate) fn text(name: &'static str, label: &'a str, autocomplete: &'static str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            autocomplete,
            value: "",
            hint: "",
            is_optional: false,
            is_first: false,
            is_replaceable: false,
            faults: Vec::new(),
        }
    }

    /// An email address.
    pub(crate) fn email(name: &'static str, label: &'a str) -> Self {
        Self { kind: "email", ..Self::text(name, label, "email") }
    }

    /// A password: never filled in by the server.
    pub(crate) fn password(name: &'static str, label: &'a str, autocomplete: &'static str) -> Self {
        Self { kind: "password", ..Self::text(name, label, autocomplete) }
    }

    /// A code that is typed from another device.
    pub(crate) fn code(name: &'static str, label: &'a str) -> Self {
        Self { kind: "code", ..Self::text(name, label, "one-time-code") }
    }

    /// A text of several lines.
    pub(crate) fn lines(name: &'static str, label: &'a str) -> Self {
        Self { kind: "lines", ..Self::text(name, label, "off") }
    }

    /// A day and a time, without a zone.
    pub(crate) fn moment(name: &'static str, label: &'a str) -> Self {
        Self { kind: "datetime-local", ..Self::text(name, label, "off") }
    }

    /// A whole number.
    pub(crate) fn number(name: &'static str, label: &'a str) -> Self {
        Self { kind: "number", ..Self::text(name, label, "off") }
    }

    /// The same, with what was typed.
    pub(crate) fn value(self, value: &'a str) -> Self {
        Self { value, ..self }
    }

    /// The same, with an explanation.
    pub(crate) fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    /// The same, for a field that may stay empty.
    pub(crate) fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// The same, for a field that is not needed with a passkey.
    pub(crate) fn or_passkey(self) -> Self {
        Self { is_replaceable: true, ..self }
    }

    /// Gives it the focus when the page is shown.
    pub(crate) fn focus(&mut self) {
        self.is_first = true;
    }

    /// The ids of the texts that describe it.
    fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let fault = (!self.faults.is_empty()).then(|| format!("{}-fault", self.name));
        hint.into_iter().chain(fault).collect::<Vec<_>>().join(" ")
    }
}
