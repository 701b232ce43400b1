//! Connections from chosen loopback addresses, each of which is another client for the server.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A connection to the server at this origin, from an address such as 127.0.0.2.
pub fn connect_from(source: Ipv4Addr, origin: &str) -> TcpStream {
    let server = origin.strip_prefix("http://").expect("the server speaks HTTP");
    let server: SocketAddr = server.parse().expect("the server has a numeric address");
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a free descriptor");
    bind(&socket, &SocketAddrV4::new(source, 0)).expect("a free port");
    connect(&socket, &server).expect("the server listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(TIMEOUT)).expect("a socket takes a timeout");
    stream
}

/// Longer than any response takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Raises the soft limit of open files of this process to the hard limit.
///
/// # Panics
///
/// When the hard limit is below this number.
pub fn raise_file_limit(needed: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|maximum| maximum >= needed), "ulimit -Hn is below {needed}");
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it is permitted");
}
