//! Tests of `backup` and `restore` on the machine of an operator.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::machine::Machine;

const PASSPHRASE: &str = "plover xylem quartz forty-one\n";

#[test]
fn a_backup_with_a_passphrase_is_restored_on_another_machine_with_the_secret_key() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let file = machine.path("backup");
    let file = file.to_str().unwrap();
    let backup = ["backup", file, "--passphrase-stdin"];
    let said = machine.run_with_stdin(&backup, "short\n").exits_with(1).stderr;
    assert!(said.contains("12 characters"), "{said}");
    let said = machine.run_with_stdin(&backup, PASSPHRASE).exits_with(0).stdout;
    assert!(said.contains(", encrypted, ") && said.contains("secret_key"), "{said}");
    assert_eq!(names(&machine, "data"), ["portcullis.db", "secret_key"]);

    let other = Machine::new();
    let restore = ["restore", file, "--passphrase-stdin"];
    let said = other.run_with_stdin(&restore, PASSPHRASE).exits_with(1).stderr;
    assert!(said.contains("no secret key"), "{said}");
    assert!(!other.path("data").exists(), "nothing was written");
    fs::create_dir(other.path("data")).unwrap();
    fs::copy(machine.path("data/secret_key"), other.path("data/secret_key")).unwrap();
    let said = other.run_with_stdin(&restore, PASSPHRASE).exits_with(0).stdout;
    assert!(said.contains("The audit log is intact."), "{said}");
    assert_eq!(names(&other, "data"), ["portcullis.db", "secret_key"]);
    let accounts = other.run(&["user", "list", "--json"]).exits_with(0).stdout;
    assert!(accounts.contains("\"ada\""), "{accounts}");

    // The former database is kept.
    let replace = ["restore", file, "--passphrase-stdin", "--replace"];
    let said = other.run_with_stdin(&replace, PASSPHRASE).exits_with(0).stdout;
    assert!(said.contains("The former database is kept in "), "{said}");
    assert_eq!(names(&other, "data").len(), 3);
    other.serve().stop();
}

#[test]
fn a_restore_ends_revoked_keys_and_keeps_them_on_demand() {
    let machine = Machine::new();
    let service = ["service", "create", "--username", "scheduling", "--email", "ops@example.org"];
    machine.run(&[&service[..], &["--role", "msa"]].concat()).exits_with(0);
    let create = ["api-key", "create", "--username", "scheduling", "--name", "feed"];
    machine.run(&[&create[..], &["--scope", "schedule:read"]].concat()).exits_with(0);
    let file = machine.path("backup");
    let file = file.to_str().unwrap();
    machine.run(&["backup", file]).exits_with(0);
    let restored = |more: &[&str]| {
        let arguments = [&["restore", file, "--replace", "--json"], more].concat();
        machine.run(&arguments).exits_with(0).json()["voided"]["api_keys"].clone()
    };
    assert_eq!(restored(&["--keep-credentials"]), 0);
    assert_eq!(restored(&[]), 1);
}

#[test]
fn a_killed_restore_leaves_a_database_that_works_and_the_next_one_succeeds() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let file = machine.path("backup");
    let file = file.to_str().unwrap();
    machine.run(&["backup", file]).exits_with(0);
    // As killed restores and backups leave them.
    for (name, text) in [("portcullis.db.restore", "half"), ("portcullis.db.backup", "half")] {
        fs::write(machine.path("data").join(name), text).unwrap();
    }
    machine.serve().stop();
    machine.run(&["backup", &format!("{file}2")]).exits_with(0);
    machine.run(&["restore", file, "--replace"]).exits_with(0);
    assert!(!names(&machine, "data").iter().any(|name| name.ends_with(".restore")));
    machine.serve().stop();
}

#[test]
fn a_link_beside_the_database_leads_neither_a_backup_nor_a_restore_to_another_file() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let file = machine.path("backup");
    let file = file.to_str().unwrap();
    machine.run(&["backup", file]).exits_with(0);
    let (database, victim) = (machine.path("data/portcullis.db"), machine.path("victim"));
    let links: [fn(&Path, &Path) -> io::Result<()>; 2] =
        [|to, link| symlink(to, link), |to, link| fs::hard_link(to, link)];
    for link in links {
        for (suffix, arguments) in
            [("backup", vec!["backup", "another"]), ("restore", vec!["restore", file, "--replace"])]
        {
            fs::write(&victim, "untouched").unwrap();
            let planted = database.with_extension(format!("db.{suffix}"));
            link(&victim, &planted).unwrap();
            machine.run(&arguments).exits_with(1);
            assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched", "{suffix}");
            assert!(fs::symlink_metadata(&database).unwrap().is_file());
            fs::remove_file(&planted).unwrap();
            fs::remove_file(&victim).unwrap();
        }
    }
    machine.run(&["backup", machine.path("another").to_str().unwrap()]).exits_with(0);
}

fn names(machine: &Machine, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(machine.path(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    names
}
