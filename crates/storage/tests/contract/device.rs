//! Contract of `DeviceStore`, and of the device of a sign-in.

use std::time::Duration;

use portcullis_audit::EventKind;
use portcullis_domain::{Account, SystemRandom};
use portcullis_flows::effects::Effects;
use portcullis_flows::node::retention::RetentionStore;
use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_flows::sign_in::device::{
    DeviceStore, DeviceUse, MAX_DEVICES, SignInDevice, UsedDevice,
};
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::DeviceId;

use crate::family::Presented;
use crate::inspect::count;
use crate::member::{SignIn, ended, ending, enrol};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn sign_in(store: &Store, account: &Account, shown: SignInDevice) -> (SignIn, UsedDevice) {
    let device = DeviceUse { shown, fresh: DeviceId::generate(&SystemRandom) };
    let sign_in = SignIn { device: Some(device), ..SignIn::of(account, NOW) };
    match sign_in.open(store) {
        SessionOpeningResult::Done { device, .. } => (sign_in, device.unwrap()),
        other => panic!("{other:?}"),
    }
}

fn known(used: UsedDevice) -> SignInDevice {
    SignInDevice::Known { id: used.id, generation: used.rotated.unwrap(), rotates: true }
}

#[test]
fn of_eight_sign_ins_at_once_with_one_cookie_one_rotates_it() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let (_, first) = sign_in(store, &ada, SignInDevice::Unknown);
        assert_eq!(first.rotated, Some(1));
        let used = at_once(8, |_| sign_in(store, &ada, known(first)).1);
        assert!(used.iter().all(|used| used.id == first.id), "{used:?}");
        let mut rotated: Vec<u32> = used.iter().filter_map(|used| used.rotated).collect();
        assert_eq!((rotated.pop(), rotated.is_empty()), (Some(2), true), "{used:?}");
        assert_eq!(store.device(ada.id, first.id).unwrap().unwrap().generation, 2);
        assert_eq!(count(store, "devices"), 1);
    });
}

#[test]
fn a_reused_cookie_and_one_of_another_account_open_a_new_device() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let (_, first) = sign_in(store, &ada, SignInDevice::Unknown);
        let (_, of_grace) = sign_in(store, &grace, known(first));
        assert_ne!(of_grace.id, first.id);
        assert!(store.device(grace.id, first.id).unwrap().is_none());
        let (_, second) = sign_in(store, &ada, SignInDevice::Reused(of_grace.id));
        assert!(store.device(grace.id, of_grace.id).unwrap().is_some(), "that of another stays");
        let (_, third) = sign_in(store, &ada, SignInDevice::Reused(first.id));
        assert!(store.device(ada.id, first.id).unwrap().is_none());
        let mut ids: Vec<_> = store.devices(ada.id).unwrap().into_iter().map(|it| it.id).collect();
        ids.sort_by_key(|id| *id.as_bytes());
        let mut expected = vec![second.id, third.id];
        expected.sort_by_key(|id| *id.as_bytes());
        assert_eq!(ids, expected);
    });
}

#[test]
fn an_account_keeps_fifty_devices_and_forgets_the_one_unused_for_longest() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let first = sign_in(store, &ada, SignInDevice::Unknown).1;
        for _ in 0..MAX_DEVICES {
            database.clock().advance(SECOND);
            sign_in(store, &ada, SignInDevice::Unknown);
        }
        let devices = store.devices(ada.id).unwrap();
        assert_eq!(devices.len(), 50);
        assert!(devices.iter().all(|device| device.id != first.id));
        assert!(devices.is_sorted_by(|one, other| one.last_used_at >= other.last_used_at));
    });
}

#[test]
fn two_hundred_sign_ins_without_a_cookie_forget_no_device_that_came_back() {
    TestDatabase::on_both_crowded(|database| {
        let (store, clock) = (database.store(), database.clock());
        let ada = enrol(store, "ada");
        let is_stored = |used: UsedDevice| store.device(ada.id, used.id).unwrap().is_some();
        let (of_week, week) = sign_in(store, &ada, SignInDevice::Unknown);
        clock.advance(DAY);
        Presented::first(&of_week, NOW + DAY).rotated(store);
        let (_, returned) = sign_in(store, &ada, SignInDevice::Unknown);
        let (_, returned) = sign_in(store, &ada, known(returned));
        let (_, seen_once) = sign_in(store, &ada, SignInDevice::Unknown);
        for number in 0..200 {
            clock.advance(SECOND);
            let (_, used) = sign_in(store, &ada, SignInDevice::Unknown);
            assert!(is_stored(used), "{number}: that of the present sign-in");
        }
        assert!(is_stored(week) && is_stored(returned), "a refresh and a sign-in");
        assert!(!is_stored(seen_once), "nothing tells it from those of the others");
        assert_eq!(count(store, "devices"), 50);

        // The others come back too, on the same day.
        for _ in 0..60 {
            clock.advance(SECOND);
            let (_, used) = sign_in(store, &ada, SignInDevice::Unknown);
            sign_in(store, &ada, known(used));
        }
        assert!(is_stored(week) && !is_stored(returned));
        at_once(8, |_| drop(sign_in(store, &ada, SignInDevice::Unknown)));
        assert!(is_stored(week));
        assert_eq!(count(store, "devices"), 50);
    });
}

#[test]
fn a_forgotten_device_ends_its_sessions_and_no_others() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let (one, device) = sign_in(store, &ada, SignInDevice::Unknown);
        let (two, _) = sign_in(store, &ada, known(device));
        let (other, _) = sign_in(store, &ada, SignInDevice::Unknown);
        let ending = ending(EventKind::DeviceForgotten, NOW);
        let effects = |_: &_| Effects::default();
        let forgotten = store.forget_device(ada.id, device.id, ending, &effects).unwrap();
        let mut sessions = ended(&forgotten.unwrap());
        sessions.sort_unstable();
        let mut expected = vec![one.session.id, two.session.id];
        expected.sort_unstable();
        assert_eq!(sessions, expected);
        assert!(store.forget_device(ada.id, device.id, ending, &effects).unwrap().is_none());
        let live = "sessions WHERE ended_at IS NULL";
        assert_eq!(count(store, live), 1, "{}", other.session.id);
    });
}

#[test]
fn a_device_goes_when_neither_a_sign_in_nor_a_refresh_has_used_it() {
    TestDatabase::on_both(|database| {
        let (store, clock) = (database.store(), database.clock());
        let ada = enrol(store, "ada");
        let (_, idle) = sign_in(store, &ada, SignInDevice::Unknown);
        let (refreshing, used) = sign_in(store, &ada, SignInDevice::Unknown);
        clock.advance(20 * DAY);
        Presented::first(&refreshing, NOW + 20 * DAY).rotated(store);
        let last_used_at = store.device(ada.id, used.id).unwrap().unwrap().last_used_at;
        assert_eq!(last_used_at, NOW + 20 * DAY);
        clock.advance(70 * DAY);
        assert_eq!(store.remove_devices(90 * DAY, 1_000).unwrap(), 0, "not yet");
        clock.advance(SECOND);
        assert_eq!(store.remove_devices(90 * DAY, 1_000).unwrap(), 1);
        assert!(store.device(ada.id, idle.id).unwrap().is_none());
        clock.advance(20 * DAY);
        assert_eq!(store.remove_devices(90 * DAY, 1_000).unwrap(), 1);
        assert_eq!(count(store, "devices"), 0);
    });
}
