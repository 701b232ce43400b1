//! Any text is the URL of a Redis or is refused, and an error does not quote it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_domain::SecretString;
use portcullis_redis::RedisUrl;

fuzz_target!(|text: &str| {
    let url = RedisUrl::parse(&SecretString::from(text));
    if let Err(error) = &url {
        assert_eq!(error.to_string(), "is not the URL of a Redis");
    }
    let is_scheme = ["redis://", "rediss://", "redis+", "rediss+"];
    assert!(url.is_err() || is_scheme.iter().any(|scheme| text.starts_with(scheme)));
    assert!(url.is_err() || !text.contains('#'));
});
