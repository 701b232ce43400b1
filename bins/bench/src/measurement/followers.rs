//! Followers of the revocation feed: the cost of thousands of them for a node, the delay of a revocation to
//! each, and the effect of followers that do not read on the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, timeout};

use crate::accounts;
use crate::bench::{Bench, Data};
use crate::client::{Client, bearing, post, source};
use crate::memory;
use crate::outcome::Result;
use crate::processor;
use crate::quantity::{count, size, time};
use crate::report::Row;
use crate::server::Server;
use crate::statistics::percentile;

/// One of this many followers never reads.
const IDLE: u32 = 100;

/// Revocations, one after the other.
const REVOCATIONS: u32 = 20;

/// The time over which the processor time of heartbeats is measured.
const QUIET: Duration = Duration::from_secs(10);

/// The timeout for all followers to connect, or to receive one revocation.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let followers = bench.options.followers;
    raise_file_limit(followers)?;
    let credential = Credential::of(bench)?;
    let digest = [("PORTCULLIS__SERVICES__BENCH", credential.digest.as_str())];
    let server = bench.server_with(Data::Common, &digest).await?;
    let memory::Bytes(before) = memory::resident(server.process())?;

    let (heard, mut hearing) = mpsc::unbounded_channel();
    let mut silent = Vec::new();
    for number in 0..followers {
        let stream = follow(&server, number, &credential.secret).await?;
        if number % IDLE == 0 {
            silent.push(stream);
        } else {
            tokio::spawn(listen(stream, heard.clone()));
        }
    }
    let listening = usize::try_from(followers)? - silent.len();
    let busy = processor::time(server.process())?;
    sleep(QUIET).await;
    let busy = processor::time(server.process())?.saturating_sub(busy);
    let memory::Bytes(after) = memory::resident(server.process())?;

    let times = revoke(bench, &server, listening, &mut hearing).await?;
    let memory::Bytes(peak) = memory::peak(server.process())?;
    drop(silent);
    drop(server);
    let per_follower = after.saturating_sub(before) / u64::from(followers);
    let share = 100.0 * busy.as_secs_f64() / QUIET.as_secs_f64();
    Ok(vec![
        Row::fact(
            "followers of the feed",
            size(after.saturating_sub(before)),
            format!(
                "{} followers, {per_follower} bytes each; {share:.0} % of one core for \
                 heartbeats; most memory in all {}",
                count(followers.into()),
                size(peak)
            ),
            "",
        ),
        Row::fact(
            "revocation to follower",
            time(percentile(&times, 50)),
            format!(
                "p99 {}, slowest {}; {} followers, {REVOCATIONS} revocations; one follower in \
                 {IDLE} never reads",
                time(percentile(&times, 99)),
                time(percentile(&times, 100)),
                count(listening.try_into()?)
            ),
            "< 1 s",
        ),
    ])
}

/// The credential of a follower, and its digest in the server's configuration.
#[derive(Deserialize)]
struct Credential {
    secret: String,
    digest: String,
}

impl Credential {
    fn of(bench: &Bench) -> Result<Self> {
        let made = bench
            .command(Data::Common)
            .args(["--json", "service", "credential", "bench"])
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into());
        }
        Ok(serde_json::from_slice(&made.stdout)?)
    }
}

/// Ends sessions one by one. Returns the delay from the answer to each follower, sorted.
async fn revoke(
    bench: &Bench,
    server: &Server,
    listening: usize,
    hearing: &mut UnboundedReceiver<(Arc<str>, Instant)>,
) -> Result<Vec<Duration>> {
    let people = bench.accounts.register(server.address, REVOCATIONS).await?;
    let mut client = Client::connect(server.address, source(0)).await?;
    let mut times = Vec::new();
    for tokens in accounts::sign_in(server.address, &people).await? {
        let sign_out = post(server.address, "/api/auth/logout", &serde_json::json!({}))?;
        let sign_out = bearing(sign_out, &tokens.access_token)?;
        client.send(sign_out).await?.expect(StatusCode::NO_CONTENT)?;
        let ended = Instant::now();
        let mut heard = BTreeMap::<Arc<str>, usize>::new();
        let all = async {
            while !heard.values().any(|count| *count == listening) {
                let Some((session, at)) = hearing.recv().await else { break };
                times.push(at.saturating_duration_since(ended));
                *heard.entry(session).or_default() += 1;
            }
        };
        timeout(TIMEOUT, all).await.map_err(|_| "a follower has not heard of a revocation")?;
    }
    times.sort_unstable();
    Ok(times)
}

/// Connects and requests the feed. Returns when the server has begun to answer.
async fn follow(server: &Server, number: u32, secret: &str) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source(number), 0).into())?;
    // The window of a follower that does not read must be full soon.
    socket.set_recv_buffer_size(4096)?;
    let mut stream = timeout(TIMEOUT, socket.connect(server.address)).await??;
    let request = format!(
        "GET /api/revocations HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\
         authorization: Bearer {secret}\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 12];
    timeout(TIMEOUT, stream.read_exact(&mut start)).await??;
    if start != *b"HTTP/1.1 200" {
        return Err(format!("the feed was answered with {}", start.escape_ascii()).into());
    }
    Ok(stream)
}

/// Reports every session in the feed, until the feed ends.
async fn listen(mut stream: TcpStream, heard: UnboundedSender<(Arc<str>, Instant)>) {
    let mut buffer = Vec::with_capacity(1024);
    while let Ok(1..) = stream.read_buf(&mut buffer).await {
        let at = Instant::now();
        let complete = Bytes::copy_from_slice(&buffer);
        for session in sessions(&complete) {
            drop(heard.send((session.into(), at)));
        }
        // The last line may continue in the next chunk.
        let rest = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        drop(buffer.drain(..rest));
    }
}

/// The sessions in complete lines.
fn sessions(text: &[u8]) -> Vec<&str> {
    const NAME: &str = "\"sid\":\"";
    let end = text.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    let lines = text.get(..end).and_then(|lines| str::from_utf8(lines).ok()).unwrap_or_default();
    lines.split(NAME).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn raise_file_limit(followers: u32) -> Result<()> {
    let needed = u64::from(followers) + 512;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).map_err(|error| {
            format!("{followers} followers need {needed} open files: {error}; see `ulimit -n`")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_read_from_complete_lines() {
        let text =
            b"data: [{\"sid\":\"a\",\"exp\":1},{\"sid\":\"b\",\"exp\":2}]\n\ndata: [{\"sid\":\"c\"";
        assert_eq!(sessions(text), ["a", "b"]);
        assert!(sessions(b"").is_empty());
    }
}
