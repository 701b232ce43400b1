/// The variable that names the Redis of the tests; `tests/run` sets it.
const REDIS: &str = "PORTCULLIS_TEST_REDIS";

/// The URL of the Redis that all tests share. There is no test without it: a missing server is a
/// failure, never a skip.
pub fn redis_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the address over this way")]
    let url = std::env::var(REDIS);
    url.unwrap_or_else(|_| panic!("{REDIS} is not set: run the tests with tests/run"))
}
