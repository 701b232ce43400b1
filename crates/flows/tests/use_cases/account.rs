use portcullis_testkit::samples;

use crate::house::House;

#[test]
fn an_account_is_read_as_it_is_stored_now() {
    let house = House::new();
    let (ada, node) = (house.enrol("ada"), house.node());
    assert_eq!(node.accounts.read(ada.id).unwrap().as_deref(), Some(&ada));
    house.database.store().execute("UPDATE accounts SET role = 'auditor'").unwrap();
    let read = node.accounts.read(ada.id).unwrap().unwrap();
    assert_eq!(read.role.as_str(), "auditor");
}

#[test]
fn what_was_just_read_is_at_hand_without_the_database() {
    let house = House::new();
    let (ada, grace, node) = (house.enrol("ada"), house.enrol("grace"), house.node());
    assert_eq!(node.accounts.recent(ada.id), None);
    // The cache goes by the real clock, and the machine may stall for longer than it remembers.
    let recent = (0..10).find_map(|_| {
        node.accounts.read(ada.id).unwrap();
        node.accounts.recent(ada.id)
    });
    assert_eq!(recent.as_deref(), Some(&ada));
    assert_eq!(node.accounts.recent(grace.id), None);
}

#[test]
fn one_of_many_readers_renews_an_account_that_was_read_a_while_ago() {
    let house = House::new();
    let (ada, node) = (house.enrol("ada"), house.node());
    let claims = (0..10).map(|_| node.accounts.claim_renewal(ada.id));
    assert_eq!(claims.filter(|claimed| *claimed).count(), 1, "nobody has read it yet");
    node.accounts.read(ada.id).unwrap();
    while !node.accounts.claim_renewal(ada.id) {
        std::thread::yield_now();
    }
    let claimed_at_once = portcullis_testkit::at_once(8, |_| node.accounts.claim_renewal(ada.id));
    assert!(!claimed_at_once.contains(&true), "it is being read: {claimed_at_once:?}");
}

#[test]
fn an_account_that_is_not_there_is_nobody() {
    let house = House::new();
    let (ada, node) = (house.enrol("ada"), house.node());
    house.database.store().execute("DELETE FROM accounts").unwrap();
    for id in [ada.id, samples::account("nobody").id] {
        assert_eq!(node.accounts.read(id).unwrap(), None);
        assert_eq!(node.accounts.recent(id), None);
    }
}
