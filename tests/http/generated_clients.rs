//! The API document in the hands of programs of other projects: a linter, and the generators of clients in TypeScript
//! and in Python. The commands are those of `docs/start/generated-clients.md`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::Value;
use tempfile::TempDir;

const PAGE: &str = include_str!("../../docs/start/generated-clients.md");

/// The programs that are written by hand, and the options of the tools.
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

#[test]
fn the_client_in_typescript_compiles_and_uses_the_server() {
    let printed = drive("## TypeScript", &["drive.ts", "tsconfig.json", "package.json"]);
    assert_eq!(printed, "the client in TypeScript has used every step");
}

#[test]
fn the_client_in_python_has_types_and_uses_the_server() {
    let printed = drive("## Python", &["drive.py", "python-client.yaml"]);
    assert_eq!(printed, "the client in Python has used every step");
}

#[test]
fn a_strict_linter_finds_nothing_in_the_document() {
    let folder = folder(&["redocly.yaml"]);
    let server = TestServer::start(TestDatabase::sqlite());
    let document = Browser::of(&server).get("/api/openapi.json", &[]);
    let lint = |document: &str| {
        fs::write(folder.path().join("openapi.json"), document).expect("a file can be written");
        bash(folder.path(), "redocly lint openapi.json")
    };
    let output = lint(&document.text);
    assert!(output.status.success(), "{}", text(&output));

    let mut damaged = document.json();
    damaged["paths"]["/api/auth/me"]["get"]["operationId"] = Value::from("signIn");
    let output = lint(&damaged.to_string());
    assert!(!output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("operation-operationId-unique"), "{}", text(&output));
}

#[test]
fn the_lock_files_have_a_digest_of_each_package_and_name_no_registry() {
    let read = |name| fs::read_to_string(Path::new(CLIENTS).join(name)).expect("it is a text");
    let lock: Value = serde_json::from_str(&read("package-lock.json")).expect("it is JSON");
    let packages = lock["packages"].as_object().expect("it lists packages");
    for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
        assert!(package["integrity"].is_string(), "{path}");
        assert!(package["resolved"].is_null(), "{path}");
    }
    let requirements = read("requirements.txt").replace("\\\n", " ");
    for line in requirements.lines().filter(|line| !line.trim_start().starts_with('#')) {
        assert!(line.contains("==") && line.contains("--hash=sha256:"), "{line}");
        assert!(!line.contains("://") && !line.starts_with('-'), "{line}");
    }
}

/// Runs the commands of a section of the page against a server, after the installation; returns the last line.
fn drive(section: &str, files: &[&str]) -> String {
    let server = TestServer::start(TestDatabase::sqlite());
    let folder = folder(files);
    let (introduction, _) = PAGE.split_once("\n## ").expect("there are sections");
    let (_, section) = PAGE.split_once(section).expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let commands = format!("{}{}", commands(introduction), commands(section));
    let commands = commands.replace("https://auth.example.org", server.origin());
    let output = bash(folder.path(), &format!("set -e\n{commands}"));
    assert!(output.status.success(), "{commands}\n{}", text(&output));
    text(&output).trim_end().lines().last().unwrap_or_default().to_owned()
}

/// The commands of a part of the page. The tools are installed already, in the versions of the lock files.
fn commands(part: &str) -> String {
    let blocks = part.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| !block.contains(" install ")).collect()
}

/// A folder of a client: these files, and the packages of the tools.
fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for file in files {
        fs::copy(Path::new(CLIENTS).join(file), folder.path().join(file)).expect("it is there");
    }
    let modules = tools().join("node_modules");
    symlink(modules, folder.path().join("node_modules")).expect("a link can be made");
    folder
}

fn bash(folder: &Path, script: &str) -> Output {
    let tools = tools();
    let path = [tools.join("node_modules/.bin"), tools.join("python/bin")];
    let path = path.map(|folder| folder.display().to_string()).join(":");
    let output = Command::new("bash")
        .args(["-c", &format!("PATH={path}:$PATH\nexec 2>&1\n{script}")])
        .current_dir(folder)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .output();
    output.expect("bash starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The folder of the tools; `tests/run` installs them.
fn tools() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the folder over this way")]
    let folder = std::env::var("PORTCULLIS_TEST_CLIENTS");
    folder.expect("PORTCULLIS_TEST_CLIENTS is set, as tests/run does").into()
}
