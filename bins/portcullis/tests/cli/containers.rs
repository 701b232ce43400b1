//! The Dockerfile and the compose file in `config/deploy`: well-formed, hardened, and in agreement with the server,
//! whose own `config check` reads their variables. Nothing is downloaded and no container is started.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::book::{ROOT, python};
use crate::machine::Machine;

/// The variables that the compose file demands.
const DEMANDED: [(&str, &str); 3] = [
    ("BASE_URL", "https://auth.example.org"),
    ("SMTP_HOST", "smtp.example.org"),
    ("SMTP_FROM", "auth@example.org"),
];

fn file(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// The instructions of the Dockerfile: each has its name and the rest.
fn instructions() -> Vec<(String, String)> {
    let text = text("config/deploy/Dockerfile");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    let split = |line: &str| line.split_once(' ').map(|(name, rest)| (name.into(), rest.into()));
    lines.map(|line| split(line).expect(line)).collect()
}

/// The instructions of the last stage, which is the image.
fn image() -> Vec<(String, String)> {
    let all = instructions();
    let begin = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    all[begin..].to_vec()
}

/// The rest of the only instruction of this name in the image.
#[track_caller]
fn only(name: &str) -> String {
    let mut found = image().into_iter().filter(|(it, _)| it == name).map(|(_, rest)| rest);
    let rest = found.next().expect(name);
    assert_eq!(found.next(), None, "{name} twice");
    rest
}

fn image_variables() -> Vec<(String, String)> {
    let pairs = only("ENV");
    let pairs = pairs.split_whitespace().map(|pair| pair.split_once('=').expect(pair));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn image_variable(wanted: &str) -> String {
    image_variables().into_iter().find(|(name, _)| name == wanted).expect(wanted).1
}

/// A tag that names a version, so that the same file gives the same image.
fn is_pinned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split_once(':').is_some_and(|(name, tag)| {
        let names_version = |text: &str| text.contains(|it: char| it.is_ascii_digit());
        tag != "latest" && (names_version(tag) || names_version(name))
    })
}

#[test]
fn only_a_tag_that_names_a_version_is_pinned() {
    assert!(
        is_pinned("localhost:5000/redis:7.2.10")
            && is_pinned("gcr.io/distroless/cc-debian12:nonroot")
    );
    for image in ["redis", "redis:latest", "localhost:5000/redis", "redis:alpine"] {
        assert!(!is_pinned(image), "{image}");
    }
}

#[test]
fn the_dockerfile_builds_this_program_in_stages() {
    let all = instructions();
    let known = [
        "COPY",
        "CMD",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "RUN",
        "USER",
        "VOLUME",
        "WORKDIR",
    ];
    for (name, rest) in &all {
        assert!(known.contains(&name.as_str()), "{name} {rest}");
    }
    let stages: Vec<&str> =
        all.iter().filter(|it| it.0 == "FROM").map(|it| it.1.as_str()).collect();
    assert_eq!(stages.len(), 2);
    for stage in &stages {
        assert!(is_pinned(stage.split(' ').next().unwrap()), "{stage}");
    }
    // The C library of the build is that of the image.
    assert!(stages[0].ends_with("-bookworm AS build") && stages[1].contains("debian12"));
    let compiler = stages[0].split_once(':').unwrap().1.split('-').next().unwrap();
    let [compiler, needed] = [compiler, env!("CARGO_PKG_RUST_VERSION")].map(version);
    assert!(compiler >= needed, "{compiler:?} is older than {needed:?}");
    let build = all.iter().find(|(name, rest)| name == "RUN" && rest.contains("cargo"));
    let (_, build) = build.unwrap();
    for word in
        ["--release", "--locked", "--bin portcullis", "cp target/release/portcullis /portcullis"]
    {
        assert!(build.contains(word), "{build}");
    }
}

fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap()).collect()
}

#[test]
fn the_image_has_the_program_and_no_rights() {
    let image = image();
    assert!(image.iter().all(|(name, _)| name != "RUN"), "the image has no shell");
    let (user, group) =
        only("USER").split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    let data = image_variable("PORTCULLIS__DATA_DIR");
    assert_eq!([only("VOLUME"), only("WORKDIR")], [data.clone(), data.clone()]);
    let owned = format!("--from=build --chown={user}:{group} {data} {data}");
    let copies: Vec<_> = image.iter().filter(|it| it.0 == "COPY").map(|it| it.1.as_str()).collect();
    assert_eq!(copies, ["--from=build /portcullis /portcullis", owned.as_str()]);
    let address = image_variable("PORTCULLIS__SERVER__ADDRESS");
    assert_eq!(address, format!("0.0.0.0:{}", only("EXPOSE")), "other hosts must reach it");
}

/// Each command is one of the program, and its variables are settings of it: an unknown one is a fault.
#[test]
fn the_image_starts_and_checks_the_server_by_its_own_commands() {
    assert_eq!(only("ENTRYPOINT"), r#"["/portcullis"]"#);
    let (options, check) =
        only("HEALTHCHECK").split_once(" CMD ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    // The program itself gives up after 5 s.
    assert!(options.split(' ').any(|it| it == "--timeout=6s"), "{options}");
    let words = |json: &str| serde_json::from_str::<Vec<String>>(json).unwrap();
    let (check, start) = (words(&check), words(&only("CMD")));
    assert_eq!(check[0], "/portcullis");
    let mut machine = Machine::new();
    for verb in [&check[1..], &start[..]].concat() {
        machine.run(&[&verb, "--help"]).exits_with(0);
    }
    for (name, value) in image_variables() {
        machine.set(&name, &value);
    }
    machine.run(&["config", "check"]).exits_with(0);
}

/// What the build copies: a missing folder of the workspace would fail there only.
#[test]
fn the_build_gets_the_whole_workspace_and_no_secret() {
    let ignored = text(".dockerignore");
    let ignored: BTreeSet<&str> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    for needed in [
        ".cargo",
        "Cargo.lock",
        "Cargo.toml",
        "bins",
        "config",
        "crates",
        "docs",
        "migrations",
        "tests",
    ] {
        assert!(file(needed).exists(), "{needed}");
        let begins = |line: &&&str| line.trim_start_matches('/').trim_end_matches('/') == needed;
        assert_eq!(ignored.iter().find(begins), None);
    }
    for secret in ["/data", "/config/deploy/secrets", "/target"] {
        assert!(ignored.contains(secret), "{secret}");
    }
}

/// The compose file, as another program reads its YAML.
fn compose() -> Value {
    let read = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let mut python = Command::new(python());
    let mut python =
        python.args(["-c", read]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let yaml = text("config/deploy/compose.yaml");
    python.stdin.take().unwrap().write_all(yaml.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The strings of a list.
fn strings(list: &Value) -> BTreeSet<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item.as_str().expect("a string").to_owned()).collect()
}

#[test]
fn compose_accepts_the_file() {
    let machine = Machine::new();
    // The compose of Debian 12 is older than the name of a project.
    let file = text("config/deploy/compose.yaml").replace("\nname: portcullis\n", "\n");
    let file = machine.write("compose.yaml", &file);
    fs::create_dir(machine.path("secrets")).unwrap();
    for secret in compose()["secrets"].as_object().unwrap().values() {
        machine.write(secret["file"].as_str().unwrap(), "secret");
    }
    let check = |variables: &[(&str, &str)]| {
        let mut command = Command::new("docker-compose");
        command.arg("-f").arg(&file).args(["config", "--quiet"]).env_clear();
        command.env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
        command.output().expect("docker-compose: run the tests with tests/run")
    };
    let output = check(&DEMANDED);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (missing, _) in DEMANDED {
        let others: Vec<_> = DEMANDED.into_iter().filter(|(name, _)| *name != missing).collect();
        assert!(!check(&others).status.success(), "without {missing}");
    }
}

#[test]
fn every_service_is_hardened_pinned_and_checked() {
    let compose = compose();
    for (name, service) in compose["services"].as_object().unwrap() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), BTreeSet::from(["ALL".to_owned()]), "{name}");
        let options = strings(&service["security_opt"]);
        assert!(options.contains("no-new-privileges:true"), "{name}");
        for key in ["privileged", "cap_add", "network_mode", "pid", "devices"] {
            assert!(service.get(key).is_none(), "{name}: {key}");
        }
        assert!(is_pinned(service["image"].as_str().unwrap()), "{name}");
        // The image of the server has its own user and health check, which other tests see.
        let is_own = service.get("build").is_some();
        assert!(is_own || !["0", "root"].contains(&service["user"].as_str().unwrap()), "{name}");
        assert!(is_own || service["healthcheck"]["test"].is_array(), "{name}");
        for secret in strings(&service["secrets"]) {
            assert!(compose["secrets"].get(&secret).is_some(), "{name}: {secret}");
        }
        let networks = strings(&service["networks"]);
        assert!(is_own || networks == BTreeSet::from(["back".to_owned()]), "{name}: {networks:?}");
        assert!(is_own || service.get("ports").is_none(), "{name}");
    }
    assert_eq!(compose["networks"]["back"]["internal"], true);
}

#[test]
fn the_compose_file_fits_the_image_and_the_proxy_of_the_host() {
    let compose = compose();
    let server = &compose["services"]["portcullis"];
    let context = file("config/deploy").join(server["build"]["context"].as_str().unwrap());
    let dockerfile = context.join(server["build"]["dockerfile"].as_str().unwrap());
    assert_eq!(
        fs::canonicalize(dockerfile).unwrap(),
        fs::canonicalize(file("config/deploy/Dockerfile")).unwrap()
    );
    let port = only("EXPOSE");
    assert_eq!(strings(&server["ports"]), BTreeSet::from([format!("127.0.0.1:{port}:{port}")]));
    let data = image_variable("PORTCULLIS__DATA_DIR");
    assert_eq!(strings(&server["volumes"]), BTreeSet::from([format!("data:{data}")]));
    let gateway = &compose["networks"]["front"]["ipam"]["config"][0]["gateway"];
    assert_eq!(&server["environment"]["TRUSTED_PROXIES"], gateway);
    // The delay of production, and 8 s for requests under way.
    let grace = server["stop_grace_period"].as_str().unwrap().trim_end_matches('s');
    assert!(grace.parse::<u32>().unwrap() > 3 + 8, "{grace}");
}

/// The variables of the server, with the secrets that the page makes and the variables that it demands.
#[test]
fn the_server_accepts_the_variables_of_the_compose_file() {
    let mut machine = Machine::new();
    for (name, value) in image_variables() {
        machine.set(&name, &value);
    }
    machine.set("PORTCULLIS__DATA_DIR", machine.path("data").to_str().unwrap());
    for (name, text) in [
        ("secret_key", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU"),
        ("database_url", "postgres://portcullis:4f1c@postgres/portcullis"),
        ("redis_url", "redis://:4f1c@redis:6379/0"),
    ] {
        machine.write(name, text);
    }
    let compose = compose();
    let server = &compose["services"]["portcullis"];
    for (name, value) in server["environment"].as_object().unwrap() {
        let value = value.as_str().expect(name);
        let value = match value.strip_prefix("${").and_then(|it| it.strip_suffix('}')) {
            Some(variable) => demanded(variable),
            None => value.to_owned(),
        };
        if let Some(secret) = value.strip_prefix("/run/secrets/") {
            assert!(strings(&server["secrets"]).contains(secret), "{secret}");
            machine.set(name, machine.path(secret).to_str().unwrap());
        } else {
            machine.set(name, &value);
        }
    }
    let done = machine.run(&["config", "check"]).exits_with(0);
    assert_eq!(done.stdout, "The configuration is valid.\n");
}

/// The value of `NAME:?reason`, or the default of `NAME:-default`.
fn demanded(variable: &str) -> String {
    if let Some((_, default)) = variable.split_once(":-") {
        return default.to_owned();
    }
    let name = variable.split_once(":?").expect("a variable that is demanded").0;
    DEMANDED.iter().find(|(it, _)| *it == name).expect(name).1.to_owned()
}
