//! Rules for all texts of requests, added to the document in one place: no forbidden characters,
//! and at most 256 bytes in a query.
//!
//! A text with a format of its own, such as a time or a matrix file, is described by that format.

use std::collections::BTreeSet;

use portcullis_web::MAX_TEXT_BYTES;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, SchemaType, Type};
use utoipa::openapi::{Components, Content, Object, RefOr, Schema};

/// Excludes everything that [`portcullis_web::has_forbidden_character`] refuses. Tag characters are
/// written literally: not every dialect of patterns can escape characters beyond U+FFFF.
pub(crate) const PATTERN: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F\\u061C\\u200E\\u200F\\u2028-\\u202E\\u2066-\\u2069\
                                  \u{e0000}-\u{e007f}\\uFFFD]*$";

/// Describes the texts of an operation's parameters.
pub(crate) fn describe_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in == ParameterIn::Query
            && let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
            && is_plain_text(object)
        {
            object.pattern.get_or_insert_with(|| PATTERN.to_owned());
            object.max_length.get_or_insert(MAX_TEXT_BYTES);
        }
    }
}

/// The names of the schemas of an operation's body.
pub(crate) fn body_schemas(operation: &Operation) -> impl Iterator<Item = String> + '_ {
    let body = operation.request_body.iter().filter_map(|body| match body {
        RefOr::T(body) => Some(body),
        RefOr::Ref(_) => None,
    });
    let contents = body.flat_map(|body| body.content.values());
    contents.filter_map(|content| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) => {
            Some(name(&reference.ref_location).to_owned())
        }
        _ => None,
    })
}

/// Describes the texts of these schemas and of all schemas that they refer to.
pub(crate) fn describe_bodies(components: &mut Components, names: BTreeSet<String>) {
    let mut waiting: Vec<String> = names.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if seen.insert(name.clone())
            && let Some(schema) = components.schemas.get_mut(&name)
        {
            describe(schema, &mut waiting);
        }
    }
}

fn describe(schema: &mut RefOr<Schema>, waiting: &mut Vec<String>) {
    match schema {
        RefOr::Ref(reference) => waiting.push(name(&reference.ref_location).to_owned()),
        RefOr::T(Schema::Object(object)) => {
            if is_plain_text(object) {
                object.pattern.get_or_insert_with(|| PATTERN.to_owned());
            }
            object.properties.values_mut().for_each(|property| describe(property, waiting));
            if let Some(more) = &mut object.additional_properties
                && let AdditionalProperties::RefOr(more) = &mut **more
            {
                describe(more, waiting);
            }
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                describe(items, waiting);
            }
        }
        RefOr::T(Schema::OneOf(any)) => {
            any.items.iter_mut().for_each(|item| describe(item, waiting));
        }
        RefOr::T(Schema::AllOf(all)) => {
            all.items.iter_mut().for_each(|item| describe(item, waiting));
        }
        RefOr::T(Schema::AnyOf(any)) => {
            any.items.iter_mut().for_each(|item| describe(item, waiting));
        }
        RefOr::T(_) => {}
    }
}

/// True for a text without a format or a list of words.
fn is_plain_text(object: &Object) -> bool {
    let is_text = match &object.schema_type {
        SchemaType::Type(one) => *one == Type::String,
        SchemaType::Array(some) => some.contains(&Type::String),
        SchemaType::AnyValue => false,
    };
    is_text && object.format.is_none() && object.enum_values.is_none()
}

fn name(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}
