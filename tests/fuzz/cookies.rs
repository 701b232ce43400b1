//! A cookie is read under its exact name and as it was sent, or not at all, and two are refused.
#![no_main]

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::test::TestRequest;
use actix_web::web::Data;
use libfuzzer_sys::fuzz_target;
use portcullis_domain::ExposeSecret;
use portcullis_web::{Code, CookieName, Settings, cookie};

const NAMES: [(CookieName, &str); 3] = [
    (CookieName::AccessToken, "access_token"),
    (CookieName::Binding, "refresh_binding"),
    (CookieName::Device, "device"),
];

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let is_secure = choice & 4 == 0;
    let (name, plain) = NAMES[usize::from(choice & 3) % NAMES.len()];
    let wanted = if is_secure { format!("__Host-{plain}") } else { plain.to_owned() };
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, line);
        }
    }
    let others = values(&headers, wanted.as_bytes());
    assert_eq!(read(&headers, name, is_secure), expected(&others), "{headers:?}");

    // What a browser sends beside anything else is read back, unless there is another of its name.
    let own = HeaderValue::from_str(&format!("{wanted}=eyJ0.e30.c2ln")).expect("a field value");
    headers.append(header::COOKIE, own);
    let all = [others, vec![b"eyJ0.e30.c2ln".to_vec()]].concat();
    assert_eq!(read(&headers, name, is_secure), expected(&all), "{headers:?}");
});

/// The cookie that the server reads.
fn read(headers: &HeaderMap, name: CookieName, is_secure: bool) -> Result<Option<Vec<u8>>, Code> {
    let scheme = if is_secure { "https" } else { "http" };
    let settings = Settings::new(format!("{scheme}://auth.example.org"));
    let mut request = TestRequest::default().app_data(Data::new(settings));
    for line in headers.get_all(header::COOKIE) {
        request = request.append_header((header::COOKIE, line.clone()));
    }
    match cookie(&request.to_http_request(), name) {
        Ok(value) => Ok(value.map(|value| value.expose_secret().as_bytes().to_vec())),
        Err(problem) => Err(problem.code),
    }
}

/// The values of one name: between semicolons, without the blanks of HTTP (space and tab) around it,
/// up to the first equals sign. A pair that is not UTF-8 does not count.
fn values(headers: &HeaderMap, wanted: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        for mut pair in line.as_bytes().split(|byte| *byte == b';') {
            if std::str::from_utf8(pair).is_err() {
                continue;
            }
            while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = pair {
                pair = rest;
            }
            if let Some([b'=', value @ ..]) = pair.strip_prefix(wanted) {
                found.push(value.to_vec());
            }
        }
    }
    found
}

fn expected(values: &[Vec<u8>]) -> Result<Option<Vec<u8>>, Code> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value.clone()).filter(|value| !value.is_empty())),
        _ => Err(Code::AmbiguousCredentials),
    }
}
