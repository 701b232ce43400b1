//! Mounting: installs routes in an application, each behind its request stack.

use std::rc::Rc;
use std::sync::Arc;

use actix_service::fn_service;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::fn_guard;
use actix_web::http::header;
use actix_web::web::ServiceConfig;
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Responder, web};

use crate::limit::{Limits, Priority, RouteRate};
use crate::problem::{Code, Problem};
use crate::request::RequestContext;
use crate::route::{Route, RouteTable, Router};
use crate::stack::{self, RouteStack};

/// Adds the routes to an application, of which each thread has one; they share the limits.
pub type Configure = Arc<dyn Fn(&mut ServiceConfig, &Arc<Limits>) + Send + Sync>;

/// Mounts routes, with guard and limit.
pub struct Mount<'a> {
    app: &'a mut ServiceConfig,
    limits: &'a Arc<Limits>,
}

impl<'a> Mount<'a> {
    /// Mounts into this application; the threads of a node share these limits.
    pub fn new(app: &'a mut ServiceConfig, limits: &'a Arc<Limits>) -> Self {
        Self { app, limits }
    }

    /// Answers every other request: 405 with `Allow` for a path of this table, else 404. The limits of
    /// the client address and of requests under way hold for them too.
    pub fn otherwise(self, table: RouteTable) {
        let (table, limits) = (Rc::new(table), Arc::clone(self.limits));
        self.app.default_service(web::to(move |request: HttpRequest| {
            let (table, limits) = (Rc::clone(&table), Arc::clone(&limits));
            async move { no_such_route(&table, &request, &limits).await }
        }));
    }
}

impl Router for Mount<'_> {
    fn add<F, Args>(&mut self, route: &'static Route, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let stack = Rc::new(RouteStack::new(route, self.limits));
        let service = fn_service(move |request: ServiceRequest| {
            let (handler, stack) = (handler.clone(), Rc::clone(&stack));
            async move {
                let (request, mut payload) = request.into_parts();
                let answer = stack.answer(&handler, &request, &mut payload).await;
                Ok::<_, Error>(ServiceResponse::new(request, answer))
            }
        });
        let method = fn_guard(|context| route.method.answers(&context.head().method));
        self.app.route(route.path, web::route().guard(method).service(service));
    }
}

async fn no_such_route(table: &RouteTable, request: &HttpRequest, limits: &Limits) -> HttpResponse {
    let (context, rate) = (RequestContext::of(request), RouteRate::General);
    if let Err(problem) = stack::enter(request, &context, limits, Priority::Low, &rate).await {
        return HttpResponse::from_error(problem);
    }
    let Some(allowed) = table.allowed_methods(request.path()) else {
        return HttpResponse::from_error(Problem::new(Code::NotFound));
    };
    let mut response = HttpResponse::from_error(Problem::new(Code::MethodNotAllowed));
    if let Ok(allow) = allowed.parse() {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
