//! Test fixture: a machine with a data directory, on which commands run.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_storage::{Database, DatabaseUrl};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PASSWORD;

/// A directory and an environment.
pub(crate) struct Machine {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command did.
pub(crate) struct CommandResult {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CommandResult {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let mut documents = serde_json::Deserializer::from_str(&self.stdout).into_iter::<Value>();
        let document = documents.next().expect("one document").expect("of JSON");
        assert!(documents.next().is_none(), "more than one document: {}", self.stdout);
        document
    }

    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for CommandResult {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Machine {
    pub(crate) fn new() -> Self {
        let mut machine = Self { dir: TempDir::new().unwrap(), variables: Vec::new() };
        let data = machine.path("data");
        machine.set("PORTCULLIS__DATA_DIR", data.to_str().unwrap());
        machine.set("PORTCULLIS__SERVER__ADDRESS", "127.0.0.1:0");
        machine.set("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", "127.0.0.1:0");
        // Tests sign in more often than a person does.
        machine.set("RATE_LIMIT_LOGIN_ATTEMPTS", "1000");
        machine.set("RATE_LIMIT_LOGIN_WINDOW", "1");
        machine
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(other, _)| other != name);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The database of the data directory, opened directly.
    pub(crate) fn database(&self) -> Database {
        Database::new(&DatabaseUrl::Sqlite(self.path("data/portcullis.db")), 1)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // With the umask of most systems, whatever that of the tests is.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "umask 022; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_portcullis")])
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.dir.path());
        command
    }

    /// Runs a command of a shell on a terminal, and types each answer after its question, when the terminal does not
    /// show what is typed. Answers the end of the process, and what the terminal has shown.
    pub(crate) fn run_on_terminal(
        &self,
        command: &str,
        answers: &[(&str, &str)],
    ) -> (ExitStatus, String) {
        const PATIENCE: Duration = Duration::from_secs(60);
        let pseudo = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&pseudo).unwrap();
        unlockpt(&pseudo).unwrap();
        let path = ptsname(&pseudo, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let [stdin, stdout, stderr] = [(); 3].map(|()| Stdio::from(terminal.try_clone().unwrap()));
        // An open file alone is not the terminal of a process: `setsid` makes it so.
        let mut process = Command::new("setsid")
            .args(["--ctty", "--wait", "/bin/sh", "-c", command])
            .env_clear()
            .envs(self.variables.iter().cloned())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.dir.path())
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut keyboard = File::from(pseudo);
        let mut screen = keyboard.try_clone().unwrap();
        let shown = Arc::<Mutex<String>>::default();
        let reader = thread::spawn({
            let shown = shown.clone();
            move || {
                let mut bytes = [0; 1024];
                // The last read of a terminal without processes fails.
                while let Ok(count @ 1..) = screen.read(&mut bytes) {
                    shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
            }
        });
        for (question, answer) in answers {
            within(PATIENCE, || {
                let modes = tcgetattr(&terminal).unwrap().local_modes;
                shown.lock().unwrap().ends_with(question) && !modes.contains(LocalModes::ECHO)
            });
            writeln!(keyboard, "{answer}").unwrap();
        }
        let status = process.wait().unwrap();
        drop(terminal);
        reader.join().unwrap();
        let shown = shown.lock().unwrap().clone();
        (status, shown)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> CommandResult {
        self.command(arguments).stdin(Stdio::null()).output().unwrap().into()
    }

    pub(crate) fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> CommandResult {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails early does not read it.
        drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
        child.wait_with_output().unwrap().into()
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn serve(&self) -> Server {
        let server = self.start(&["--json"], "log");
        let ready = server.request("GET", "/health/ready", "");
        assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
        server
    }

    /// Starts a worker and waits until it runs its jobs.
    pub(crate) fn work(&self) -> Server {
        self.start(&["worker", "--json"], "worker-log")
    }

    /// Starts a process and waits for its announcement.
    pub(crate) fn start(&self, arguments: &[&str], log: &str) -> Server {
        let log = self.path(log);
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stderr(File::create(&log).unwrap());
        Server::announced(command, log)
    }

    pub(crate) fn create(&self, username: &str, role: &str, more: &[&str]) -> CommandResult {
        let email = format!("{username}@example.org");
        let mut arguments = vec!["user", "create", "--username", username, "--email", &email];
        arguments.extend(["--role", role, "--password-stdin", "--json"]);
        arguments.extend(more);
        self.run_with_stdin(&arguments, &format!("{PASSWORD}\n"))
    }

    pub(crate) fn import(&self, file: &Path, more: &[&str]) -> CommandResult {
        let mut arguments = vec!["user", "import", file.to_str().unwrap(), "--json"];
        arguments.extend(more);
        self.run(&arguments)
    }
}

/// A server or a worker that runs; it dies with the value.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// What it said when it began to listen.
    pub(crate) announcement: Value,
}

impl Server {
    /// Starts the command, whose log is in a file, and waits for its announcement.
    pub(crate) fn announced(mut command: Command, log: PathBuf) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut server = Self { child, log, announcement: Value::Null };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        server.announcement = serde_json::from_str(&line).expect("an announcement");
        server
    }

    /// Signs in; answers an access token.
    pub(crate) fn sign_in(&self, username: &str) -> String {
        let body = json!({ "username": username, "password": PASSWORD, "delivery": "body" });
        let answer = self.request("POST", "/api/auth/login/json", &body.to_string());
        body_of(&answer)["access_token"].as_str().expect(&answer).to_owned()
    }

    /// Whether the server accepts the token.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        self.send("GET", "/api/auth/me", &bearer(token), "").starts_with("HTTP/1.1 200")
    }

    /// Asks whether the holder of the token may.
    pub(crate) fn may(&self, token: &str, resource: &str, action: &str) -> bool {
        let body = json!({ "resource": resource, "action": action }).to_string();
        let answer = self.send("POST", "/api/authz/check", &bearer(token), &body);
        body_of(&answer)["allowed"].as_bool().expect(&answer)
    }

    /// Asks many questions at once; answers how many were answered with yes.
    pub(crate) fn check_batch(&self, token: &str, questions: &[Value]) -> usize {
        let body = json!({ "items": questions }).to_string();
        let answer = self.send("POST", "/api/authz/check/batch", &bearer(token), &body);
        let body = body_of(&answer);
        let items = body["items"].as_array().expect(&answer);
        items.iter().filter(|item| item["allowed"] == true).count()
    }

    /// Sends one request and answers the whole response.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> String {
        self.send(method, path, "", body)
    }

    /// Whether it accepts the access token.
    pub(crate) fn knows(&self, token: &str) -> bool {
        self.get_as("/api/auth/me", token).starts_with("HTTP/1.1 200 ")
    }

    /// Asks with a bearer token.
    pub(crate) fn get_as(&self, path: &str, token: &str) -> String {
        self.send("GET", path, &bearer(token), "")
    }

    /// Posts with a bearer token; answers the body.
    #[track_caller]
    pub(crate) fn post_as(&self, path: &str, token: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, &bearer(token), &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        body_of(&answer)
    }

    /// Asks as a proxy that forwards the request of this client.
    pub(crate) fn get_for(&self, path: &str, client: &str) -> String {
        self.send("GET", path, &format!("X-Forwarded-For: {client}\r\n"), "")
    }

    /// Sends one request with these lines of the head; answers the whole response.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let origin = self.announcement["listening"].as_str().unwrap();
        let address = origin.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Tells it to stop; fails unless it has ended in time, successfully.
    #[track_caller]
    pub(crate) fn stops_within(mut self, time: Duration) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut status = None;
        within(time, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to stop, waits until it has, and answers its log.
    pub(crate) fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(status.success(), "{status}\n{log}");
        log
    }
}

/// Asks again and again, until it holds or there is no more time.
#[track_caller]
pub(crate) fn within(time: Duration, mut holds: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    let end = clock.monotonic() + time;
    while !holds() {
        assert!(clock.monotonic() < end, "not within {time:?}");
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn body_of(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).expect(answer)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
