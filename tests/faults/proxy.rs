//! A TCP proxy between a server and its database, which can delay, drop or cut connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// The message as it is sent, unlike the words READ COMMITTED.
const COMMIT: &[u8] = b"COMMIT\0";

/// A TCP proxy on a separate port.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<String>>,
    state: Arc<Mutex<ProxyState>>,
}

#[derive(Default)]
struct ProxyState {
    is_cut: bool,
    is_silent: bool,
    /// The delay of each direction.
    latency: Duration,
    /// Words of a transaction after whose commit no answer is forwarded.
    lost_commit: Option<&'static [u8]>,
    /// True after that commit was sent.
    is_unanswered: bool,
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
        let state = Arc::<Mutex<ProxyState>>::default();
        let target = Arc::new(Mutex::new(target.to_owned()));
        let (shared, leads_to) = (Arc::clone(&state), Arc::clone(&target));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A connection that is not forwarded is closed by its drop.
                let target = leads_to.lock().expect("nobody panics while holding this").clone();
                drop(connect(&client, &target, &shared));
            }
        });
        Self { address, target, state }
    }

    /// Closes every connection, and every new one at once.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().expect("nobody panics while holding this");
        state.is_cut = true;
        for end in state.ends.drain(..) {
            // It may be closed already.
            drop(end.shutdown(Shutdown::Both));
        }
    }

    /// Drops every byte without closing, like a machine without power.
    pub(crate) fn silence(&self) {
        self.state.lock().expect("nobody panics while holding this").is_silent = true;
    }

    /// Delays each direction by this time, like a distant network.
    pub(crate) fn delay(&self, latency: Duration) {
        self.state.lock().expect("nobody panics while holding this").latency = latency;
    }

    /// After the commit of the first transaction with these words, requests are forwarded and answers are
    /// dropped. A job of the server may commit something else at any moment.
    pub(crate) fn lose_answers_from_commit_of(&self, words: &'static [u8]) {
        self.state.lock().expect("nobody panics while holding this").lost_commit = Some(words);
    }

    /// True if that commit was sent.
    pub(crate) fn has_lost_answers(&self) -> bool {
        self.state.lock().expect("nobody panics while holding this").is_unanswered
    }

    /// Forwards new connections again without delay, and closes those that have lost bytes.
    pub(crate) fn mend(&self) {
        self.cut();
        *self.state.lock().expect("nobody panics while holding this") = ProxyState::default();
    }
}

fn address_of(origin: &str) -> &str {
    origin.strip_prefix("http://").expect("an origin begins with its scheme")
}

fn connect(client: &TcpStream, target: &str, shared: &Arc<Mutex<ProxyState>>) -> io::Result<()> {
    let mut state = shared.lock().expect("nobody panics while holding this");
    if state.is_cut {
        return Ok(());
    }
    let server = TcpStream::connect(target)?;
    for (from, to, is_request) in [(client, &server, true), (&server, client, false)] {
        state.ends.push(from.try_clone()?);
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
fn carry(mut from: TcpStream, mut to: TcpStream, is_request: bool, state: &Mutex<ProxyState>) {
    let mut buffer = [0; 8192];
    let mut has_said = false;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let (is_lost, latency) = {
            let mut state = state.lock().expect("nobody panics while holding this");
            let says = |words: &[u8]| buffer[..count].windows(words.len()).any(|it| it == words);
            has_said |= is_request && state.lost_commit.is_some_and(says);
            state.is_unanswered |= has_said && says(COMMIT);
            (state.is_silent || (state.is_unanswered && !is_request), state.latency)
        };
        pass(latency);
        if !is_lost && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}
