//! Backups while clients write, their restore elsewhere, and files that are not what they seem.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use portcullis_testkit::{Browser, ServerProcess, TestDatabase};
use serde_json::Value;

use crate::environment::{environment, folder, wait};
use crate::history::{RandomChoices, SEED};

/// Runs a command and returns its exit code and answer.
fn run(server: &ServerProcess, arguments: &[&str]) -> (i32, Value) {
    let Output { status, stdout, stderr } = server.run(&[arguments, &["--json"]].concat());
    let text = String::from_utf8_lossy(&stdout).into_owned();
    let json = serde_json::from_str(&text);
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    let code = status.code().expect("it was not killed");
    (code, json.unwrap_or_else(|_| panic!("{arguments:?}: {text}{errors}")))
}

#[track_caller]
fn refused(server: &ServerProcess, arguments: &[&str], why: &str) {
    let (code, answer) = run(server, arguments);
    assert_ne!(code, 0, "{arguments:?}: {answer}");
    assert!(answer.to_string().contains(why), "{arguments:?}: {answer}");
}

/// An empty database of the same kind, and a server that is not started.
fn elsewhere(data: &Path, blank: &TestDatabase) -> ServerProcess {
    ServerProcess::prepare(data, &environment(blank.url(), &[]))
}

/// Two databases of one kind, the second without any table.
fn on_both(test: impl Fn(&TestDatabase, TestDatabase)) {
    TestDatabase::on_both_blank(|target| {
        let source = if target.url().starts_with("sqlite") {
            TestDatabase::sqlite()
        } else {
            TestDatabase::postgres()
        };
        test(&source, target);
    });
}

#[test]
fn a_backup_under_load_has_every_confirmed_write_and_its_restore_brings_no_credential_back() {
    on_both(|source, target| {
        let (data, away, files) = (folder(), folder(), folder());
        let key = files.path().join("key");
        fs::write(&key, "8fQ2mB9vK4cW8nR1zE6yJ3pH5sD0gLxx").expect("it can be written");
        let (file, key) = (files.path().join("backup"), key.display().to_string());
        let path = file.display().to_string();
        let mut server = ServerProcess::start(data.path(), &environment(source.url(), &[]));
        let mut page = Browser::at(server.origin());
        assert_eq!(page.register("ada").status, 201);
        assert_eq!(page.sign_in("ada").status, 200);
        let tokens = Browser::at(server.origin()).sign_in_for_tokens("ada");
        assert_eq!(me(&server, &tokens.field("access_token")), 200);

        let (confirmed, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let (next, origin) = (AtomicUsize::new(0), server.origin().to_owned());
        let before = thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let name = format!("user{}", next.fetch_add(1, Ordering::Relaxed));
                        let mut browser = Browser::at(&origin);
                        assert_eq!(browser.register(&name).status, 201, "{name}");
                        assert_eq!(browser.sign_in(&name).status, 200, "{name}");
                        confirmed.lock().expect("nobody panics").push(name);
                    }
                });
            }
            let count = || confirmed.lock().expect("nobody panics").len();
            wait("clients write", || count() >= 6);
            let before = confirmed.lock().expect("nobody panics").clone();
            let (code, said) = run(&server, &["backup", &path, "--key-file", &key]);
            let during = count();
            wait("clients go on", || count() > during + 3);
            is_over.store(true, Ordering::Relaxed);
            assert_eq!((code, &said["encrypted"]), (0, &Value::Bool(true)), "{said}");
            before
        });
        assert_eq!(server.terminate().code(), Some(0));
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(data.path()).expect("a folder").count(), leftovers(data.path()));

        let mut restored = elsewhere(away.path(), &target);
        let restore = ["restore", path.as_str(), "--key-file", &key];
        let (code, said) = run(&restored, &restore);
        assert_eq!((code, &said["audit_log_intact"]), (0, &Value::Bool(true)), "{said}");
        assert!(said["voided"]["sessions"].as_u64() >= Some(2), "{said}");
        refused(&restored, &restore, "not empty");
        restored.restart();
        for name in before.iter().map(String::as_str).chain(["ada"]) {
            assert_eq!(Browser::at(restored.origin()).sign_in(name).status, 200, "{name}");
        }
        assert_eq!(me(&restored, &tokens.field("access_token")), 401);
        let mut moved = Browser::at(restored.origin());
        assert_eq!(moved.refresh(&tokens.field("refresh_token")).status, 401);
        moved.cookies().clone_from(page.cookies());
        assert_eq!(moved.get("/api/auth/me", &[]).status, 401);
        refused(&restored, &[&restore[..], &["--replace"]].concat(), "in use");
        assert_eq!(restored.terminate().code(), Some(0));
        assert_eq!(run(&restored, &["audit", "verify"]).0, 0);
        let told = restored.run(&["audit", "export", "--kind", "database_restored"]);
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains("backup_made_at"), "{told}");
        // Again, over the present state.
        let (code, said) = run(&restored, &[&restore[..], &["--replace"]].concat());
        assert_eq!(code, 0, "{said}");
        restored.restart();
        assert_eq!(Browser::at(restored.origin()).sign_in("ada").status, 200);
    });
}

/// The number of files that belong in the data directory of a stopped server.
fn leftovers(data: &Path) -> usize {
    let names = fs::read_dir(data)
        .expect("a folder")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.contains("backup") && !name.contains("partial")).count()
}

fn me(server: &ServerProcess, access_token: &str) -> u16 {
    Browser::at(server.origin()).get_as("/api/auth/me", access_token).status
}

/// The shared secret is the same after the restore, and the backup does not know the session.
#[test]
fn a_restore_refuses_earlier_access_tokens_under_a_shared_secret_whatever_their_lifetime() {
    on_both(|source, target| {
        let (data, away, files) = (folder(), folder(), folder());
        let path = files.path().join("backup").display().to_string();
        let shared = [("PORTCULLIS__TOKENS__ALGORITHM", "HS256")];
        let long = [&shared[..], &[("ACCESS_TOKEN_EXPIRE_MINUTES", "600")]].concat();
        let mut server = ServerProcess::start(data.path(), &environment(source.url(), &long));
        assert_eq!(Browser::at(server.origin()).register("ada").status, 201);
        assert_eq!(run(&server, &["backup", &path]).0, 0);
        let tokens = Browser::at(server.origin()).sign_in_for_tokens("ada");
        assert_eq!(server.terminate().code(), Some(0));

        let short = [&shared[..], &[("ACCESS_TOKEN_EXPIRE_MINUTES", "1")]].concat();
        let mut restored = ServerProcess::prepare(away.path(), &environment(target.url(), &short));
        assert_eq!(run(&restored, &["restore", &path]).0, 0);
        for _ in 0..2 {
            restored.restart();
            assert_eq!(me(&restored, &tokens.field("access_token")), 401);
            let later = Browser::at(restored.origin()).sign_in_for_tokens("ada");
            assert_eq!(me(&restored, &later.field("access_token")), 200);
            assert_eq!(restored.terminate().code(), Some(0));
        }
    });
}

#[test]
fn a_restore_that_is_killed_anywhere_leaves_the_former_database_or_the_whole_backup() {
    const KILLS: u32 = 8;
    const LONGEST: u64 = 400_000;
    let chance = RandomChoices::new(SEED);
    on_both(|source, target| {
        let (data, away, files) = (folder(), folder(), folder());
        let path = files.path().join("backup").display().to_string();
        let mut server = ServerProcess::start(data.path(), &environment(source.url(), &[]));
        assert_eq!(Browser::at(server.origin()).register("ada").status, 201);
        assert_eq!(run(&server, &["backup", &path]).0, 0);
        assert_eq!(server.terminate().code(), Some(0));
        let mut restored = elsewhere(away.path(), &target);
        restored.restart();
        assert_eq!(Browser::at(restored.origin()).register("grace").status, 201);

        let restore = ["restore", path.as_str(), "--replace"];
        let mut was_restored = false;
        for _ in 0..KILLS {
            assert_eq!(restored.terminate().code(), Some(0));
            let mut command = restored.command(&restore);
            command.stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the program can be started");
            let mut answer = child.stdout.take().expect("it is piped");
            let (ends, end) = mpsc::channel();
            thread::spawn(move || ends.send(io::copy(&mut answer, &mut io::sink())));
            // It ends, or its time is over.
            drop(end.recv_timeout(Duration::from_micros(chance.below(LONGEST))));
            child.kill().expect("it is a child of this process");
            child.wait().expect("it was killed");
            restored.restart();
            let signs_in = |name| Browser::at(restored.origin()).sign_in(name).status == 200;
            let is_restored = signs_in("ada");
            assert_ne!(is_restored, signs_in("grace"));
            assert!(is_restored || !was_restored, "the second try took something away");
            was_restored = is_restored;
        }
        assert_eq!(restored.terminate().code(), Some(0));
        let (code, said) = run(&restored, &restore);
        assert_eq!((code, &said["audit_log_intact"]), (0, &Value::Bool(true)), "{said}");
        let left = fs::read_dir(away.path()).expect("a folder");
        let mut names = left.map(|entry| entry.expect("an entry").file_name());
        assert!(names.all(|name| !name.to_string_lossy().ends_with(".restore")));
    });
}

#[test]
fn a_changed_file_is_refused_before_anything_is_written() {
    on_both(|source, target| {
        let (data, away, files) = (folder(), folder(), folder());
        let mut server = ServerProcess::start(data.path(), &environment(source.url(), &[]));
        assert_eq!(Browser::at(server.origin()).register("ada").status, 201);
        let path = |name: &str| files.path().join(name).display().to_string();
        fs::write(path("key"), "8fQ2mB9vK4cW8nR1zE6yJ3pH5sD0gLxx").expect("it can be written");
        fs::write(path("other"), "9fQ2mB9vK4cW8nR1zE6yJ3pH5sD0gLxx").expect("it can be written");
        let (key, other) = (path("key"), path("other"));
        assert_eq!(run(&server, &["backup", &path("sealed"), "--key-file", &key]).0, 0);
        assert_eq!(run(&server, &["backup", &path("plain")]).0, 0);
        assert_eq!(server.terminate().code(), Some(0));

        // Files that exist, be it as a link, are not replaced.
        symlink(path("nowhere"), path("link")).expect("it can be made");
        for name in ["plain", "link", "key"] {
            refused(&server, &["backup", &path(name)], "exist");
        }
        refused(&server, &["backup", "/nonexistent/folder/backup"], "No such file");

        let restored = elsewhere(away.path(), &target);
        for (name, keys) in [("sealed", vec!["--key-file", &key]), ("plain", vec![])] {
            let whole = fs::read(path(name)).expect("it is there");
            let fails = |bytes: &[u8], why: &str| {
                fs::write(path("changed"), bytes).expect("it can be written");
                let file = path("changed");
                refused(&restored, &[&["restore", file.as_str()], keys.as_slice()].concat(), why);
            };
            fails(&whole[..whole.len() - 1], "");
            fails(&whole[..100], "");
            fails(b"something else that is longer than a header", "no backup");
            let mut changed = whole.clone();
            changed[whole.len() / 2] ^= 1;
            fails(&changed, "");
        }
        refused(&restored, &["restore", &path("sealed"), "--key-file", &other], "key is another");
        refused(&restored, &["restore", &path("sealed")], "encrypted");
        refused(&restored, &["restore", &path("plain"), "--key-file", &key], "not encrypted");
        refused(&restored, &["restore", &path("missing")], "No such file");
        let others = [("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU")];
        let stranger = ServerProcess::prepare(away.path(), &environment(target.url(), &others));
        refused(&stranger, &["restore", &path("plain")], "another SECRET_KEY");
        assert_eq!(fs::read_dir(away.path()).expect("a folder").count(), 0, "nothing was written");
        assert_eq!(run(&restored, &["restore", &path("plain"), "--check"]).0, 0);
        assert_eq!(fs::read_dir(away.path()).expect("a folder").count(), 0, "nothing was written");
        // The other kind of database.
        let file = format!("sqlite:{}", away.path().join("other.db").display());
        if !target.url().starts_with("sqlite") {
            let wrong = ServerProcess::prepare(away.path(), &environment(&file, &[]));
            refused(&wrong, &["restore", &path("plain")], "PostgreSQL");
        }
        assert_eq!(run(&restored, &["restore", &path("sealed"), "--key-file", &key]).0, 0);
    });
}
