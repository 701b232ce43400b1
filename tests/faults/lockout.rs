//! A lockout stays after a restart of the server.

use portcullis_testkit::{Browser, TestDatabase};

use crate::environment::server_on;

#[test]
fn a_lockout_outlives_a_kill() {
    const FREE_FAILURES: u32 = 5;
    TestDatabase::on_both(|database| {
        let (mut server, _data) = server_on(&database);
        let mut browser = Browser::at(server.origin());
        assert_eq!(browser.register("ada").status, 201);
        for _ in 0..FREE_FAILURES {
            assert_eq!(browser.sign_in_with("ada", "amber-heron-paints-9-violins").status, 401);
        }
        let locked = browser.sign_in("ada");
        assert_eq!((locked.status, locked.code().as_str()), (401, "invalid_credentials"));

        server.kill();
        server.restart();

        let mut browser = Browser::at(server.origin());
        let locked = browser.sign_in("ada");
        assert_eq!((locked.status, locked.code().as_str()), (401, "invalid_credentials"));
        // The email address is a name of the same account.
        assert_eq!(browser.sign_in("ADA@example.org").status, 401);
        // Other accounts are not locked out.
        assert_eq!(browser.register("grace").status, 201);
        assert_eq!(browser.sign_in("grace").status, 200);
    });
}
