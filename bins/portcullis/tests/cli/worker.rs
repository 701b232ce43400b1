//! `portcullis worker`: the exclusive jobs without a server.

use std::collections::BTreeSet;

use std::time::Duration;

use crate::machine::{Machine, within};

const FORMER: &str = "bX7mQ2vL9sT4wE8rY1uI6oP3aD5fG0hJ";

const MINUTE: Duration = Duration::from_secs(60);

/// Each exclusive job, as the database lists the jobs that were claimed.
const EXCLUSIVE: [&str; 17] = [
    "api_keys",
    "challenges",
    "checkpoints",
    "delivered_mails",
    "devices",
    "email_changes",
    "former_bans",
    "former_emails",
    "invitations",
    "mail_allowances",
    "mail_secrets",
    "network_failures",
    "outbox",
    "pending_registrations",
    "sessions",
    "sign_in_counts",
    "sign_in_failures",
];

fn claimed(machine: &Machine) -> BTreeSet<String> {
    let ended = "SELECT name FROM jobs WHERE succeeded_at IS NOT NULL";
    machine.database().texts(ended).unwrap().into_iter().collect()
}

#[test]
fn a_worker_runs_the_exclusive_jobs_and_stops_when_told_to() {
    let machine = Machine::new();
    let worker = machine.work();
    let jobs = worker.announcement["jobs"].as_array().unwrap().iter();
    let jobs: BTreeSet<String> = jobs.map(|job| job.as_str().unwrap().to_owned()).collect();
    assert_eq!(jobs, EXCLUSIVE.map(str::to_owned).into());
    within(MINUTE, || claimed(&machine) == jobs);
    worker.stop();
}

#[test]
fn a_worker_for_once_runs_what_is_due_and_ends() {
    let machine = Machine::new();
    let names = |arguments: &[&str]| -> BTreeSet<String> {
        let ran = machine.run(arguments).exits_with(0).json();
        let due = ran["jobs"].as_array().unwrap().iter().filter(|job| job["was_due"] == true);
        due.map(|job| job["name"].as_str().unwrap().to_owned()).collect()
    };
    let once = ["worker", "--once", "--json"];
    assert_eq!(names(&once), EXCLUSIVE.map(str::to_owned).into());
    assert_eq!(claimed(&machine), EXCLUSIVE.map(str::to_owned).into());
    assert_eq!(names(&once), BTreeSet::new(), "none is due again so soon");
}

#[test]
fn a_worker_beside_a_server_writes_the_checkpoint_files_of_both() {
    let mut machine = Machine::new();
    let directory = machine.path("checkpoints");
    std::fs::create_dir(&directory).unwrap();
    machine.set("PORTCULLIS__AUDIT__CHECKPOINT_EVERY_SECONDS", "1");
    let server = machine.serve();
    machine.set("PORTCULLIS__AUDIT__CHECKPOINT_DIRECTORY", directory.to_str().unwrap());
    let worker = machine.work();
    machine.create("ada", "msa", &[]).exits_with(0);
    within(MINUTE, || std::fs::read_dir(&directory).unwrap().count() > 0);
    assert!(server.request("GET", "/health/ready", "").starts_with("HTTP/1.1 200 "));
    worker.stop();
    server.stop();
}

/// A server that still runs with the old secret key would not be able to read what was sealed anew.
#[test]
fn a_worker_leaves_the_change_of_the_secret_to_servers() {
    let mut machine = Machine::new();
    machine.set("SECRET_KEY", FORMER);
    let server = machine.serve();
    machine.set("SECRET_KEY_PREVIOUS", FORMER);
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    let done = machine.run(&["worker"]).exits_with(1);
    assert!(
        done.stderr.contains("start the servers with the new SECRET_KEY first"),
        "{}",
        done.stderr
    );
    server.stop();
    machine.serve().stop();
    machine.work().stop();
}

#[test]
fn a_worker_under_another_secret_does_nothing() {
    let mut machine = Machine::new();
    machine.serve().stop();
    machine.set("SECRET_KEY", "bX7mQ2vL9sT4wE8rY1uI6oP3aD5fG0hJ");
    let done = machine.run(&["worker"]).exits_with(1);
    assert!(done.stderr.contains("secret"), "{}", done.stderr);
}
