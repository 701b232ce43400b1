//! Revocations with wrong clocks.

use std::sync::Arc;

use portcullis_domain::Clock;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestClock, TestDatabase};
use portcullis_token::{AccessClaims, LEEWAY, Revocation, RevocationEntry};

use crate::deployment::{HOUR, MINUTE};
use crate::revocation::{Cluster, claims, eager, eventually};

/// Sessions that have ended on one node, and nodes that start afterwards.
#[test]
fn a_clock_that_is_wrong_for_a_minute_brings_nothing_back_to_life() {
    let jumps: [fn(&TestClock); 2] =
        [|clock| clock.set(clock.now() + HOUR), |clock| clock.set(clock.now() - HOUR)];
    TestDatabase::on_both(|database| {
        for jump in jumps {
            let (clock, cluster) = (database.clock().clone(), Cluster::on(database.shared()));
            // Time as it passes on the node, whatever the clock of the database says.
            let node = Arc::new(TestClock::at(clock.now()));
            let cluster = Cluster { clock: node.clone(), ..cluster };
            let post = cluster.post(eager());
            post.revocations.purge().unwrap();
            let claims = AccessClaims { expires_at: clock.now() + 30 * MINUTE, ..claims() };
            post.revoke(RevocationEntry {
                revocation: Revocation::Token(claims.token),
                until: claims.expires_at + LEEWAY,
            });
            let right = clock.now();
            for _ in 0..2 {
                jump(&clock);
                node.advance(MINUTE);
                post.revocations.purge().unwrap();
                let restarted = cluster.post(eager());
                assert!(restarted.revocations.is_revoked(&claims).unwrap(), "{database:?}");
                clock.set(right + MINUTE);
            }
            post.revocations.purge().unwrap();
            for other in [post, cluster.post(eager())] {
                assert!(other.revocations.is_revoked(&claims).unwrap(), "{database:?}");
                let fresh = AccessClaims { token: samples::token(), ..claims.clone() };
                assert!(!other.revocations.is_revoked(&fresh).unwrap(), "{database:?}");
            }
        }
    });
}

/// However far the clock was ahead, and for however long: what may be forgotten is not accepted.
#[test]
fn a_clock_that_was_a_day_ahead_for_a_day_revives_no_deleted_revocation() {
    TestDatabase::on_both(|database| {
        let clock = database.clock().clone();
        let cluster = Cluster { clock: Arc::new(TestClock::at(NOW)), database };
        let post = cluster.post(eager());
        post.revocations.purge().unwrap();
        let claims = AccessClaims { expires_at: NOW + 30 * MINUTE, ..claims() };
        let entry = |token| RevocationEntry {
            revocation: Revocation::Token(token),
            until: claims.expires_at + LEEWAY,
        };
        post.revoke(entry(claims.token));
        post.revoke(entry(samples::token()));
        clock.set(NOW + 24 * HOUR);
        cluster.clock.advance(24 * HOUR);
        eventually(|| post.heard().len() == 2);
        post.revocations.purge().unwrap();
        assert_eq!(post.revocations.set().len(), 0, "it was forgotten");
        clock.set(NOW + MINUTE);
        for node in [post, cluster.post(eager())] {
            assert!(node.revocations.is_revoked(&claims).unwrap());
        }
    });
}
