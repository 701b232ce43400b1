//! The sessions in the documents: each `console` block is run, and prints what it shows.
//!
//! The blocks of a page are one session of bash, in an empty directory. A line with `$` is a command; the lines up to
//! the next one are its output, in which `…` stands for any text, and alone on a line for any lines. The blocks of
//! the README have their output as comments.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::machine::Machine;

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The ports in the documents. A test takes free ones in their place.
const PORTS: [&str; 5] = ["8080", "8081", "8090", "9080", "9081"];

#[test]
fn the_sessions_of_the_first_pages_print_what_they_show() {
    assert!(run_all("start") >= 5);
}

#[test]
fn the_sessions_of_the_tasks_print_what_they_show() {
    assert!(run_all("tasks") >= 5);
}

#[test]
fn the_sessions_of_operation_print_what_they_show() {
    assert!(run_all("operate") >= 1);
}

#[test]
fn the_five_minutes_of_the_readme_print_what_they_show() {
    let text = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, section) = text.split_once("## Five minutes").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let mut steps = vec![Step::new("portcullis serve &")];
    for line in block.lines() {
        match line.strip_prefix("# ") {
            Some(output) => steps.last_mut().unwrap().output.push(output.to_owned()),
            None => steps.push(Step::new(line)),
        }
    }
    run(&Path::new(ROOT).join("README.md"), &steps);
}

/// Runs the pages of a folder; answers how many have a session.
fn run_all(folder: &str) -> usize {
    let mut pages: Vec<_> = fs::read_dir(Path::new(ROOT).join("docs").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.sort();
    let sessions = pages.iter().filter(|page| {
        let steps = steps(&fs::read_to_string(page).unwrap());
        run(page, &steps);
        !steps.is_empty()
    });
    sessions.count()
}

/// A command and the lines that it prints.
struct Step {
    command: String,
    output: Vec<String>,
}

impl Step {
    fn new(command: &str) -> Self {
        Self { command: command.to_owned(), output: Vec::new() }
    }
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_session = false;
    let mut awaited: Option<String> = None;
    for line in page.lines() {
        if let (Some(end), Some(step)) = (&awaited, steps.last_mut()) {
            step.command.push('\n');
            step.command.push_str(line);
            let is_last = if end == "\\" { !line.ends_with('\\') } else { line == end };
            awaited = if is_last { here_document(line) } else { awaited };
        } else if line.starts_with("```") {
            is_session = line == "```console";
        } else if is_session && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::new(command));
            awaited = if command.ends_with('\\') {
                Some("\\".to_owned())
            } else {
                here_document(command)
            };
        } else if is_session {
            steps.last_mut().expect("a command first").output.push(line.to_owned());
        }
    }
    steps
}

/// The line that ends the document that a command reads.
fn here_document(command: &str) -> Option<String> {
    let (_, name) = command.split_once("<<")?;
    Some(name.chars().filter(char::is_ascii_uppercase).collect())
}

fn run(page: &Path, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    let machine = Machine::new();
    let (listeners, ports) = free_ports();
    let here = |text: &str| {
        let pairs = PORTS.iter().zip(&ports);
        pairs.fold(text.to_owned(), |text, (shown, port)| {
            let text = text.replace(&format!("127.0.0.1:{shown}"), &format!("127.0.0.1:{port}"));
            text.replace(&format!("127.0.0.1\", {shown}"), &format!("127.0.0.1\", {port}"))
        })
    };
    let shown = |text: &str| {
        let pairs = PORTS.iter().zip(&ports);
        pairs.fold(text.to_owned(), |text, (shown, port)| text.replace(port, shown))
    };
    let script: String = steps.iter().map(|step| run_in_bash(&here(&step.command))).collect();
    let script = format!("exec 2>&1\n{script}kill $(jobs -p) 2>/dev/null; wait\n");
    drop(listeners);
    for program in programs_beside(page) {
        let name = program.file_name().unwrap().to_str().unwrap();
        machine.write(name, &here(&fs::read_to_string(&program).unwrap()));
    }
    let programs = machine.path("bin");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_portcullis"), programs.join("portcullis")).unwrap();
    symlink(python(), programs.join("python3")).unwrap();
    let cargo = programs.join("cargo");
    fs::write(&cargo, here(CARGO)).unwrap();
    fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(machine.path(""))
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()))
        .env("LANG", "C.UTF-8")
        .env("BUILT", Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap())
        .env("PORTCULLIS__SERVER__ADDRESS", here("127.0.0.1:8080"))
        .env("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", here("127.0.0.1:9080"))
        .env("SERVICE", here("127.0.0.1:8090").replace(':', "/"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = shown(&String::from_utf8_lossy(&output.stdout));
    let mut outputs = printed.split(MARK).skip(1);
    for step in steps {
        let printed = outputs.next().unwrap_or_default().trim_matches('\n');
        let expected = step.output.join("\n");
        let expected = expected.trim_matches('\n');
        let [shown, text] =
            [expected, printed].map(|it| it.lines().map(str::trim_end).collect::<Vec<_>>());
        assert!(
            fits(&shown, &text),
            "{}\n$ {}\nshows:\n{expected}\n\nand prints:\n{printed}",
            page.display(),
            step.command
        );
    }
}

/// The programs in Python in the folder of a page, which its commands start.
fn programs_beside(page: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(page.parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "py")).collect()
}

/// A line between the outputs of two commands.
const MARK: &str = "\n@@ next command @@\n";

/// `cargo run` of an example. `cargo test` has built it, unless targets are chosen: then `cargo build --examples` must.
const CARGO: &str = r#"#!/bin/bash
[[ $* == run* ]] || exit 2
example=first
while (($#)); do if [[ $1 == --example ]]; then example=$2; fi; shift; done
exec "$BUILT/examples/$example" http://127.0.0.1:8080 127.0.0.1:8090
"#;

/// The command, with a mark before its output. A server or a service in the background is awaited.
fn run_in_bash(command: &str) -> String {
    let mark = format!("printf '{}'\n", MARK.replace('\n', "\\n"));
    let Some(service) = command.strip_suffix('&') else {
        return format!("{mark}{command}\n");
    };
    let answers = match service.strip_suffix("portcullis serve ") {
        Some(variables) => {
            let mut words = variables.split_whitespace();
            let own = words.find_map(|word| word.split_once("SERVER__ADDRESS="));
            let address = own.map_or("$PORTCULLIS__SERVER__ADDRESS", |(_, address)| address);
            format!("curl -sf http://{address}/health/live >/dev/null")
        }
        None => "(: </dev/tcp/$SERVICE) 2>/dev/null".to_owned(),
    };
    format!(
        "{mark}{service}>>serve.log 2>&1 &\n\
         for try in $(seq 1200); do {answers} && break; sleep 0.05; done\n"
    )
}

pub(crate) fn free_ports() -> (Vec<TcpListener>, Vec<String>) {
    let bind = |_: &&str| TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners: Vec<_> = PORTS.iter().map(bind).collect();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    let ports = listeners.iter().map(port).collect();
    (listeners, ports)
}

/// The python of the tests, which has `PyJWT`.
pub(crate) fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the program over this way")]
    let python = std::env::var("PORTCULLIS_TEST_PYTHON");
    python.expect("run the tests with tests/run")
}

/// True if the text has the shown lines. A line `…` stands for any lines.
fn fits(shown: &[&str], text: &[&str]) -> bool {
    match shown {
        [] => text.is_empty(),
        ["…", rest @ ..] => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        [line, rest @ ..] => text
            .split_first()
            .is_some_and(|(first, text)| line_fits(line, first) && fits(rest, text)),
    }
}

/// True if the line is the shown one, with any text in place of each `…`.
fn line_fits(shown: &str, line: &str) -> bool {
    let Some((begin, rest)) = shown.split_once('…') else { return shown == line };
    let Some(mut line) = line.strip_prefix(begin) else { return false };
    let (middle, end) = rest.rsplit_once('…').unwrap_or(("", rest));
    // The first place of each part leaves most of the line to the others.
    for part in middle.split('…') {
        let Some((_, after)) = line.split_once(part) else { return false };
        line = after;
    }
    line.ends_with(end)
}
