//! `/console/admin/audit/{id}`: one entry of the audit log with its proof, which is computed for each request.

use actix_web::{HttpResponse, web};
use askama::Template;
use portcullis_audit::{EntryId, EntryVerdict};
use portcullis_flows::audit::entry_proof::{EntryProofs, ProvenEntry};
use portcullis_flows::audit::trail::AuditLogError;
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    Body, Code, ConcurrencyPermit, Guard, Limit, Method, Priority, Problem, Route, blocking,
};

use crate::audit::item::Item;
use crate::form_page::MessagePage;
use crate::moment::Moment;
use crate::page::{Frame, Person, page, refused};
use crate::section::Section;
use crate::site::Site;
use crate::strings::{AUDIT, AuditStrings};

#[derive(Template)]
#[template(path = "audit_entry.html")]
struct EntryPage<'a> {
    frame: Frame<'a>,
    texts: &'static AuditStrings,
    exact_time: String,
    item: Item,
    json: String,
    checkpoint_at: String,
    proven: ProvenEntry,
}

impl EntryPage<'_> {
    /// The word of the verdict, and what it says.
    const fn verdict(&self) -> (&'static str, &'static str) {
        match self.proven.proof.verdict {
            EntryVerdict::Intact => (self.texts.intact, self.texts.intact_text),
            EntryVerdict::Changed => (self.texts.changed, self.texts.changed_text),
            EntryVerdict::Unknown => (self.texts.unknown, self.texts.unknown_text),
        }
    }

    /// The class of the word.
    const fn verdict_class(&self) -> &'static str {
        match self.proven.proof.verdict {
            EntryVerdict::Intact => "good",
            EntryVerdict::Changed => "bad",
            EntryVerdict::Unknown => "",
        }
    }
}

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: "/console/admin/audit/{id}",
    guard: Guard::permitted(Section::Audit.permissions()),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::NotFound, Code::BlockTooLarge, Code::OutcomeUnknown, Code::Unavailable],
};

/// Shows one entry.
pub(crate) async fn show(
    person: Person,
    place: ConcurrencyPermit,
    site: web::Data<Site>,
    proofs: web::Data<EntryProofs>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let id: EntryId = id.parse().map_err(|_| not_found())?;
    let principal = person.principal.clone();
    let read = move || {
        let proven = proofs.read(&principal, id);
        drop(place);
        proven
    };
    let proven = match blocking(move || Ok::<_, Problem>(read())).await? {
        Err(AuditLogError::Damaged(_)) => return damaged(&person, &site),
        proven => proven?.ok_or_else(not_found)?,
    };
    let json = serde_json::to_string_pretty(&proven.entry).map_err(|error| {
        tracing::error!(%error, "an entry cannot be written as JSON");
        Problem::new(Code::Internal)
    })?;
    let checkpoint_at = proven.covered_by.as_ref().map(|it| Moment(it.checkpoint.at()));
    page(&EntryPage {
        frame: Frame::of(&person, &site, AUDIT.entry_title, Section::Audit.path()),
        texts: &AUDIT,
        exact_time: proven.entry.at.to_string(),
        item: Item::from(proven.entry.clone()),
        json,
        checkpoint_at: checkpoint_at.map(Moment::to_seconds).unwrap_or_default(),
        proven,
    })
}

/// The page of an entry whose stored block cannot be read: somebody has changed it, or the disk has.
fn damaged(person: &Person, site: &Site) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(person, site, AUDIT.damaged_title, Section::Audit.path());
    let (text, action) = (AUDIT.damaged_text, AUDIT.damaged_action);
    let path = Section::Audit.path();
    refused(&Problem::new(Code::Internal), &MessagePage { frame, text, action, path })
}
