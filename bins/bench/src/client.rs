//! One HTTP/1.1 connection of one client.
//!
//! The task that waits for an answer also drives the connection. Without a second task and a channel the
//! load uses less of the machine that it shares with the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::request;
use hyper::http::response::Parts;
use hyper::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

use crate::outcome::Result;

pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// A client, which connects again after the server has closed the connection.
pub(crate) struct Client {
    server: SocketAddr,
    source: IpAddr,
    connection: Option<Connection>,
}

/// A complete answer.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    open: bool,
}

impl Client {
    /// Connects from the given local address.
    pub(crate) async fn connect(server: SocketAddr, source: IpAddr) -> Result<Self> {
        let connection = Some(Connection::open(server, source).await?);
        Ok(Self { server, source, connection })
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send(&mut self, request: Request) -> Result<Answer> {
        let read = |body: Incoming| async { Ok(body.collect().await?.to_bytes()) };
        let (head, body) = self.exchange(request, read).await?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// Sends a request and passes the body of the answer on in chunks, without storing it. An incomplete
    /// body is an error.
    pub(crate) async fn download(
        &mut self,
        request: Request,
        mut take: impl FnMut(&[u8]),
    ) -> Result<StatusCode> {
        let read = |mut body: Incoming| async move {
            while let Some(frame) = body.frame().await {
                if let Some(chunk) = frame?.data_ref() {
                    take(chunk);
                }
            }
            Ok(())
        };
        let (head, ()) = self.exchange(request, read).await?;
        Ok(head.status)
    }

    async fn exchange<T, F: Future<Output = Result<T>>>(
        &mut self,
        request: Request,
        read: impl FnOnce(Incoming) -> F,
    ) -> Result<(Parts, T)> {
        let mut connection = match self.connection.take() {
            Some(connection) if connection.open => connection,
            _ => Connection::open(self.server, self.source).await?,
        };
        let answer = connection.exchange(request, read).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

impl Connection {
    async fn open(server: SocketAddr, source: IpAddr) -> Result<Self> {
        let socket = if server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(source, 0))?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Box::pin(driver), open: true })
    }

    async fn exchange<T, F: Future<Output = Result<T>>>(
        &mut self,
        request: Request,
        read: impl FnOnce(Incoming) -> F,
    ) -> Result<(Parts, T)> {
        let sender = &mut self.sender;
        let mut exchange = pin!(async move {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            Ok((head, read(body).await?))
        });
        tokio::select! {
            biased;
            answer = &mut exchange => return answer,
            ended = &mut self.driver => ended?,
        }
        // The server closes the connection after this answer, which has been read completely.
        self.open = false;
        exchange.await
    }
}

/// The address of the client of that number: each client has another one.
pub(crate) fn source(number: u32) -> IpAddr {
    const FIRST: u32 = u32::from_be_bytes([127, 0, 0, 2]);
    Ipv4Addr::from(FIRST.saturating_add(number)).into()
}

/// A GET request, with an access token if there is one.
pub(crate) fn get(server: SocketAddr, path: &str, access_token: Option<&str>) -> Result<Request> {
    let request = head(Method::GET, server, path).body(Full::default())?;
    match access_token {
        Some(token) => bearing(request, token),
        None => Ok(request),
    }
}

/// The request, with an access token.
pub(crate) fn bearing(mut request: Request, access_token: &str) -> Result<Request> {
    let value = HeaderValue::try_from(format!("Bearer {access_token}"))?;
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(request)
}

/// A POST request with a JSON body.
pub(crate) fn post(server: SocketAddr, path: &str, body: &serde_json::Value) -> Result<Request> {
    let request = head(Method::POST, server, path).header(CONTENT_TYPE, "application/json");
    Ok(request.body(Full::from(body.to_string()))?)
}

/// A POST request with a body that is not JSON.
pub(crate) fn post_text(server: SocketAddr, path: &str) -> Result<Request> {
    let request = head(Method::POST, server, path).header(CONTENT_TYPE, "text/plain");
    Ok(request.body(Full::from("text"))?)
}

fn head(method: Method, server: SocketAddr, path: &str) -> request::Builder {
    hyper::Request::builder().method(method).uri(path).header(HOST, server.to_string())
}

impl Answer {
    /// This answer, if it has the expected status.
    pub(crate) fn expect(self, expected: StatusCode) -> Result<Self> {
        if self.status == expected {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(format!("expected {expected}, got {}: {body}", self.status).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_have_loopback_addresses_of_their_own() {
        assert_eq!(source(0), IpAddr::from([127, 0, 0, 2]));
        assert_eq!(source(253), IpAddr::from([127, 0, 0, 255]));
        assert_eq!(source(254), IpAddr::from([127, 0, 1, 0]));
    }
}
