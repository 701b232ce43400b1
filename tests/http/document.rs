//! The API document: generated from the code, complete, with an example of every type.

use std::collections::BTreeSet;

use portcullis_api::{document, route_table};
use portcullis_testkit::{Browser, TestDatabase, TestServer, contract};
use portcullis_web::Audience;
use serde_json::{Map, Value, json};

use crate::member::Member;

#[test]
fn the_document_is_served_as_openapi_3_1() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/api/openapi.json", &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text, document());
    assert!(answer.field("openapi").starts_with("3.1."));
    let document = answer.json();
    for member in ["title", "version", "description"] {
        assert!(document["info"][member].is_string(), "{member}");
    }
}

#[test]
fn its_operations_are_the_table_of_routes() {
    let table: BTreeSet<(String, String)> = route_table()
        .iter()
        .map(|route| (route.method.as_str().to_lowercase(), route.path.to_owned()))
        .collect();
    let documented: BTreeSet<(String, String)> =
        operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(documented, table);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let target = document.pointer(reference.trim_start_matches('#'));
                    assert!(target.is_some(), "{reference}");
                }
                members.values().for_each(|member| check(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let document = parsed();
    check(&document, &document);
}

#[test]
fn every_operation_has_a_name_a_summary_and_the_credentials_of_its_guard() {
    let names: BTreeSet<String> =
        operations().iter().map(|(_, _, operation)| operation["operationId"].to_string()).collect();
    assert_eq!(names.len(), route_table().len(), "{names:?}");
    for (method, path, operation) in operations() {
        assert!(operation["summary"].is_string(), "{method} {path}");
        let routes = route_table();
        let route = routes.iter().find(|route| {
            route.path == path && route.method.as_str().eq_ignore_ascii_case(&method)
        });
        let authenticated = route.is_some_and(|route| {
            route.guard.is_signed_in() || route.guard.audience == Audience::Service
        });
        assert_eq!(takes_credentials(&operation), authenticated, "{method} {path}");
    }
}

#[test]
fn every_body_has_an_example() {
    let document = parsed();
    for (method, path, operation) in operations() {
        let request = operation["requestBody"]["content"].as_object().into_iter().flatten();
        let responses = operation["responses"].as_object().into_iter().flatten();
        let answers = responses
            .flat_map(|(_, response)| response["content"].as_object().into_iter().flatten());
        for (content_type, content) in request.chain(answers) {
            assert!(
                has_example(content, &document),
                "{method} {path}: {content_type} has no example: {content}"
            );
        }
    }
}

#[test]
fn every_success_has_a_body_unless_its_status_says_everything() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().expect("there are responses");
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() < "400") {
            let has_body = response["content"].as_object().is_some_and(|it| !it.is_empty());
            // RFC 7009 section 2.2: the status says everything.
            let is_empty = status == "204" || path == "/api/auth/revoke";
            assert_eq!(has_body, !is_empty, "{method} {path} {status}");
        }
    }
}

#[test]
fn every_json_answer_has_a_schema_that_names_all_of_its_members() {
    let mut seen = 0;
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().expect("there are responses");
        let contents = responses
            .values()
            .flat_map(|response| response["content"].as_object().into_iter().flatten());
        for (content_type, content) in contents.filter(|(name, _)| name.contains("json")) {
            // The document itself has the schema of OpenAPI, and the last line of a snapshot differs
            // from the others.
            let is_exempt = ["/api/openapi.json", "/api/revocations/snapshot"];
            if is_exempt.contains(&path.as_str()) && content_type != "application/problem+json" {
                continue;
            }
            let is_lines = content_type == "application/jsonl";
            let schema = &content[if is_lines { "x-itemSchema" } else { "schema" }];
            assert_eq!(unnamed(schema, &mut Vec::new()), None, "{method} {path} {content_type}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} answers");
}

#[test]
fn an_answer_with_a_member_that_the_document_does_not_name_is_found() {
    let schema = json!({ "$ref": "#/components/schemas/MatrixDiff" });
    let words = json!({ "added": [], "removed": [] });
    let mut answer = json!({ "roles": words, "resources": words, "actions": words,
        "self_registration_role": null, "hierarchy": [], "cells": [], "cells_left_out": 0 });
    assert_eq!(contract::answer_fault(&schema, &answer), None);
    answer["roles"]["renamed"] = json!([]);
    assert_eq!(contract::fault(&schema, &answer), None, "clients must expect more members");
    let fault = contract::answer_fault(&schema, &answer).unwrap_or_default();
    assert!(fault.contains("renamed") && fault.ends_with("/roles"), "{fault}");
}

/// A place in a schema that allows any value, other than the attributes of a permission check.
fn unnamed(schema: &Value, seen: &mut Vec<String>) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        if seen.iter().any(|known| known == reference) {
            return None;
        }
        seen.push(reference.to_owned());
        return unnamed(contract::document().pointer(&reference[1..])?, seen);
    }
    for group in ["oneOf", "anyOf", "allOf"] {
        if let Some(some) = schema[group].as_array() {
            return some.iter().find_map(|schema| unnamed(schema, seen));
        }
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    if types.contains(&Value::Null) {
        return Some(schema.to_string());
    }
    if types.iter().any(|name| name == "array") {
        return unnamed(&schema["items"], seen);
    }
    if !types.iter().any(|name| name == "object") {
        return None;
    }
    let properties = schema["properties"].as_object();
    if properties.is_none() && schema["additionalProperties"].is_null() {
        return Some(schema.to_string());
    }
    let mut properties = properties.into_iter().flatten();
    let found = properties
        .find_map(|(name, it)| if name == "attributes" { None } else { unnamed(it, seen) });
    let more = &schema["additionalProperties"];
    found.or_else(|| if more.is_object() { unnamed(more, seen) } else { None })
}

#[test]
fn every_answer_below_400_is_one_that_the_route_gives() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().expect("there are responses");
        let good: Vec<&String> =
            responses.keys().filter(|status| status.as_str() < "400").collect();
        // The configuration decides whether a registration creates the account or mails a link.
        let expected =
            if path == "/api/auth/register" { vec!["201", "202"] } else { vec![&**good[0]] };
        assert_eq!(good, expected, "{method} {path}");
    }
}

#[test]
fn every_error_has_an_example_of_each_of_its_codes() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().expect("there are responses");
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let content = &response["content"]["application/problem+json"];
            let examples = content["examples"].as_object().expect("errors have examples");
            assert!(!examples.is_empty(), "{method} {path} {status}");
            for (code, example) in examples {
                let value = &example["value"];
                assert_eq!(value["code"], code.as_str(), "{method} {path}");
                assert_eq!(value["status"].to_string(), *status, "{method} {path}");
                assert!(value["request_id"].is_string(), "{method} {path}");
            }
        }
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let mut seen = 0;
    for (method, path, operation) in operations() {
        for (content_type, content) in contents(&operation) {
            if !content_type.ends_with("json") && !content_type.ends_with("urlencoded") {
                continue;
            }
            let named = content["examples"].as_object().into_iter().flatten();
            let mut examples: Vec<Value> = named.map(|(_, it)| it["value"].clone()).collect();
            examples.extend(content.get("example").cloned());
            examples.extend(composed(&content["schema"]));
            for example in examples {
                let fault = contract::answer_fault(&content["schema"], &example);
                assert_eq!(fault, None, "{method} {path}: {example}");
                seen += 1;
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if let Some(example) = parameter.get("example") {
                let fault = contract::fault(&parameter["schema"], example);
                assert_eq!(fault, None, "{method} {path}: {parameter}");
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "{seen} examples");
}

#[test]
fn the_server_takes_every_request_of_the_examples() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let mut seen = 0;
    for (method, path, operation) in operations() {
        let Some(content) = operation["requestBody"]["content"].get("application/json") else {
            continue;
        };
        let body = composed(&content["schema"]).expect("a body has an example");
        let path = path.replace("{id}", "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11");
        let headers = [("content-type", "application/json")];
        let method = method.to_uppercase();
        let answer = if takes_credentials(&operation) {
            admin.send(&method, &path, &headers, &body.to_string())
        } else {
            Browser::of(&server).send(&method, &path, &headers, &body.to_string())
        };
        let refused_for_its_form = [400, 413, 415, 422].contains(&answer.status);
        assert!(!refused_for_its_form, "{method} {path}: {}: {body}", answer.text);
        seen += 1;
    }
    assert!(seen > 10, "{seen} requests");
}

#[test]
fn a_parameter_that_the_server_takes_for_malformed_is_not_as_its_schema_says() {
    for (path, name, good, bad) in [
        (
            "/api/admin/audit",
            "address",
            &["192.0.2.7", "2001:db8::7"][..],
            &["", "0", "10.0.0.0/8"][..],
        ),
        ("/api/admin/audit/export", "address", &["192.0.2.7"], &["localhost"]),
        ("/api/admin/audit", "from", &["1970-01-01T00:00:00Z"], &["1067-09-24T18:48:16Z"]),
        ("/api/revocations", "after", &["0", "4711.5f1c9a7e"], &["", "00", "1", "1.5F1C9A7E"]),
        ("/api/revocations", "Last-Event-ID", &["4711.5f1c9a7e"], &["", "4711"]),
    ] {
        let pointer = format!("/paths/{}/get/parameters", path.replace('/', "~1"));
        let parameters = contract::document().pointer(&pointer).and_then(Value::as_array);
        let mut parameters = parameters.into_iter().flatten();
        let schema = &parameters.find(|it| it["name"] == name).expect("it is documented")["schema"];
        for value in good {
            assert_eq!(contract::fault(schema, &json!(value)), None, "{path} {name}");
        }
        for value in bad {
            assert!(contract::fault(schema, &json!(value)).is_some(), "{path} {name}: {value}");
        }
    }
    let replay = json!({ "$ref": "#/components/schemas/ReplayBody" });
    let fault = |until| contract::fault(&replay, &json!({ "text": "", "until": until }));
    assert_eq!(fault("1970-01-01T00:00:00Z"), None);
    assert!(fault("1067-09-24T18:48:16Z").is_some());
}

/// True if the operation requires a credential. A public one has an empty list.
fn takes_credentials(operation: &Value) -> bool {
    let accepted = operation["security"].as_array().expect("an operation states its credentials");
    !accepted.is_empty()
}

/// The content types of the request and of every answer, with their descriptions.
fn contents(operation: &Value) -> Vec<(String, Value)> {
    let request = operation["requestBody"]["content"].as_object().into_iter().flatten();
    let responses = operation["responses"].as_object().into_iter().flatten();
    let answers =
        responses.flat_map(|(_, response)| response["content"].as_object().into_iter().flatten());
    request.chain(answers).map(|(name, content)| (name.clone(), content.clone())).collect()
}

/// The example of a schema, or one built from the examples of its properties and elements.
fn composed(schema: &Value) -> Option<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return composed(contract::document().pointer(reference.trim_start_matches('#'))?);
    }
    let first = schema["examples"].as_array().and_then(|examples| examples.first());
    if let Some(example) = schema.get("example").or(first) {
        return Some(example.clone());
    }
    if schema["type"] == "array" {
        return Some(Value::Array(vec![composed(&schema["items"])?]));
    }
    let properties = schema["properties"].as_object()?;
    let examples = properties.iter().filter_map(|(name, it)| Some((name.clone(), composed(it)?)));
    let examples = examples.collect::<Map<_, _>>();
    let mut required = schema["required"].as_array().into_iter().flatten();
    let is_whole = required.all(|name| name.as_str().is_some_and(|it| examples.contains_key(it)));
    is_whole.then_some(Value::Object(examples))
}

fn parsed() -> Value {
    serde_json::from_str(&document()).expect("the document is JSON")
}

/// Method, path and description of every operation.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let document = parsed();
    let paths = document["paths"].as_object().expect("there are paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path has operations");
        item.iter().map(|(method, operation)| (method.clone(), path.clone(), operation.clone()))
    });
    operations.collect()
}

/// True if the content, its schema, or every property or element of its schema has an example.
fn has_example(content: &Value, document: &Value) -> bool {
    let own = content.get("example").is_some() || content.get("examples").is_some();
    own || schema_has_example(&content["schema"], document)
}

fn schema_has_example(schema: &Value, document: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return target.is_some_and(|target| schema_has_example(target, document));
    }
    if schema.get("example").is_some() || schema.get("examples").is_some() {
        return true;
    }
    if schema["type"] == "array" {
        return schema_has_example(&schema["items"], document);
    }
    // A value that may be null.
    if let Some(some) = schema["oneOf"].as_array() {
        let mut values = some.iter().filter(|one| one["type"] != "null").peekable();
        return values.peek().is_some() && values.all(|one| schema_has_example(one, document));
    }
    let properties = schema["properties"].as_object();
    properties.is_some_and(|properties| {
        properties.values().all(|property| schema_has_example(property, document))
    })
}
