//! The latency that the shared rate limit adds to a request, in every state of Redis.
//!
//! The request is a sign-in with a body of the wrong type: it is refused after its rate limit, so that
//! nothing but the stack and the limit takes time. Each client has an address of its own, with an empty
//! window.

use std::time::Duration;

use hyper::StatusCode;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::bench::{Bench, Data};
use crate::client::{Client, post_text, source};
use crate::outcome::Result;
use crate::quantity::{ratio, time};
use crate::redis::Redis;
use crate::report::Row;
use crate::server::{Server, free_address};
use crate::statistics::percentile;

/// Requests of one state.
const REQUESTS: u32 = 500;

/// The time after which the server uses a Redis again that has returned.
const RETURN: Duration = Duration::from_secs(6);

/// A state of Redis.
struct State {
    name: &'static str,
    cause: fn(&Redis) -> Result<()>,
    end: fn(&Redis) -> Result<()>,
}

const STATES: [State; 6] = [
    State { name: "Redis up", cause: |_| Ok(()), end: |_| Ok(()) },
    State { name: "Redis flushed", cause: |redis| redis.command(&["FLUSHALL"]), end: |_| Ok(()) },
    State { name: "Redis slow, 3 s", cause: |redis| redis.block(3), end: |_| Ok(()) },
    State {
        name: "Redis silent",
        cause: |redis| redis.signal(Signal::STOP),
        end: |redis| redis.signal(Signal::CONT),
    },
    State {
        name: "Redis out of memory",
        cause: |redis| redis.command(&["CONFIG", "SET", "maxmemory", "1"]),
        end: |redis| redis.command(&["CONFIG", "SET", "maxmemory", "0"]),
    },
    State { name: "Redis killed", cause: |redis| redis.signal(Signal::KILL), end: |_| Ok(()) },
];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut clients = 0..;
    let alone = bench.server().await?;
    let quiet = latencies(&alone, &mut clients).await?;
    alone.stop().await?;
    let quiet_half = percentile(&quiet, 50);
    let mut rows = vec![Row::fact(
        "sign-in refused by its type",
        time(quiet_half),
        format!("p99 {}; without Redis", time(percentile(&quiet, 99))),
        "",
    )];
    let redis = Redis::start(free_address()?, &bench.file("")).await?;
    let server = bench.server_with(Data::Common, &[("REDIS_URL", &redis.url())]).await?;
    for State { name, cause, end } in STATES {
        // Loads the script, and opens the connection.
        latencies(&server, &mut clients).await?;
        cause(&redis)?;
        let seen = latencies(&server, &mut clients).await?;
        end(&redis)?;
        let slow = seen.iter().filter(|latency| **latency > 10 * quiet_half).count();
        rows.push(Row {
            against: format!("without Redis: {}", time(quiet_half)),
            ratio: ratio(percentile(&seen, 50).as_secs_f64() / quiet_half.as_secs_f64()),
            ..Row::fact(
                name,
                time(percentile(&seen, 50)),
                format!(
                    "p99 {}, slowest {}; {slow} slow",
                    time(percentile(&seen, 99)),
                    time(percentile(&seen, 100))
                ),
                "slowest ≤ 500 ms, once",
            )
        });
        sleep(RETURN).await;
    }
    server.stop().await?;
    Ok(rows)
}

/// The sorted latencies of requests one after the other, each of another client.
async fn latencies(
    server: &Server,
    clients: &mut impl Iterator<Item = u32>,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for client in clients.take(usize::try_from(REQUESTS)?) {
        let mut client = Client::connect(server.address, source(client)).await?;
        let request = post_text(server.address, "/api/auth/login/json")?;
        let begun = Instant::now();
        client.send(request).await?.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE)?;
        latencies.push(begun.elapsed());
    }
    latencies.sort_unstable();
    Ok(latencies)
}
