use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

use super::Guard;
use super::requirement::{Audience, Requirement};
use crate::problem::{Code, Problem};
use crate::request::RequestContext;

/// A program on this machine. For everybody else there is nothing here.
///
/// What a proxy has passed on does not count, whatever it says of the client: a proxy on this
/// machine that nobody has declared would let the whole world in.
pub(crate) struct ThisMachine;

impl Guard for ThisMachine {
    const REQUIREMENT: Requirement = Requirement::of(Audience::ThisMachine);
}

impl FromRequest for ThisMachine {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let passed_on = [header::FORWARDED, header::X_FORWARDED_FOR, header::VIA]
            .iter()
            .any(|name| request.headers().contains_key(name));
        let is_local = RequestContext::of(request).address.is_loopback();
        ready(if is_local && !passed_on { Ok(Self) } else { Err(Problem::new(Code::NotFound)) })
    }
}
