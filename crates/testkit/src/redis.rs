//! Redis servers for tests: the shared one, and one for a single test that may be killed.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The environment variable with the URL of the Redis for tests; `tests/run` sets it.
const REDIS: &str = "PORTCULLIS_TEST_REDIS";

/// The URL of the Redis that all tests share. A missing server is a failure; the test is never
/// skipped.
pub fn redis_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "the runner hands the address over this way")]
    let url = std::env::var(REDIS);
    url.unwrap_or_else(|_| panic!("{REDIS} is not set: run the tests with tests/run"))
}

/// The password of the servers of single tests.
const PASSWORD: &str = "wKd83nTz0qLx5vRb7YcM";

/// A server process without persistence, for one test. Dropping it kills the process.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    address: SocketAddr,
    command: Command,
    _folder: TempDir,
}

impl RedisServer {
    /// Starts a server on a free port and waits until it accepts connections.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a server with further lines of configuration. `{port}` in them is its port.
    pub fn start_with(configuration: &str) -> Self {
        Self::start_as(&[], configuration)
    }

    /// Starts a Sentinel with these lines of configuration.
    pub fn start_sentinel(configuration: &str) -> Self {
        Self::start_as(&["--sentinel"], configuration)
    }

    fn start_as(arguments: &[&str], further: &str) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder can be created");
        // Not as arguments, because all users of the machine can read those.
        let configuration = format!(
            "bind 127.0.0.1\nport {port}\nsave \"\"\nappendonly no\nrequirepass {PASSWORD}\n{}\n",
            further.replace("{port}", &port.to_string())
        );
        let file = folder.path().join("redis.conf");
        fs::write(&file, configuration).expect("the folder is writable");
        let mut command = Command::new("redis-server");
        command.arg(file).args(arguments).current_dir(folder.path()).stdout(Stdio::null());
        let child = command.spawn().expect("redis-server is installed");
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut server = Self { child, address, command, _folder: folder };
        server.wait();
        server
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD}@{}", self.address)
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The password of the default user.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts a killed server again, empty and with the same address.
    pub fn restart(&mut self) {
        self.child = self.command.spawn().expect("redis-server is installed");
        self.wait();
    }

    /// Stops the process by SIGSTOP: connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues the process by SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is our child");
    }

    /// Waits until the server has started completely: until it answers, or closes a connection
    /// without TLS.
    fn wait(&mut self) {
        let is_answered = |mut connection: TcpStream| {
            connection.write_all(b"PING\r\n").is_ok()
                && match connection.read(&mut [0; 64]) {
                    Ok(_) => true,
                    Err(error) => error.kind() == ErrorKind::ConnectionReset,
                }
        };
        while !TcpStream::connect(self.address).is_ok_and(is_answered) {
            let ended = self.child.try_wait().expect("a child can be waited for");
            assert_eq!(ended, None, "redis-server ended");
        }
        assert_eq!(self.child.try_wait().expect("a child can be waited for"), None);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // The process may have been killed already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that nobody uses, and that no later call returns. It lies below the range that Linux hands
/// out itself, so no connection takes it before its server does.
pub fn free_port() -> u16 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(1_009);
    loop {
        let number = start.wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(12_000 + number % 8_000).expect("it is below 20000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
