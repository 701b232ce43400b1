//! The systemd units in `config/deploy`: systemd checks their syntax and their hardening, and the server checks the
//! settings in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, geteuid};

use crate::book::ROOT;
use crate::machine::{Machine, Server, within};

/// The maximum exposure of the unit on the scale of `systemd-analyze security`, in tenths. 0 is no exposure; what
/// remains is the network, which a server needs.
const MAX_EXPOSURE: &str = "13";

const MINUTE: Duration = Duration::from_secs(60);

fn file(name: &str) -> PathBuf {
    Path::new(ROOT).join("config/deploy").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// The values of a key of a unit, in their order.
fn values(unit: &str, key: &str) -> Vec<String> {
    let pairs = unit.lines().filter_map(|line| line.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).collect()
}

fn systemd_analyze(arguments: &[&str]) -> String {
    let output = Command::new("systemd-analyze").arg("--no-pager").args(arguments).output();
    let output = output.expect("systemd-analyze: run the tests with tests/run");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(output.status.success() && stderr.is_empty(), "{stderr}\n{stdout}");
    stdout
}

#[test]
fn systemd_accepts_the_units() {
    let machine = Machine::new();
    // Where it is installed, no test can put a program.
    let service = text("portcullis.service")
        .replace("/usr/local/bin/portcullis", env!("CARGO_BIN_EXE_portcullis"));
    let service = machine.write("portcullis.service", &service);
    let socket = machine.write("portcullis.socket", &text("portcullis.socket"));
    systemd_analyze(&["--man=no", "verify", service.to_str().unwrap(), socket.to_str().unwrap()]);
}

#[test]
fn systemd_finds_the_unit_hardened() {
    let threshold = format!("--threshold={MAX_EXPOSURE}");
    let service = file("portcullis.service");
    let arguments = ["security", "--offline=true", &threshold, service.to_str().unwrap()];
    let report = systemd_analyze(&arguments);
    assert!(report.contains("Overall exposure level for portcullis.service"), "{report}");
}

#[test]
fn the_user_of_the_unit_can_be_created_and_cannot_sign_in() {
    let machine = Machine::new();
    fs::create_dir(machine.path("etc")).unwrap();
    let root = format!("--root={}", machine.path("").display());
    let mut create = Command::new("systemd-sysusers");
    let created = create.arg(root).arg(file("portcullis.sysusers")).stderr(Stdio::null()).status();
    assert!(created.unwrap().success());
    let users = fs::read_to_string(machine.path("etc/passwd")).unwrap();
    let user = users.lines().find(|line| line.starts_with("portcullis:")).expect(&users);
    assert!(user.ends_with(":/var/lib/portcullis:/usr/sbin/nologin"), "{user}");
    for key in ["User", "Group"] {
        assert_eq!(values(&text("portcullis.service"), key), ["portcullis"]);
    }
}

/// A machine with the files and the variables of the unit, and the configuration of the page.
fn installed() -> Machine {
    let mut machine = Machine::new();
    for setting in ["SERVER__ADDRESS", "SERVER__OPERATIONS_ADDRESS", "DATA_DIR"] {
        machine.unset(&format!("PORTCULLIS__{setting}"));
    }
    let page = fs::read_to_string(Path::new(ROOT).join("docs/operate/systemd.md")).unwrap();
    let (_, block) = page.split_once("```toml\n").expect("a configuration");
    machine.write("portcullis.toml", block.split("```").next().unwrap());
    machine.write("secret_key", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU\n");
    let service = text("portcullis.service");
    let loaded = values(&service, "LoadCredential");
    assert_eq!(loaded, ["secret_key:/etc/portcullis/secret_key"]);
    let directory = machine.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    for variable in values(&service, "Environment") {
        let (name, value) = variable.split_once('=').expect("a value");
        machine.set(name, &value.replace("%S", &directory).replace("%d", &directory));
    }
    machine
}

/// An unknown variable or option is a fault.
#[test]
fn the_server_accepts_command_variables_and_configuration_of_the_unit() {
    let machine = installed();
    let start = values(&text("portcullis.service"), "ExecStart").concat();
    let (program, arguments) = start.split_once(' ').unwrap();
    assert_eq!(program, "/usr/local/bin/portcullis");
    let arguments = arguments.replace("/etc/portcullis", machine.path("").to_str().unwrap());
    let arguments = arguments.replace("serve", "config check");
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let done = machine.run(&arguments).exits_with(0);
    assert_eq!(done.stdout, "The configuration is valid.\n");
}

#[test]
fn the_socket_unit_has_the_addresses_of_the_configuration() {
    let machine = installed();
    let settings = machine.run(&["config", "show", "--config", "portcullis.toml", "--json"]);
    let settings = settings.exits_with(0).json();
    let value = |wanted: &str| {
        let settings = settings["settings"].as_array().unwrap();
        let setting = settings.iter().find(|it| it["key"] == wanted).unwrap();
        setting["value"].as_str().unwrap().to_owned()
    };
    let addresses = ["server.address", "server.operations_address"].map(value);
    assert_eq!(values(&text("portcullis.socket"), "ListenStream"), addresses);
}

/// The longest delay that the configuration accepts, and 8 s for requests under way.
#[test]
fn the_unit_waits_for_the_longest_shutdown() {
    let mut machine = Machine::new();
    for (milliseconds, code) in [("60000", 0), ("60001", 2)] {
        machine.set("PORTCULLIS__SERVER__SHUTDOWN_DELAY_MS", milliseconds);
        machine.run(&["config", "check"]).exits_with(code);
    }
    let stop = values(&text("portcullis.service"), "TimeoutStopSec").concat();
    let seconds: u32 = stop.trim_end_matches('s').parse().unwrap();
    assert!(seconds > 60 + 8, "{stop}");
}

/// A server that is traced from its start to its end, with the password hashing and the database in between.
#[test]
fn the_server_makes_only_system_calls_that_the_unit_allows() {
    let machine = Machine::new();
    let calls = machine.path("calls");
    let plain = machine.command(&["serve", "--json"]);
    let mut traced = Command::new("strace");
    traced.args(["-D", "-f", "-qq", "-c", "-U", "name", "-o"]).arg(&calls);
    traced.arg(plain.get_program()).args(plain.get_args());
    traced.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    traced.current_dir(machine.path("")).stdin(Stdio::null());
    let log = machine.path("log");
    traced.stderr(fs::File::create(&log).unwrap());
    let server = Server::announced(traced, log);
    machine.create("grace", "admin", &[]).exits_with(0);
    server.sign_in("grace");
    server.signal(Signal::HUP);
    server.stop();
    // The tracer writes when the server has ended.
    let report = || fs::read_to_string(&calls).unwrap_or_default();
    within(MINUTE, || report().contains("accept4") && report().ends_with('\n'));

    let made: BTreeSet<String> = report()
        .lines()
        .map(str::trim)
        .filter(|line| line.chars().all(|it| it.is_ascii_alphanumeric() || it == '_'))
        .filter(|line| !["", "syscall", "total"].contains(line))
        .map(str::to_owned)
        .collect();
    assert!(made.len() > 30, "{made:?}");
    let mut allowed = allowed(&text("portcullis.service"));
    if geteuid().is_root() {
        // SQLite gives its files to the owner of the database, as root alone.
        allowed.insert("fchown".to_owned());
    }
    let refused: Vec<_> = made.difference(&allowed).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// The system calls of the lines `SystemCallFilter`, of which the first allows.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in values(unit, "SystemCallFilter") {
        let (denies, names) =
            line.strip_prefix('~').map_or((false, line.as_str()), |it| (true, it));
        let calls: BTreeSet<String> = names.split(' ').flat_map(members).collect();
        if denies {
            allowed = &allowed - &calls;
        } else {
            allowed.extend(calls);
        }
    }
    allowed
}

/// The system calls of a set, or the one with the name.
fn members(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let listed = systemd_analyze(&["syscall-filter", name]);
    let names = listed.lines().skip(1).map(str::trim).filter(|it| !it.is_empty());
    names.filter(|it| !it.starts_with('#')).flat_map(members).collect()
}
