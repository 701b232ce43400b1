//! Races of `OutboxStore`: nodes that claim at the same time.

use std::collections::BTreeSet;

use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{AttemptResult, OutboxStore};
use portcullis_testkit::{TestDatabase, at_once};

use crate::member::enrol;
use crate::outbox::{begin, claim, mail_to};

#[test]
fn of_nodes_that_claim_at_once_each_mail_goes_to_one() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for _ in 0..60 {
            store.append_effects(mail_to(&ada, Mail::Test)).unwrap();
        }
        let claimed = at_once(12, |number| {
            let lease = [u8::try_from(number).expect("few of them") + 1; 16];
            let mut mine = Vec::new();
            loop {
                let some = claim(store, lease, 3);
                if some.is_empty() {
                    return mine;
                }
                for message in some {
                    assert!(begin(store, &message, &lease));
                    let delivered = AttemptResult::Delivered;
                    assert!(store.end_attempt(message.id, &lease, &delivered).unwrap());
                    mine.push(message.id);
                }
            }
        });
        let all: Vec<_> = claimed.into_iter().flatten().collect();
        // A claim skips mails that another one holds, so the last of them may be left.
        let rest = claim(store, [99; 16], 60).len();
        assert_eq!(all.len() + rest, 60, "{database:?}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{database:?}");
    });
}
