//! `GET /metrics`: what there is to watch, in the text format of Prometheus (version 0.0.4).

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use portcullis_flows::job::JobState;

use crate::guard::ThisMachine;
use crate::problem::Code;
use crate::server::Settings;
use crate::services::Services;

/// How it can fail.
pub(crate) const ERRORS: &[Code] = &[Code::NotFound];

/// Figures of this node, for programs on the same machine.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text", body = String,
        content_type = "text/plain", example = json!("portcullis_audit_queue_depth 0\n"))))]
pub(crate) async fn expose(
    _: ThisMachine,
    services: web::Data<Services>,
    settings: web::Data<Settings>,
) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(text(&services, &settings))
}

fn text(services: &Services, settings: &Settings) -> String {
    let recording = services.decisions.recorder().state();
    let matrix = services.matrices.active().load();
    let mut text = String::with_capacity(2048);
    let mut metric = |name: &str, kind: &str, about: &str, value: &dyn Display| {
        // Writing to memory does not fail.
        let _ = write!(
            text,
            "# HELP portcullis_{name} {about}\n\
             # TYPE portcullis_{name} {kind}\n\
             portcullis_{name} {value}\n"
        );
    };
    let about = "Permission checks that wait to be recorded.";
    metric("audit_queue_depth", "gauge", about, &recording.waiting);
    let lag = recording.lag.as_secs_f64();
    metric("audit_queue_lag_seconds", "gauge", "Age of the oldest of them.", &lag);
    metric("audit_queue_bytes", "gauge", "Memory that they take.", &recording.waiting_bytes);
    metric(
        "audit_stalled_seconds",
        "gauge",
        "Time without a write although something waits; from 5 on the node is not ready.",
        &recording.stalled.as_secs_f64(),
    );
    metric(
        "audit_refused_total",
        "counter",
        "Requests refused because the queue, or the share of the caller, was full.",
        &recording.refused,
    );
    metric(
        "audit_quarantined_total",
        "counter",
        "Permission checks of which the database refused the content; each is an event.",
        &recording.quarantined,
    );
    metric(
        "audit_recorded_total",
        "counter",
        "Permission checks recorded since the start.",
        &recording.recorded,
    );
    metric(
        "audit_write_failures_total",
        "counter",
        "Attempts to record that failed and were repeated.",
        &recording.failures,
    );
    metric(
        "audit_dropped_total",
        "counter",
        "Permission checks answered and not recorded: none, whatever happens.",
        &0,
    );
    metric(
        "audit_alarms_total",
        "counter",
        "Alarms about the audit trail since the start.",
        &services.checkpoints.alarms(),
    );
    metric("matrix_version", "gauge", "Version of the access matrix in force.", &matrix.version);
    metric("matrix_revision", "gauge", "How many activations there were.", &matrix.revision);
    metric(
        "hashing_queue_depth",
        "gauge",
        "Passwords that wait to be hashed.",
        &services.hashing.waiting(),
    );
    metric(
        "hashing_refused_total",
        "counter",
        "Requests turned away since the start because too many passwords were being hashed.",
        &services.hashing.refused(),
    );
    let revocations = &services.revocations;
    metric("revocations", "gauge", "Revocations in force.", &revocations.set().len());
    metric(
        "revocations_staleness_seconds",
        "gauge",
        "Time since the database last said what is revoked.",
        &revocations.staleness().as_secs_f64(),
    );
    let offset = services.clock_watch.offset().as_seconds();
    let about = "How far the clock of this node is ahead of that of the database.";
    metric("clock_offset_seconds", "gauge", about, &offset);
    metric(
        "revocation_followers",
        "gauge",
        "Services that follow revocations on this node.",
        &services.feed.tail.followers(),
    );
    let lost = settings.log_lines_lost.load(Ordering::Relaxed);
    let about = "Log lines that could not be written since the start.";
    metric("log_lines_lost_total", "counter", about, &lost);
    if let Some(hint) = &services.feed.hint {
        let about = "Whether nodes can wake each other by Redis.";
        metric("redis_up", "gauge", about, &u8::from(hint.is_up()));
    }
    jobs(&mut text, &services.jobs.states());
    text
}

/// What each job has done on this node; the database knows about all of them, and `doctor` says it.
fn jobs(text: &mut String, states: &[JobState]) {
    let mut metric = |name, kind, about, value: &dyn Fn(&JobState) -> String| {
        // Writing to memory does not fail.
        let _ = write!(
            text,
            "# HELP portcullis_job_{name} {about}\n# TYPE portcullis_job_{name} {kind}\n"
        );
        for state in states {
            let (job, value) = (state.name, value(state));
            let _ = writeln!(text, "portcullis_job_{name}{{job=\"{job}\"}} {value}");
        }
    };
    metric("runs_total", "counter", "Runs on this node since the start, failed or not.", &|job| {
        job.runs.to_string()
    });
    metric("failures_total", "counter", "Runs of them that have failed.", &|job| {
        job.failures.to_string()
    });
    metric("done_total", "counter", "What they have done: rows removed, for most.", &|job| {
        job.done.to_string()
    });
    metric(
        "last_run_timestamp_seconds",
        "gauge",
        "When the last of them ended, in seconds since 1970; 0 before the first.",
        &|job| job.last_run_seconds.to_string(),
    );
    metric("last_duration_seconds", "gauge", "How long it took.", &|job| {
        job.duration.as_secs_f64().to_string()
    });
}
