//! The Redis server for tests.

/// The environment variable with the URL of the Redis for tests; `tests/run` sets it.
const REDIS: &str = "PORTCULLIS_TEST_REDIS";

/// The URL of the Redis that all tests share. A missing server is a failure; the test is never
/// skipped.
pub fn redis_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the address over this way")]
    let url = std::env::var(REDIS);
    url.unwrap_or_else(|_| panic!("{REDIS} is not set: run the tests with tests/run"))
}
