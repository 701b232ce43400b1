//! `Smtp`: connections to the mail server, and the delivery of one message.
//!
//! A connection is used again only after a delivery that ended well. One on which a delivery failed, or
//! was given up in the middle, is closed: its next reply could belong to the former mail.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use portcullis_domain::{ExposeSecret, SecretString, open_regular_file};
use portcullis_flows::node::outbox::SendError;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::message::Prepared;
use crate::reply_stream::ReplyStream;

/// The settings of the mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its host name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The encryption of the connection.
    pub encryption: Encryption,
    /// A PEM file of certificate authorities to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// User name and password.
    pub credentials: Option<(String, SecretString)>,
    /// The maximum time to connect and to authenticate.
    pub connect_timeout: Duration,
    /// The maximum time to deliver one mail on a connection.
    pub delivery_timeout: Duration,
    /// The maximum number of idle connections.
    pub connections: usize,
}

/// The encryption of the connection to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS that begins with the command STARTTLS, usually on port 587. A server without it is not used.
    StartTls,
    /// TLS from the first byte, usually on port 465.
    Tls,
    /// None: for a mail server on the same machine.
    None,
}

/// The reason why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The file of certificate authorities.
    #[error("the file of certificate authorities cannot be used: {0}")]
    CaFile(String),
    /// The settings of TLS.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
    /// The operating system gives no thread.
    #[error("no thread for the connections: {0}")]
    Thread(std::io::Error),
}

impl SmtpSettings {
    /// Checks the settings of TLS, with the file of certificate authorities.
    ///
    /// # Errors
    ///
    /// If they cannot be used.
    pub fn check(&self) -> Result<(), SmtpError> {
        match self.encryption {
            Encryption::None => Ok(()),
            Encryption::StartTls | Encryption::Tls => tls(self).map(drop),
        }
    }

    /// The maximum duration of one delivery, with a new connection.
    pub const fn send_timeout(&self) -> Duration {
        self.connect_timeout.saturating_add(self.delivery_timeout)
    }
}

/// The time after which an idle connection is not used again. Mail servers close idle ones after
/// minutes.
const MAX_IDLE: Duration = Duration::from_secs(30);

pub(crate) struct Smtp {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(crate) fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Tls => Some(tls(&settings)?),
        };
        Ok(Self { settings, tls, hello: ClientId::default(), idle: Mutex::default() })
    }

    /// Delivers one message.
    pub(crate) async fn send(&self, message: &Prepared) -> Result<(), SendError> {
        let SmtpSettings { connect_timeout, delivery_timeout, .. } = self.settings;
        let no_connection = |_| SendError::Unavailable("no connection in time".to_owned());
        let connection =
            timeout(connect_timeout, self.connection()).await.map_err(no_connection)?;
        let mut connection =
            connection.map_err(|error| SendError::Unavailable(error.to_string()))?;
        let sent = timeout(delivery_timeout, connection.send(&message.envelope, &message.bytes));
        match sent.await {
            Ok(Ok(_)) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(error)) => Err(refusal(&error)),
            Err(_) => Err(SendError::Deferred("no reply in time".to_owned())),
        }
    }

    /// An idle connection that still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, ConnectError> {
        while let Some(mut connection) = self.take_idle() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, ConnectError> {
        let SmtpSettings { host, port, encryption, credentials, .. } = &self.settings;
        let server = (host.as_str(), *port);
        let implicit = self.tls.clone().filter(|_| *encryption == Encryption::Tls);
        let mut connection = if let Some(tls) = implicit {
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, Some(tls), None).await
        } else {
            let stream = TcpStream::connect(server).await.map_err(ConnectError::Tcp)?;
            // The end of a mail is a write of its own. Without this, it waits until the server has
            // acknowledged the mail, often for 40 ms. The library gives no access to the socket of
            // implicit TLS.
            stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
            let stream = Box::new(ReplyStream::new(stream));
            AsyncSmtpConnection::connect_with_transport(stream, &self.hello).await
        }?;
        if let (Encryption::StartTls, Some(tls)) = (encryption, &self.tls) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < MAX_IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.settings.connections {
            idle.push((connection, Instant::now()));
        }
    }
}

fn tls(settings: &SmtpSettings) -> Result<TlsParameters, SmtpError> {
    let mut builder =
        TlsParameters::builder(settings.host.clone()).certificate_store(CertificateStore::Default);
    if let Some(path) = &settings.ca_file {
        let unusable = |problem: String| SmtpError::CaFile(problem);
        let mut pem = Vec::new();
        let read = open_regular_file(path).and_then(|mut file| file.read_to_end(&mut pem));
        read.map_err(|error| unusable(error.to_string()))?;
        let certificate =
            Certificate::from_pem(&pem).map_err(|error| unusable(described(&error)))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| SmtpError::Tls(described(&error)))
}

/// Tells a refusal of this mail from one of every mail.
fn refusal(error: &Error) -> SendError {
    let text = described(error);
    let code = error.status().map(u16::from);
    match code {
        // The service ends, or it wants authentication or encryption first.
        Some(421 | 454 | 530 | 534 | 535 | 538) => SendError::Unavailable(text),
        Some(_) if error.is_permanent() => SendError::Refused(text),
        // The server cannot take this address or this content.
        None if error.is_client() => SendError::Refused(text),
        _ => SendError::Deferred(text),
    }
}

/// An error in words. Of a reply, it has the codes only (RFC 5321 section 4.2, RFC 3463): the text of
/// a server may repeat the mail, with the secret of its link.
fn described(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    if let Some(code) = error.status() {
        let enhanced = source.as_deref().and_then(enhanced_status);
        return format!("reply {}{}", u16::from(code), enhanced.unwrap_or_default());
    }
    if error.is_response() {
        return "a malformed reply".to_owned();
    }
    error.to_string()
}

/// The enhanced status at the beginning of the text of a reply, after a space.
fn enhanced_status(text: &str) -> Option<String> {
    let status = text.split(' ').next()?;
    let mut parts = status.split('.');
    let is_part = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_status = parts.clone().count() == 3 && parts.all(is_part);
    is_status.then(|| format!(" {status}"))
}

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("no connection: {0}")]
    Tcp(std::io::Error),
    #[error("{}", described(.0))]
    Smtp(#[from] Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_is_taken_out_of_a_reply() {
        assert_eq!(enhanced_status("5.1.1 user unknown").as_deref(), Some(" 5.1.1"));
        for text in ["", "no 5.1.1", "5.1", "5.1.1.1", "5.a.1 x", "5.1.1234 x", "token=abc"] {
            assert_eq!(enhanced_status(text), None, "{text}");
        }
    }
}
