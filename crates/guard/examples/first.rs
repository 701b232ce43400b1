//! The smallest axum service with a protected route; `docs/start/first.md` says how to try it.

use axum::Router;
use axum::routing::get;
use portcullis_guard::tower::Protect;
use portcullis_guard::{Claims, Guard};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let key = std::fs::read_to_string("shop.key")?;
    let guard =
        Guard::builder(&issuer, "portcullis").credential("shop", key.trim()).connect().await?;
    let app = Router::new().route("/me", get(me)).layer(Protect::by(&guard));
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, app).await?)
}

async fn me(caller: Claims) -> String {
    format!("{} in the role {}\n", caller.account, caller.role)
}
