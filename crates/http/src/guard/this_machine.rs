use std::future::{Ready, ready};

use actix_web::dev::Payload;
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
        let passed_on = request.headers().keys().any(|name| is_of_a_proxy(name.as_str()));
        let is_local = RequestContext::of(request).address.is_loopback();
        ready(if is_local && !passed_on { Ok(Self) } else { Err(Problem::new(Code::NotFound)) })
    }
}

/// Whether proxies add a header of this name, in lower case, and programs that ask for themselves
/// do not.
fn is_of_a_proxy(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "via" | "x-real-ip" | "true-client-ip" | "cf-connecting-ip")
}
