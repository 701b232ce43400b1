//! Mailed links: the secret is in the query of the page, and then a hidden field of its form.
//!
//! The page itself spends nothing: mail programs follow links before people do.

use actix_web::HttpRequest;
use portcullis_web::{Code, Problem};

use crate::page::query_value;

/// The key of the secret, as in mails.
pub(super) const TOKEN: &str = "token";

/// The maximum length of a secret in bytes.
const MAX_LENGTH: usize = 256;

/// The secret of the link that has led to this page.
pub(super) fn token(request: &HttpRequest) -> Result<String, Problem> {
    let token = query_value(request, TOKEN).filter(|token| !token.is_empty());
    token.filter(|token| token.len() <= MAX_LENGTH).ok_or_else(|| Problem::new(Code::InvalidLink))
}
