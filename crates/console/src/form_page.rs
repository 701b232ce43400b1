//! `FormPage`: a page with one form; and `MessagePage`: a page that says what was done, and what is next.

use actix_web::HttpResponse;
use askama::Template;
use portcullis_web::Problem;

use crate::form::{Faults, Field};
use crate::page::{Frame, page, refused};

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
    /// The explanation.
    pub(crate) text: &'a str,
    /// The path to which the form is sent.
    pub(crate) path: &'static str,
    /// Values that the form carries along.
    pub(crate) hidden: Vec<(&'static str, &'a str)>,
    /// The fields.
    pub(crate) fields: Vec<Field<'a>>,
    /// The label of the button.
    pub(crate) action: &'a str,
    /// True if the action cannot be undone.
    pub(crate) is_dangerous: bool,
    /// Other ways from here.
    pub(crate) links: Vec<Link<'a>>,
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
    pub(crate) fn new(frame: Frame<'a>, path: &'static str, action: &'a str) -> Self {
        Self {
            frame,
            faults: Faults::default(),
            notice: "",
            text: "",
            path,
            hidden: Vec::new(),
            fields: Vec::new(),
            action,
            is_dangerous: false,
            links: Vec::new(),
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
        self.faults = Faults::of(problem);
        for field in &mut self.fields {
            field.mark(&self.faults);
        }
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
