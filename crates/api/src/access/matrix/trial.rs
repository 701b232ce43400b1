//! `POST /api/admin/matrix/validate`, `/diff` and `/replay`: the effects of a matrix file, without
//! activating it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, rt, web};
use portcullis_domain::Ambient;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::access::permission;
use portcullis_web::quotas::REPLAYS;
use portcullis_web::{
    Caller, Code, ConcurrencyPermit, Guard, Json, Limit, Method, Priority, Problem, Route, Time,
    blocking, detached,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EXAMPLE, FILE, FileBody};
use crate::openapi::schema::matrix::{MatrixDiff, ReplayReport};

/// The words of a matrix file without faults.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValidAnswer {
    /// The roles, in the order of the file.
    #[schema(example = json!(["admin", "msa"]))]
    roles: Vec<String>,
    /// The resources, in the order of the file.
    #[schema(example = json!(["schedule"]))]
    resources: Vec<String>,
    /// The actions, in the order of the file.
    #[schema(example = json!(["read", "manage"]))]
    actions: Vec<String>,
    /// Warnings; the file is valid.
    notes: Vec<NoteAnswer>,
}

/// A warning about a valid matrix file.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoteAnswer {
    /// The line in the file, counted from 1.
    #[schema(example = 41)]
    line: u32,
    /// The warning, as one sentence.
    #[schema(example = "coordinator holds all of this grant through its juniors")]
    message: String,
}

/// A matrix file, and the period of the decisions to replay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayBody {
    /// The text of the matrix file.
    #[schema(value_type = String, format = "toml", example = json!(EXAMPLE))]
    text: String,
    /// The start of the period (inclusive), by default seven days before `until`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime,
        pattern = "^(19[7-9]|[2-9][0-9]{2})", example = "2026-11-13T09:30:00Z")]
    from: Option<Time>,
    /// The end of the period (exclusive), by default now.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime,
        pattern = "^(19[7-9]|[2-9][0-9]{2})", example = "2026-11-20T09:30:00Z")]
    until: Option<Time>,
}

pub(crate) const VALIDATE: Route = Route {
    method: Method::Post,
    path: "/api/admin/matrix/validate",
    guard: Guard::permitted(&[permission::READ_MATRIX]),
    limit: Limit::GENERAL.priority(Priority::Low),
    body: FILE,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Validates a matrix file.
///
/// The response contains the words that the file defines. The error 422 lists all faults with
/// their lines.
#[utoipa::path(post, path = VALIDATE.path, operation_id = "validateMatrix", tag = "matrix",
    request_body = FileBody,
    responses((status = 200, body = ValidAnswer, description = "The file has no faults")))]
pub(crate) async fn validate(
    matrices: web::Data<Matrices>,
    body: Json<FileBody>,
) -> Result<HttpResponse, Problem> {
    let matrix = blocking(move || matrices.validate(&body.0.text)).await?;
    let notes = matrix.notes().into_iter();
    Ok(HttpResponse::Ok().json(ValidAnswer {
        roles: matrix.roles().map(str::to_owned).collect(),
        resources: matrix.resources().map(str::to_owned).collect(),
        actions: matrix.actions().map(str::to_owned).collect(),
        notes: notes.map(|note| NoteAnswer { line: note.line, message: note.message }).collect(),
    }))
}

pub(crate) const DIFF: Route = Route {
    method: Method::Post,
    path: "/api/admin/matrix/diff",
    guard: Guard::permitted(&[permission::READ_MATRIX]),
    limit: Limit::GENERAL.priority(Priority::Low),
    body: FILE,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Compares a matrix file with the active access matrix, by meaning and not by text.
#[utoipa::path(post, path = DIFF.path, operation_id = "compareMatrix", tag = "matrix",
    request_body = FileBody,
    responses((status = 200, description = "The differences", body = MatrixDiff, example = json!({
            "roles": { "added": [], "removed": [] }, "resources": { "added": [], "removed": [] },
            "actions": { "added": [], "removed": [] }, "self_registration_role": null,
            "hierarchy": [{ "senior": "coordinator", "junior": "msa", "added": true }],
            "cells": [{ "role": "msa", "resource": "report", "action": "read", "change": "gained",
                "before": "never", "after": "always" }], "cells_left_out": 0 }))))]
pub(crate) async fn diff(
    matrices: web::Data<Matrices>,
    body: Json<FileBody>,
) -> Result<HttpResponse, Problem> {
    let diff = blocking(move || matrices.diff(&body.0.text)).await?;
    Ok(HttpResponse::Ok().json(diff))
}

pub(crate) const REPLAY: Route = Route {
    method: Method::Post,
    path: "/api/admin/matrix/replay",
    guard: Guard::permitted(&[permission::READ_MATRIX, permission::READ_AUDIT_LOG]),
    limit: Limit::concurrent(&REPLAYS)
        .priority(Priority::Low)
        .timeout(REPLAY_TIMEOUT.saturating_add(Duration::from_secs(5))),
    body: FILE,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::BlockTooLarge,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Replays the recorded decisions of a period against a matrix file, and lists the changes.
///
/// Ten million decisions take less than a minute. The response is sent when the replay is complete.
#[utoipa::path(post, path = REPLAY.path, operation_id = "replayDecisions", tag = "matrix",
    request_body = ReplayBody,
    responses((status = 200, description = "The changed decisions",
        body = ReplayReport, example = json!({
            "examined": 120_000, "gained": 12, "lost": 0, "left_out": 0, "changes": [{
                "role": "msa", "resource": "report", "action": "read", "gains": true,
                "rule": "granted by msa report read (line 70)", "times": 12,
                "first_at": "2026-11-13T09:31:00Z", "last_at": "2026-11-20T09:29:00Z",
                "subjects": ["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"], "times_by_others": 0 }] }))))]
pub(crate) async fn replay(
    caller: Caller,
    place: ConcurrencyPermit,
    ambient: web::Data<Ambient>,
    matrices: web::Data<Matrices>,
    body: Json<ReplayBody>,
) -> Result<HttpResponse, Problem> {
    let ReplayBody { text, from, until } = body.0;
    let until = until.map_or_else(|| ambient.now(), |time| time.0);
    let from = from.map_or_else(|| until - WEEK, |time| time.0);
    // Its thread holds the permit, and ends after the next block once nobody waits for it.
    let waiting = Arc::new(());
    let observer = Arc::downgrade(&waiting);
    let replay = move || {
        let mut go_on = |_| match observer.strong_count() {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let report = matrices.replay(&text, (from, until), &caller.0, &mut go_on);
        drop(place);
        report
    };
    let report = rt::time::timeout(REPLAY_TIMEOUT, detached(replay)).await;
    drop(waiting);
    let report = report.map_err(|_| Problem::unavailable())?;
    Ok(HttpResponse::Ok().json(report.map_err(|_| Problem::unavailable())??))
}

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The time for about fifty million decisions.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(5 * 60);
