//! The smallest axum service with a protected route; `docs/start/first.md` says how to try it.

use axum::Router;
use axum::routing::get;
use portcullis_guard::tower::Protect;
use portcullis_guard::{Claims, Guard};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::fs::read_to_string("shop.key")?;
    let guard = Guard::builder("http://127.0.0.1:8080", "portcullis")
        .credential("shop", key.trim())
        .connect()
        .await?;
    let app = Router::new().route("/me", get(me)).layer(Protect::by(&guard));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8090").await?;
    Ok(axum::serve(listener, app).await?)
}

async fn me(caller: Claims) -> String {
    format!("{} in the role {}\n", caller.account, caller.role)
}
