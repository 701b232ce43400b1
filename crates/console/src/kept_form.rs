//! `KeptForm`: a form that was sent while the sign-in was too old. The page of the confirmation carries it along, without
//! secrets, and the next page sends it as it was typed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use actix_web::HttpResponse;
use portcullis_web::Problem;
use url::form_urlencoded;

use crate::form::Field;
use crate::form_page::{FormPage, Link};
use crate::local_path::LocalPath;
use crate::page::{Frame, Person};
use crate::site::Site;
use crate::strings::{CONFIRM, ENGLISH};

/// The fields of any form.
pub(crate) type AnyForm = BTreeMap<String, String>;

/// A kept form, as it is in the fields of the confirmation.
#[derive(Default)]
pub(crate) struct KeptForm {
    /// The path to which it goes; empty without a form.
    pub(crate) to: String,
    /// Its fields, encoded as a form. A secret is empty.
    pub(crate) form: String,
}

impl KeptForm {
    /// The maximum of bytes of a form that is kept, and of one that carries it.
    pub(crate) const MAX_BYTES: usize = 6 * 1024 * 1024;

    /// The form that goes to this path.
    pub(crate) fn of(to: &LocalPath, fields: &AnyForm) -> Self {
        let kept = fields.iter().map(|(name, value)| match secret(name) {
            Some(_) => (name, ""),
            None => (name, value.as_str()),
        });
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        Self { to: to.as_str().to_owned(), form }
    }

    /// True if there is one.
    pub(crate) const fn is_some(&self) -> bool {
        !self.to.is_empty()
    }

    /// The fields that carry it.
    pub(crate) fn hidden(&self) -> [(&str, &str); 2] {
        [("to", &self.to), ("form", &self.form)]
    }

    /// The page that sends it. A person types its secrets again. `next` is the page from which it came.
    pub(crate) fn page(
        &self,
        person: &Person,
        site: &Site,
        next: &LocalPath,
    ) -> Result<HttpResponse, Problem> {
        let fields: Vec<_> = form_urlencoded::parse(self.form.as_bytes()).collect();
        let frame = Frame::of(person, site, CONFIRM.done_title, "");
        let to = Cow::Owned(LocalPath::parse(&self.to).to_string());
        let mut page = FormPage::new(frame, to, CONFIRM.send);
        page.text = CONFIRM.done_text;
        for (name, value) in &fields {
            match secret(name) {
                Some(field) => page.fields.push(field),
                None => page.hidden.push((name, value)),
            }
        }
        page.links.push(Link { before: "", label: CONFIRM.back, path: next.to_string() });
        page.show()
    }
}

/// The field for a secret with this name. The answer of an authenticator proves one challenge once and is none.
fn secret(name: &str) -> Option<Field<'static>> {
    let t = &ENGLISH;
    match name {
        "current_password" => {
            Some(Field::password("current_password", t.current_password, "current-password"))
        }
        "new_password" => Some(Field::password("new_password", t.new_password, "new-password")),
        "code" => Some(Field::code("code", t.code)),
        _ => None,
    }
}
