//! Server process: the built program in a separate process, for tests with real signals.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::Value;

use crate::Browser;

/// The built program in a separate process: real signals, its own port, the given environment and
/// nothing else.
///
/// The process is killed when the value is dropped. Its state is in the data directory and in the
/// database, which the test owns, so that a restarted server finds both again.
#[derive(Debug)]
pub struct ServerProcess {
    command: Command,
    running: Option<Running>,
    origin: String,
    log: Arc<Mutex<String>>,
    /// The target of standard error; `None` sends it to the log together with standard output.
    errors: Option<OwnedFd>,
}

/// The maximum duration of a start on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

impl ServerProcess {
    /// Starts a server and waits until it is ready.
    pub fn start(data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        let mut server = Self::prepare(data_dir, environment);
        server.restart();
        server
    }

    /// Prepares a server without starting it.
    pub fn prepare(data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        Self::of(Command::new(program()), data_dir, environment)
    }

    /// Starts a server that gets an error when a file may not grow, instead of being killed: see
    /// [`ServerProcess::limit_files`].
    pub fn start_on_small_disk(data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new("/usr/bin/env");
        command.arg("--ignore-signal=XFSZ").arg(program());
        let mut server = Self::of(command, data_dir, environment);
        server.restart();
        server
    }

    /// Starts a server with its standard error connected to that file or pipe.
    pub fn start_with_errors_to(
        errors: impl Into<OwnedFd>,
        data_dir: &Path,
        environment: &[(&str, &str)],
    ) -> Self {
        let mut server = Self::prepare(data_dir, environment);
        server.errors = Some(errors.into());
        server.restart();
        server
    }

    fn of(mut command: Command, data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        command
            .env_clear()
            .env("PORTCULLIS__DATA_DIR", data_dir)
            .env("PORTCULLIS__SERVER__ADDRESS", "127.0.0.1:0")
            .env("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", "127.0.0.1:0")
            .envs(WIDE_RATE_LIMITS)
            .envs(environment.iter().copied())
            .current_dir(data_dir)
            .stdin(Stdio::null());
        let log = Arc::default();
        Self { command, running: None, origin: String::new(), log, errors: None }
    }

    /// Starts the server again, on another port, and waits until it is ready. A server that still
    /// runs is killed first.
    pub fn restart(&mut self) {
        self.launch_until_listening();
        let ready = Browser::at(&self.origin).get("/health/ready", &[]);
        assert_eq!(ready.status, 200, "{}\n{}", ready.text, self.log());
    }

    /// Starts the server and waits until it listens, ready or not.
    pub fn launch_until_listening(&mut self) {
        self.launch();
        self.wait_until_listening();
    }

    /// Waits for the message that it listens, which can be repeated when the server is ready.
    pub fn wait_until_listening(&mut self) {
        let running = self.running.as_ref().expect("it was just launched");
        let Ok(address) = running.news.recv_timeout(TIMEOUT) else {
            panic!("the server did not start:\n{}", self.log());
        };
        self.origin = format!("http://{address}");
    }

    /// Starts the server again without waiting.
    pub fn launch(&mut self) {
        self.running = None;
        self.running = Some(Running::spawn(&mut self.command, &self.log, self.errors.as_ref()));
    }

    /// Scheme, host and port of the last start with a wait.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Scheme, host and port of the listener for operators and monitors of the last start, when it is ready.
    pub fn operations(&self) -> String {
        let log = self.log();
        let announced = log.rsplit_once("metrics and health at ").map(|(_, rest)| rest);
        announced.and_then(|rest| rest.lines().next()).expect("a ready server says it").to_owned()
    }

    /// Everything that was printed since the first start, on standard output and standard error.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics while holding this").clone()
    }

    /// Waits for its end, for at most this time, and no longer than until it starts to listen.
    pub fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let running = self.running.as_mut()?;
        match running.news.recv_timeout(patience) {
            Ok(_) | Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(running.child.wait().expect("a child can be waited for"))
            }
        }
    }

    /// Sends SIGKILL: no part of the process runs afterwards.
    ///
    /// # Panics
    ///
    /// When the process had already ended.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("the server runs");
        let early = running.child.try_wait().expect("a child can be waited for");
        assert_eq!(early, None, "the server ended by itself:\n{}", self.log());
        drop(running);
    }

    /// Runs the program with these arguments in the same environment, as an operator does, whether
    /// the server runs or not.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program can be started")
    }

    /// The same, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let surroundings = self.command.get_envs();
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env_clear()
            .envs(surroundings.filter_map(|(name, value)| Some((name, value?))))
            .current_dir(self.command.get_current_dir().expect("it was prepared with one"))
            .stdin(Stdio::null());
        command
    }

    /// Limits every file of the process to this number of bytes from now on, as a full disk would.
    /// `None` removes the limit.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let running = self.running.as_ref().expect("the server runs");
        // The child has inherited the hard limit and keeps it.
        let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
        let limit = Rlimit { current: bytes.or(maximum), maximum };
        prlimit(Some(Pid::from_child(&running.child)), Resource::Fsize, limit)
            .expect("it is our child");
    }

    /// The peak resident memory in bytes; `None` if the process has ended.
    pub fn peak_memory(&self) -> Option<u64> {
        self.status_bytes("VmHWM:")
    }

    /// The resident memory in bytes; `None` if the process has ended.
    pub fn memory(&self) -> Option<u64> {
        self.status_bytes("VmRSS:")
    }

    fn status_bytes(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(self.proc("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// The number of open files; `None` if the process has ended.
    pub fn open_files(&self) -> Option<usize> {
        Some(std::fs::read_dir(self.proc("fd")).ok()?.count())
    }

    fn proc(&self, file: &str) -> PathBuf {
        let running = self.running.as_ref().expect("the server runs");
        PathBuf::from(format!("/proc/{}/{file}", running.child.id()))
    }

    /// Sends SIGTERM and waits for the end, for at most a minute.
    pub fn terminate(&mut self) -> ExitStatus {
        self.ask_to_stop();
        let status = self.ended_within(TIMEOUT);
        status.unwrap_or_else(|| panic!("the server does not stop:\n{}", self.log()))
    }

    /// Sends SIGTERM.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn ask_to_reload(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let running = self.running.as_ref().expect("the server runs");
        kill_process(Pid::from_child(&running.child), signal).expect("it is our child");
    }
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// The address after the start of listening; disconnected when the process is gone.
    news: Receiver<SocketAddr>,
}

impl Running {
    fn spawn(command: &mut Command, log: &Arc<Mutex<String>>, errors: Option<&OwnedFd>) -> Self {
        let (reader, writer) = io::pipe().expect("the system has pipes");
        let second = writer.try_clone().expect("the system has descriptors");
        let errors = errors.map(|errors| errors.try_clone().expect("the system has descriptors"));
        let errors = errors.map_or_else(|| writer.into(), Stdio::from);
        let child = command.stdout(second).stderr(errors).spawn();
        // The command keeps its ends of the pipe, which would hide that the server's ends are
        // closed.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.expect("the program can be started");
        let (listening, news) = mpsc::channel();
        let log = Arc::clone(log);
        thread::spawn(move || follow(reader, &log, &listening));
        Self { child, news }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when the process has already ended, which is fine.
        drop(self.child.kill());
        drop(self.child.wait());
        // The complete output is in the log once the pipe is closed.
        while self.news.recv_timeout(TIMEOUT).is_ok() {}
    }
}

fn follow(output: PipeReader, log: &Mutex<String>, listening: &Sender<SocketAddr>) {
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let mut log = log.lock().expect("nobody panics while holding this");
        log.push_str(&line);
        log.push('\n');
        drop(log);
        if let Some(address) = listening_address(&line) {
            // The receiver may be gone.
            let _ = listening.send(address);
        }
    }
}

fn listening_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    let address = rest.split_once("://").map_or(rest, |(_, address)| address);
    address.split([' ', ',']).next()?.trim_end_matches('/').parse().ok()
}

/// The server built from the present sources, once in each test run.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let build = Command::new(env!("CARGO"))
            .args(["build", "--package", "portcullis", "--message-format=json-render-diagnostics"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo can be started");
        assert!(build.status.success(), "the server does not build");
        let messages = String::from_utf8_lossy(&build.stdout);
        messages.lines().find_map(executable).expect("cargo names the program it has built")
    })
}

/// The path in a cargo message, if the message is about the server program.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_program = message["target"]["name"] == "portcullis" && message["executable"].is_string();
    is_program.then(|| message["executable"].as_str().map(PathBuf::from))?
}

/// Variables that set the rate limits of a server so wide that no test reaches them.
const WIDE_RATE_LIMITS: [(&str, &str); 9] = [
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "1000"),
    ("RATE_LIMIT_LOGIN_WINDOW", "1"),
    ("RATE_LIMIT_FORGOT_ATTEMPTS", "1000"),
    ("RATE_LIMIT_FORGOT_WINDOW", "1"),
    ("RATE_LIMIT_REGISTER_ATTEMPTS", "1000"),
    ("RATE_LIMIT_REGISTER_WINDOW", "1"),
    ("PORTCULLIS__RATE_LIMIT__REQUESTS", "10000000"),
    ("PORTCULLIS__RATE_LIMIT__ACCOUNT_REQUESTS", "10000000"),
    ("PORTCULLIS__RATE_LIMIT__CONNECTIONS", "100000"),
];
