//! Bodies and queries: what is accepted has one reading, and nothing panics.
#![no_main]

use actix_web::test::TestRequest;
use libfuzzer_sys::fuzz_target;
use portcullis_web::{Query, SecretText, ShortText, Text, parse};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "most fields are only parsed")]
struct Fields {
    name: ShortText,
    text: Option<Text>,
    secret: Option<SecretText>,
    count: Option<u32>,
    more: Option<Vec<Fields>>,
}

fuzz_target!(|input: (&[u8], &str)| {
    let (body, query) = input;
    if let Ok(fields) = parse::<Fields>(body) {
        let reading: serde_json::Value =
            serde_json::from_slice(body).expect("a strict reading is a reading");
        assert_eq!(reading["name"], fields.name.0);
        assert!(fields.name.0.len() <= 256 && !fields.name.0.contains(char::is_control));
    }
    let Ok(uri) = actix_web::http::Uri::try_from(format!("/?{query}")) else { return };
    let request = TestRequest::default().uri(&uri.to_string()).to_http_request();
    if let Ok(query) = Query::read(&request, &["a", "b"]) {
        for value in ["a", "b"].iter().filter_map(|key| query.value(key)) {
            assert!(value.len() <= 256 && !value.contains(char::is_control));
        }
    }
});
