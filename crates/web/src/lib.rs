#![doc = include_str!("../README.md")]

mod api_key_request;
mod app_data;
mod application;
mod audit_filter;
mod authentication;
mod authorization;
mod ban;
mod blocking;
mod body;
mod body_stream;
mod bounded_list;
mod client_address;
mod cookies;
mod csrf;
pub mod fault;
mod group;
mod guard;
mod headers;
mod lifecycle;
mod limit;
mod listeners;
mod local;
mod mount;
mod optional_body;
mod page;
mod pending;
mod poll_once;
mod problem;
mod query;
mod redirect;
mod request;
mod request_id;
mod request_metrics;
mod route;
mod route_counters;
mod server;
mod servers;
mod service;
mod session_cookies;
mod settings;
mod shared_answer;
mod signals;
mod stack;
mod text;
mod time;
mod tls;
mod trace_context;
mod traces;
mod transport;
mod waiting;

pub use api_key_request::ApiKeyRequest;
pub use app_data::AppData;
pub use application::{Application, Background, Part};
pub use audit_filter::{AUDIT_FILTER_KEYS, audit_filter};
pub use authentication::{Authenticator, ServiceCredentials, SessionCredentials};
pub use authorization::{decide, permit, stored};
pub use ban::synchronize_soon as synchronize_bans_soon;
pub use blocking::{Hashing, blocking, detached};
pub use body::{Form, Json, parse, read_json, read_reports};
pub use body_stream::{Chunks, StreamError, stream_body};
pub use bounded_list::BoundedList;
pub use client_address::{ForwardingHeader, client_address};
pub use cookies::{Name as CookieName, cookie, forget as forget_cookie, set as set_cookie};
pub use group::{API, ErrorBody, Group, Redirect, no_redirect, problem_document};
pub use guard::{ApiKeyAccess, Audience, Caller, Guard};
pub use lifecycle::{Lifecycle, ServeError};
pub use limit::{
    Concurrency, ConcurrencyPermit, Limit, Limits, Priority, Rate, RateLimit, RateLimitSettings,
    RateLimits, WRONG_API_KEYS, WRONG_INTROSPECTED_KEYS, quotas,
};
pub use listeners::{Listeners, Operations};
pub use mount::{Configure, Mount};
pub use optional_body::OptionalBody;
pub use problem::{Code, FieldProblem, Problem, ProblemBody};
pub use query::Query;
pub use request::origin;
pub use request_metrics::RequestMetrics;
pub use route::{BODY_LIMIT, Body, Method, Route, RouteTable, Router};
pub use route_counters::RouteMetrics;
pub use server::{Phase, Running, serve, spawn};
pub use service::Service;
pub use session_cookies::{
    RefreshPlace, add_cookie, bind, browser_cookies, forget_session, remember_device, set_access,
    set_session,
};
pub use settings::{ConnectionLimits, RequestBounds, Settings};
pub use shared_answer::SharedAnswer;
pub use signals::Signals;
pub use text::{MAX_TEXT_BYTES, SecretText, ShortText, Text, has_forbidden_character};
pub use time::Time;
pub use tls::{
    Certificate, CertificateError, CertificateFault, CertificateFiles, PairFile, Tls, TlsError,
};
pub use traces::{RequestSpan, TraceSink};
pub use transport::{ProxyHeaderError, proxied_client};
pub use waiting::wait;
