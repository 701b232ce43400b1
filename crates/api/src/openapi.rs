//! Parts of the API document that handlers share: schemas, lists of words, rules of texts.

pub(crate) mod schema;
pub(crate) mod text;
pub(crate) mod word;
