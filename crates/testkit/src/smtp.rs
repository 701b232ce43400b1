//! SMTP server in the process of the test: it receives mails, with or without TLS, and answers each step as
//! the test wants.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mailparse::{MailHeaderMap, ParsedMail, parse_mail};
use rcgen::SanType;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::TestCertificates;

/// A step of the protocol at which the test decides the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpStep<'a> {
    /// A new connection, before the greeting.
    Connect,
    /// The command AUTH with its credentials in base64.
    Authentication(&'a str),
    /// The command RCPT with this address.
    Recipient(&'a str),
    /// The end of the content of a mail to this address.
    Content(&'a str),
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpAnswer {
    /// The usual reply.
    Usual,
    /// This reply. A mail is not kept.
    Reply(&'static str),
    /// The mail is kept; then the connection ends without a reply.
    KeepAndDrop,
    /// The connection ends without a reply.
    Drop,
    /// The usual reply after this time, or the end of the server.
    After(Duration),
}

/// A mail as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The address of the recipient.
    pub to: String,
    /// The headers and the parts, as sent.
    pub content: Vec<u8>,
    /// True if the connection was encrypted.
    pub encrypted: bool,
}

impl ReceivedMail {
    fn parsed(&self) -> ParsedMail<'_> {
        parse_mail(&self.content).expect("the mail is well-formed")
    }

    /// The value of a header, decoded.
    pub fn header(&self, name: &str) -> Option<String> {
        self.parsed().headers.get_first_value(name)
    }

    /// The names of all headers.
    pub fn header_names(&self) -> Vec<String> {
        self.parsed().headers.iter().map(mailparse::MailHeader::get_key).collect()
    }

    /// The part of this type, decoded.
    pub fn part(&self, mime_type: &str) -> String {
        let parsed = self.parsed();
        let part = parsed.parts().find(|part| part.ctype.mimetype == mime_type);
        part.expect("the mail has the part").get_body().expect("the part can be decoded")
    }

    /// The secret in the link of the mail, if it has one.
    pub fn token(&self) -> Option<String> {
        let text = self.part("text/plain");
        let (_, rest) = text.split_once("?token=")?;
        let is_token = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        Some(rest.chars().take_while(is_token).collect())
    }
}

type Rule = Box<dyn Fn(SmtpStep<'_>) -> SmtpAnswer + Send + Sync>;

struct Shared {
    received: Mutex<Vec<ReceivedMail>>,
    rule: Mutex<Arc<Rule>>,
    tls: Arc<ServerConfig>,
    offers_starttls: AtomicBool,
    wraps_at_once: bool,
    connections: AtomicUsize,
    closing: Mutex<bool>,
    closed: Condvar,
}

/// An SMTP server on a port of its own, until the value is dropped.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    certificates: TestCertificates,
}

impl SmtpServer {
    /// A server that offers STARTTLS and accepts every mail.
    pub fn start() -> Self {
        Self::launch(TestCertificates::new(), false)
    }

    /// A server whose certificate has another name.
    pub fn start_under_another_name() -> Self {
        let certificates = TestCertificates::new();
        certificates.issue_with(|params| {
            let name = "elsewhere.example".try_into().expect("the name is valid");
            params.subject_alt_names = vec![SanType::DnsName(name)];
        });
        Self::launch(certificates, false)
    }

    /// A server that begins with TLS.
    pub fn start_with_tls() -> Self {
        Self::launch(TestCertificates::new(), true)
    }

    fn launch(certificates: TestCertificates, wraps_at_once: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let rule: Rule = Box::new(|_| SmtpAnswer::Usual);
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            rule: Mutex::new(Arc::new(rule)),
            tls: Arc::new(tls(&certificates)),
            offers_starttls: AtomicBool::new(true),
            wraps_at_once,
            connections: AtomicUsize::new(0),
            closing: Mutex::new(false),
            closed: Condvar::new(),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *lock(&accepting.closing) {
                    break;
                }
                let shared = accepting.clone();
                // The error of a connection is the end of the connection.
                thread::spawn(move || {
                    drop(shared.serve(&stream));
                    drop(stream.shutdown(Shutdown::Both));
                });
            }
        });
        Self { address, shared, certificates }
    }

    /// The port, on 127.0.0.1 and under the name localhost.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificates of the server.
    pub fn certificates(&self) -> &TestCertificates {
        &self.certificates
    }

    /// Answers every step by this rule from now on.
    pub fn answer(&self, rule: impl Fn(SmtpStep<'_>) -> SmtpAnswer + Send + Sync + 'static) {
        *lock(&self.shared.rule) = Arc::new(Box::new(rule));
    }

    /// No longer offers STARTTLS.
    pub fn withdraw_starttls(&self) {
        self.shared.offers_starttls.store(false, Ordering::SeqCst);
    }

    /// All mails received so far.
    pub fn received(&self) -> Vec<ReceivedMail> {
        lock(&self.shared.received).clone()
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        *lock(&self.shared.closing) = true;
        self.shared.closed.notify_all();
        // Ends the wait for the next connection.
        drop(TcpStream::connect(self.address));
    }
}

fn tls(certificates: &TestCertificates) -> ServerConfig {
    let files = certificates.files();
    let chain = CertificateDer::from_pem_file(files.certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(files.key).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("they belong together")
}

/// A connection.
enum Wire {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn write(&mut self, text: &str) -> io::Result<()> {
        let text = format!("{text}\r\n");
        match self {
            Self::Plain(stream) => stream.write_all(text.as_bytes()),
            Self::Encrypted(stream) => {
                stream.write_all(text.as_bytes())?;
                stream.flush()
            }
        }
    }

    /// The next line without its end; `None` at the end of the connection.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            let read = match self {
                Self::Plain(stream) => stream.read(&mut byte),
                Self::Encrypted(stream) => stream.read(&mut byte),
            };
            match read? {
                0 => return Ok(None),
                _ if byte == *b"\n" => {
                    line.truncate(line.len() - usize::from(line.ends_with(b"\r")));
                    return Ok(Some(line));
                }
                _ => line.push(byte[0]),
            }
        }
    }
}

impl Shared {
    fn serve(&self, socket: &TcpStream) -> io::Result<()> {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let mut wire = Wire::Plain(socket.try_clone()?);
        if self.wraps_at_once {
            wire = self.encrypted(socket)?;
        }
        let mut recipient = String::new();
        if !self.reply(&mut wire, SmtpStep::Connect, "220 test ESMTP", None)? {
            return Ok(());
        }
        while let Some(line) = wire.line()? {
            let line = String::from_utf8_lossy(&line).into_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => wire.write(self.extensions(&wire))?,
                "STARTTLS" => {
                    wire.write("220 ready")?;
                    wire = self.encrypted(socket)?;
                }
                "AUTH" => {
                    let step = SmtpStep::Authentication(rest);
                    if !self.reply(&mut wire, step, "235 welcome", None)? {
                        return Ok(());
                    }
                }
                "RCPT" => {
                    rest.trim_start_matches("TO:<")
                        .trim_end_matches('>')
                        .clone_into(&mut recipient);
                    let step = SmtpStep::Recipient(&recipient);
                    if !self.reply(&mut wire, step, "250 ok", None)? {
                        return Ok(());
                    }
                }
                "DATA" => {
                    wire.write("354 go on")?;
                    let Some(content) = content(&mut wire)? else { return Ok(()) };
                    let encrypted = matches!(wire, Wire::Encrypted(_));
                    let mail = ReceivedMail { to: recipient.clone(), content, encrypted };
                    let step = SmtpStep::Content(&recipient);
                    if !self.reply(&mut wire, step, "250 kept", Some(mail))? {
                        return Ok(());
                    }
                }
                "QUIT" => return wire.write("221 bye"),
                _ => wire.write("250 ok")?,
            }
        }
        Ok(())
    }

    /// Answers a step, and keeps the mail if it is accepted. Returns false if the connection ends.
    fn reply(
        &self,
        wire: &mut Wire,
        step: SmtpStep<'_>,
        usual: &str,
        mail: Option<ReceivedMail>,
    ) -> io::Result<bool> {
        let rule = lock(&self.rule).clone();
        let answer = rule(step);
        match answer {
            SmtpAnswer::Reply(reply) => {
                wire.write(reply)?;
                return Ok(true);
            }
            SmtpAnswer::Drop => return Ok(false),
            SmtpAnswer::After(time) => self.wait(time),
            SmtpAnswer::Usual | SmtpAnswer::KeepAndDrop => {}
        }
        lock(&self.received).extend(mail);
        if answer == SmtpAnswer::KeepAndDrop {
            return Ok(false);
        }
        wire.write(usual)?;
        Ok(true)
    }

    fn wait(&self, time: Duration) {
        let closing = lock(&self.closing);
        let waited = self.closed.wait_timeout_while(closing, time, |closing| !*closing);
        drop(waited);
    }

    fn encrypted(&self, socket: &TcpStream) -> io::Result<Wire> {
        let connection = ServerConnection::new(self.tls.clone()).map_err(io::Error::other)?;
        Ok(Wire::Encrypted(Box::new(StreamOwned::new(connection, socket.try_clone()?))))
    }

    fn extensions(&self, wire: &Wire) -> &'static str {
        let is_plain = matches!(wire, Wire::Plain(_));
        if is_plain && self.offers_starttls.load(Ordering::SeqCst) {
            "250-test\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"
        } else {
            "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN"
        }
    }
}

/// The content of a mail, without the dots that the protocol doubles; `None` at the end of the connection.
fn content(wire: &mut Wire) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    while let Some(line) = wire.line()? {
        if line == b"." {
            return Ok(Some(content));
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        content.extend_from_slice(line);
        content.extend_from_slice(b"\r\n");
    }
    Ok(None)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
