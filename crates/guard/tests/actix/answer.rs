//! Refusals: the answer to the caller, and the details for the log of the service.

use actix_web::App;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde_json::{Value, json};

use crate::service;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) challenge: Option<String>,
    pub(crate) text: String,
    content_type: Option<String>,
    /// The error that the service finds in the response.
    pub(crate) log: Option<String>,
}

/// The method is POST where the route says so.
pub(crate) async fn call(path: &str, token: &str) -> Answer {
    send(request(path).insert_header(("Authorization", format!("Bearer {token}")))).await
}

pub(crate) fn request(path: &str) -> TestRequest {
    let reads = path.starts_with("/me") || path.starts_with("/swaps/");
    let request = if reads { TestRequest::get() } else { TestRequest::post() };
    request.uri(path)
}

pub(crate) async fn send(request: TestRequest) -> Answer {
    answer(App::new().app_data(service::guard()).configure(service::routes), request).await
}

pub(crate) async fn send_unguarded(request: TestRequest) -> Answer {
    answer(App::new().configure(service::routes), request).await
}

async fn answer<T>(app: App<T>, request: TestRequest) -> Answer
where
    T: actix_web::dev::ServiceFactory<
            actix_web::dev::ServiceRequest,
            Config = (),
            Response = actix_web::dev::ServiceResponse,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
{
    let app = init_service(app).await;
    let response = call_service(&app, request.to_request()).await;
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Answer {
        status: response.status(),
        challenge: header(WWW_AUTHENTICATE),
        content_type: header(CONTENT_TYPE),
        log: response.response().error().map(ToString::to_string),
        text: String::from_utf8(read_body(response).await.to_vec()).unwrap(),
    }
}

impl Answer {
    /// The code of a problem, all of which is the same whenever the code is.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.content_type.as_deref(), Some("application/problem+json"), "{self:?}");
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem.get("status"), Some(&json!(self.status.as_u16())));
        let code = problem.get("code").unwrap().as_str().unwrap();
        assert_eq!(
            problem.get("type"),
            Some(&json!(format!("urn:portcullis:problem:{code}"))),
            "{self:?}"
        );
        code.to_owned()
    }

    /// Panics unless this is a denial that tells the caller nothing, and the log this.
    #[track_caller]
    pub(crate) fn assert_denied(&self, log: &str) {
        assert_eq!(self.status, StatusCode::FORBIDDEN, "{self:?}");
        assert_eq!(self.code(), "forbidden");
        assert_eq!(self.challenge, None);
        assert_eq!(
            self.text,
            "{\"type\":\"urn:portcullis:problem:forbidden\",\"title\":\"This is not allowed\",\
             \"status\":403,\"detail\":\"Ask an administrator for a role that may do this.\",\
             \"code\":\"forbidden\"}"
        );
        assert_eq!(self.log.as_deref(), Some(log));
    }

    /// Panics unless the handler ran.
    #[track_caller]
    pub(crate) fn assert_allowed(&self, text: &str) {
        assert!(self.status.is_success(), "{self:?}");
        assert_eq!(self.text, text);
    }
}
