//! The built program in a root that has nothing else: no shell, no `/etc`, no `/proc`, no writable folder but that
//! of the data. So an image needs the program and its C library alone.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::PASSWORD;
use crate::book::free_ports;
use crate::machine::{Machine, Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");

/// Makes the root read-only but for the data, and enters it, in a name space that the kernel gives to every user.
const ENTER: &str = "set -e; mount --bind root root; mount --bind root/data root/data; \
    mount -o remount,bind,ro root; exec chroot root \"$@\"";

/// The shared libraries of the program, with the loader.
fn libraries() -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(PROGRAM).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let words = listed.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}

fn place(root: &Path, file: &Path, at: &Path) {
    let target = root.join(at.strip_prefix("/").unwrap());
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(file, target).unwrap();
}

/// A command in the empty root of the machine.
fn inside(machine: &Machine, ports: &[String], arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", ENTER, "sh"])
        .args(arguments)
        .current_dir(machine.path(""))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("PORTCULLIS__DATA_DIR", "/data")
        .env("PORTCULLIS__SERVER__ADDRESS", format!("127.0.0.1:{}", ports[0]))
        .env("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", format!("127.0.0.1:{}", ports[1]))
        .stdin(Stdio::null());
    command
}

#[test]
fn the_program_serves_with_nothing_but_its_libraries_and_its_data() {
    let machine = Machine::new();
    let root = machine.path("root");
    fs::create_dir_all(root.join("data")).unwrap();
    place(&root, Path::new(PROGRAM), Path::new("/portcullis"));
    let libraries = libraries();
    for library in &libraries {
        place(&root, &fs::canonicalize(library).unwrap(), library);
    }
    let placed = entries(&root);
    // What an image of the C library has.
    for library in &libraries {
        let name = library.file_name().unwrap().to_str().unwrap();
        let known = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux"];
        assert!(known.iter().any(|it| name.starts_with(it)), "another library: {name}");
    }

    let (listeners, ports) = free_ports();
    drop(listeners);
    let health = || inside(&machine, &ports, &["/portcullis", "health"]).output().unwrap();
    let before = health();
    assert_eq!(before.status.code(), Some(1), "{}", String::from_utf8_lossy(&before.stderr));
    let log = machine.path("log");
    let mut command = inside(&machine, &ports, &["/portcullis", "serve", "--json"]);
    command.stderr(File::create(&log).unwrap());
    let server = Server::announced(command, log);
    let after = health();
    assert!(after.status.success(), "{}", String::from_utf8_lossy(&after.stderr));
    assert_eq!(after.stdout, b"ready\n");
    let body = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    let registered = server.request("POST", "/api/auth/register", &body.to_string());
    assert!(registered.starts_with("HTTP/1.1 201 "), "{registered}");
    server.stop();
    assert!(root.join("data/portcullis.db").exists());

    // The root was read-only: it has what the test has put there.
    assert_eq!(entries(&root), placed);
}

fn entries(folder: &Path) -> BTreeSet<OsString> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}
