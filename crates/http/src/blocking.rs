use actix_web::web;

use crate::problem::{Code, Problem};

/// Runs one use case on the pool for blocking work: the one seam between async and sync.
pub(crate) async fn blocking<T, E>(
    use_case: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Send + 'static,
    Problem: From<E>,
{
    match web::block(use_case).await {
        Ok(outcome) => outcome.map_err(Problem::from),
        Err(_) => Err(Problem::new(Code::Internal)),
    }
}
