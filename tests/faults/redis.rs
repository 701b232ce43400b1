//! A Redis server for one test, which may be killed.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// The password of the server.
const PASSWORD: &str = "wKd83nTz0qLx5vRb7YcM";

/// A running server without persistence. Dropping it kills the process.
pub(crate) struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    /// Starts a server on a free port and waits until it accepts connections.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        drop(listener);
        let mut redis = Self { child: spawn(address).expect("redis-server is installed"), address };
        while TcpStream::connect(address).is_err() {
            let ended = redis.child.try_wait().expect("a child can be waited for");
            assert_eq!(ended, None, "redis-server ended");
        }
        redis
    }

    /// The URL of the server.
    pub(crate) fn url(&self) -> String {
        format!("redis://:{PASSWORD}@{}", self.address)
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The process may have been killed already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(address: SocketAddr) -> io::Result<Child> {
    let mut server = Command::new("redis-server")
        // The password is not an argument, because all users of the machine can read arguments.
        .args(["-", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
        .arg(address.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut configuration = server.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
    writeln!(configuration, "requirepass {PASSWORD}")?;
    Ok(server)
}
