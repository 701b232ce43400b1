//! A TLS client: one connection, and the certificate that the server showed on it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use portcullis_testkit::{TestCertificates, TestServer};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

/// The settings of clients that trust an authority.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) config: ClientConfig,
    address: String,
}

/// A connection.
pub(super) struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    pub(super) fn of(server: &TestServer, certificates: &TestCertificates) -> Self {
        Self::with(server, certificates, rustls::DEFAULT_VERSIONS)
    }

    pub(super) fn with(
        server: &TestServer,
        certificates: &TestCertificates,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificates.root().into()).expect("a root");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("the versions are supported")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config, address: address(server) }
    }

    /// Connects, and ends the handshake.
    pub(super) fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::new(self.config.clone()), name);
        let mut stream = StreamOwned::new(session.map_err(io::Error::other)?, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection(stream))
    }
}

impl Connection {
    /// The certificate of the server.
    pub(super) fn certificate(&self) -> Vec<u8> {
        let chain = self.0.conn.peer_certificates().expect("the server shows a certificate");
        chain.first().expect("of itself").to_vec()
    }

    pub(super) fn session(&self) -> &ClientConnection {
        &self.0.conn
    }

    /// Sends a GET and reads the response, whose length must be announced.
    pub(super) fn get(&mut self, path: &str) -> io::Result<String> {
        write!(self.0, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && body.len() >= content_length(head)
            {
                return Ok(text.into_owned());
            }
            let mut piece = [0; 4096];
            match self.0.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => bytes.extend_from_slice(&piece[..read]),
            }
        }
    }
}

impl Connection {
    /// Sends requests and reads no response, until an error.
    pub(super) fn send_without_reading(&mut self, path: &str) -> io::Error {
        let timeout = Some(Duration::from_secs(60));
        self.0.sock.set_write_timeout(timeout).expect("a socket has a timeout");
        loop {
            let sent = write!(self.0.conn.writer(), "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
            let sent = sent.and_then(|()| self.0.conn.write_tls(&mut self.0.sock));
            if let Err(error) = sent {
                return error;
            }
        }
    }
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).expect("a length")
}

/// Address and port of the server.
pub(super) fn address(server: &TestServer) -> String {
    let (_, address) = server.origin().split_once("://").expect("an origin");
    address.replace("localhost", "127.0.0.1")
}
