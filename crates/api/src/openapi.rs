//! What handlers and the API document share: schemas, lists of words, the rules of texts.

pub(crate) mod schema;
pub(crate) mod text;
pub(crate) mod word;
