//! A gRPC service by tonic whose methods are protected by Portcullis; `docs/start/grpc.md` says how to try it.
//!
//! It is the health service of gRPC, so this example needs no compiler of protocol buffers.

use portcullis_guard::access::Matrix;
use portcullis_guard::tower::Protect;
use portcullis_guard::{Ask, Claims, Guard};
use tonic::codegen::tokio_stream::Pending;
use tonic::transport::Server;
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

mod words {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}
use words::actions::List;
use words::resources::Schedule;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example has no other configuration")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let guard = Guard::builder(&issuer, "portcullis")
        .credential("scheduling", std::env::var("SCHEDULING_SECRET")?)
        .matrix(Matrix::parse(words::MATRIX)?)
        .api_keys()
        .connect()
        .await?;
    let protect = Protect::by(&guard);
    let service = HealthServer::new(Schedules { guard });
    Ok(Server::builder().layer(protect).add_service(service).serve(address.parse()?).await?)
}

struct Schedules {
    guard: Guard,
}

#[async_trait]
impl Health for Schedules {
    type WatchStream = Pending<Result<HealthCheckResponse, Status>>;

    /// Roles that may list schedules.
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let claims = request.extensions().get::<Claims>().cloned();
        let claims = claims.ok_or_else(|| Status::internal("the layer is missing"))?;
        let ask: Ask<Schedule, List> = self.guard.ask(claims);
        ask.require().map_err(|refusal| Status::permission_denied(refusal.to_string()))?;
        let status = ServingStatus::Serving.into();
        Ok(Response::new(HealthCheckResponse { status }))
    }

    /// Everybody who is signed in.
    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(tonic::codegen::tokio_stream::pending()))
    }
}
