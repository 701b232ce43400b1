//! Tests of the pepper: introduction, rotation, loss.

use crate::machine::Machine;

const PEPPER: &str = "PORTCULLIS__PASSWORDS__PEPPER";
const PREVIOUS: &str = "PORTCULLIS__PASSWORDS__PEPPER_PREVIOUS";
const OLD: &str = "f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU";
const NEW: &str = "Zt5uW1cVx8NrQ4mKj7LbYe2oHs9PgDa3";

#[test]
fn a_pepper_is_introduced_rotated_and_missed_by_doctor_when_it_is_lost() {
    let mut machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let peppers = |machine: &Machine| {
        let checks = machine.run(&["doctor", "--json"]).json()["checks"].clone();
        let check = checks.as_array().unwrap().iter().find(|check| check["name"] == "peppers");
        let check = check.unwrap().clone();
        (check["status"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
    };
    assert_eq!(peppers(&machine).1, "no password hash has a pepper");
    machine.set(PEPPER, OLD);
    machine.serve().sign_in("ada");
    assert_eq!(peppers(&machine).1, "the pepper of every password hash is configured");
    machine.set(PEPPER, NEW);
    let (status, detail) = peppers(&machine);
    assert!(status == "failed" && detail.starts_with("1 accounts"), "{status}: {detail}");
    machine.set(PREVIOUS, OLD);
    machine.serve().sign_in("ada");
    machine.unset(PREVIOUS);
    assert_eq!(peppers(&machine).0, "ok");
    machine.serve().sign_in("ada");

    machine.set(PREVIOUS, NEW);
    let same = machine.run(&["config", "check", "--json"]).exits_with(2).stdout;
    assert!(same.contains("is the same as the pepper in use"), "{same}");
    machine.set(PREVIOUS, "short");
    let short = machine.run(&["config", "check", "--json"]).exits_with(2).stdout;
    assert!(short.contains("at least 32 bytes") && !short.contains(OLD), "{short}");
}
