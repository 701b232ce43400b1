//! A TCP proxy between a server and its database, which can delay, drop or cut connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// A TCP proxy on a separate port.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<String>>,
    wire: Arc<Mutex<Wire>>,
}

#[derive(Default)]
struct Wire {
    is_cut: bool,
    is_silent: bool,
    /// The delay of each direction.
    latency: Duration,
    /// The message of a client after which no answer is forwarded.
    last_words: Option<&'static [u8]>,
    /// True after that message was sent.
    is_deaf: bool,
    /// Both ends of every connection so far.
    ends: Vec<TcpStream>,
}

impl Proxy {
    /// Forwards connections to the database of a URL. Returns the URL of the proxy too.
    pub(crate) fn to_database(url: &str) -> (Self, String) {
        let (_, rest) = url.split_once('@').expect("the URL names a user");
        let (target, _) = rest.split_once('/').expect("the URL names a database");
        let proxy = Self::to(target);
        let url = url.replace(target, &proxy.address.to_string());
        (proxy, url)
    }

    /// Forwards connections to the server of an origin. Returns the origin of the proxy too.
    pub(crate) fn to_server(origin: &str) -> (Self, String) {
        let proxy = Self::to(address_of(origin));
        let origin = format!("http://{}", proxy.address);
        (proxy, origin)
    }

    /// Forwards new connections to the server of that origin.
    pub(crate) fn lead_to(&self, origin: &str) {
        address_of(origin)
            .clone_into(&mut self.target.lock().expect("nobody panics while holding this"));
    }

    /// Starts to forward connections to that address.
    fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let wire = Arc::<Mutex<Wire>>::default();
        let target = Arc::new(Mutex::new(target.to_owned()));
        let (shared, leads_to) = (Arc::clone(&wire), Arc::clone(&target));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A connection that is not forwarded is closed by its drop.
                let target = leads_to.lock().expect("nobody panics while holding this").clone();
                drop(connect(&client, &target, &shared));
            }
        });
        Self { address, target, wire }
    }

    /// Closes every connection, and every new one at once.
    pub(crate) fn cut(&self) {
        let mut wire = self.wire.lock().expect("nobody panics while holding this");
        wire.is_cut = true;
        for end in wire.ends.drain(..) {
            // It may be closed already.
            drop(end.shutdown(Shutdown::Both));
        }
    }

    /// Drops every byte without closing, like a machine without power.
    pub(crate) fn silence(&self) {
        self.wire.lock().expect("nobody panics while holding this").is_silent = true;
    }

    /// Delays each direction by this time, like a distant network.
    pub(crate) fn delay(&self, latency: Duration) {
        self.wire.lock().expect("nobody panics while holding this").latency = latency;
    }

    /// After the first message with these words, requests are forwarded and answers are dropped.
    pub(crate) fn lose_answers_from(&self, words: &'static [u8]) {
        self.wire.lock().expect("nobody panics while holding this").last_words = Some(words);
    }

    /// True if that message was sent.
    pub(crate) fn has_lost_answers(&self) -> bool {
        self.wire.lock().expect("nobody panics while holding this").is_deaf
    }

    /// Forwards new connections again without delay, and closes those that have lost bytes.
    pub(crate) fn mend(&self) {
        self.cut();
        *self.wire.lock().expect("nobody panics while holding this") = Wire::default();
    }
}

fn address_of(origin: &str) -> &str {
    origin.strip_prefix("http://").expect("an origin begins with its scheme")
}

fn connect(client: &TcpStream, target: &str, shared: &Arc<Mutex<Wire>>) -> io::Result<()> {
    let mut wire = shared.lock().expect("nobody panics while holding this");
    if wire.is_cut {
        return Ok(());
    }
    let server = TcpStream::connect(target)?;
    for (from, to, is_request) in [(client, &server, true), (&server, client, false)] {
        wire.ends.push(from.try_clone()?);
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let shared = Arc::clone(shared);
        thread::spawn(move || carry(from, to, is_request, &shared));
    }
    Ok(())
}

/// Waits for this time.
fn pass(time: Duration) {
    let (_nobody, nothing) = mpsc::channel::<()>();
    if !time.is_zero() {
        assert!(nothing.recv_timeout(time).is_err(), "nobody sends anything");
    }
}

/// Forwards bytes in one direction until one end closes, and then closes the other.
fn carry(mut from: TcpStream, mut to: TcpStream, is_request: bool, wire: &Mutex<Wire>) {
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let (is_lost, latency) = {
            let mut wire = wire.lock().expect("nobody panics while holding this");
            let says = |words: &[u8]| buffer[..count].windows(words.len()).any(|it| it == words);
            wire.is_deaf |= is_request && wire.last_words.is_some_and(says);
            (wire.is_silent || (wire.is_deaf && !is_request), wire.latency)
        };
        pass(latency);
        if !is_lost && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}
