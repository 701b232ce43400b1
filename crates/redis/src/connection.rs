//! Connections to Redis, and the pool of them.
//!
//! The pool differs from the one of `deadpool-redis` in two ways. It sends no PING when a connection
//! is taken, because that is a second round trip for each call; a closed connection is replaced when
//! it is used. And its timeouts hold for Sentinel and Cluster too.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{
    self, BuildError, Metrics, Object, PoolConfig, QueueMode, RecycleResult, Timeouts,
};
use deadpool_redis::redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use deadpool_redis::redis::cluster::ClusterClient;
use deadpool_redis::redis::cluster_async::ClusterConnection;
use deadpool_redis::redis::sentinel::{
    SentinelClient, SentinelNodeConnectionInfo, SentinelServerType,
};
use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError,
    RedisFuture, RedisResult, TlsMode, Value,
};
use deadpool_redis::{Manager, Runtime};
use tokio::sync::Mutex;

use crate::fault::Fault;
use crate::url::{RedisUrl, Topology};

/// The pool of connections.
pub(crate) type Pool = managed::Pool<Connector>;

/// The reason why connections cannot be set up. None of them has been tried yet.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An address that the client does not accept.
    #[error("redis.url: {0}")]
    Url(#[from] RedisError),
    /// A pool that cannot be created.
    #[error("redis: {0}")]
    Pool(#[from] BuildError),
}

/// The timeout to connect, TLS and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// The timeout for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(150);

/// The timeout for a free connection.
const WAIT_TIMEOUT: Duration = Duration::from_millis(100);

/// Creates a pool without connecting.
pub(crate) fn pool(endpoint: Arc<Endpoint>, max_size: usize) -> Result<Pool, BuildError> {
    let timeouts =
        Timeouts { wait: Some(WAIT_TIMEOUT), create: Some(CONNECT_TIMEOUT), recycle: None };
    // The connection that was used last is used next; surplus ones are idle until the server closes
    // them.
    let config = PoolConfig { max_size, timeouts, queue_mode: QueueMode::Lifo };
    Pool::builder(Connector(endpoint)).config(config).runtime(Runtime::Tokio1).build()
}

/// Sends a command and reads its answer, in the time that the pool allows.
///
/// A closed connection is the usual end of an idle one, and of all when the server restarts. So the
/// command is sent again, on a new connection. Rarely, the server has executed it both times.
pub(crate) async fn query<T: FromRedisValue>(pool: &Pool, command: &Cmd) -> Result<T, Fault> {
    match query_once(pool, command).await {
        Err(fault) if fault.is_closed_connection() => {
            pool.retain(|_, _| false);
            query_once(pool, command).await
        }
        result => result,
    }
}

async fn query_once<T: FromRedisValue>(pool: &Pool, command: &Cmd) -> Result<T, Fault> {
    let mut connection = pool.get().await?;
    let result = command.query_async(&mut *connection).await.map_err(Fault::from);
    if result.as_ref().is_err_and(|fault| !fault.is_unknown_script()) {
        // It may be closed or silent, or the server may not be the primary any more.
        drop(Object::take(connection));
    }
    result
}

/// The place of a Redis, from which connections come.
pub(crate) enum Endpoint {
    Server { manager: Manager, client: Client },
    Sentinel(Rotation<Mutex<SentinelClient>>),
    Cluster { cluster: ClusterClient, nodes: Rotation<Client> },
}

impl Endpoint {
    pub(crate) fn new(url: &RedisUrl) -> Result<Self, SetupError> {
        if url.is_tls {
            // The client panics without a provider. If another one was installed before, that one
            // serves.
            let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        Ok(match &url.topology {
            Topology::Server(server) => Self::Server {
                manager: Manager::new_with_config((**server).clone(), timeouts())?,
                client: Client::open((**server).clone())?,
            },
            Topology::Sentinel { sentinels, service, server } => {
                let mut node = SentinelNodeConnectionInfo::default()
                    .set_redis_connection_info((**server).clone());
                if url.is_tls {
                    node = node.set_tls_mode(TlsMode::Secure);
                }
                // One client for each Sentinel: one client for all would ask a silent one first,
                // for longer than the timeout.
                let client = |sentinel| {
                    let (node, primary) = (Some(node.clone()), SentinelServerType::Master);
                    SentinelClient::build(vec![sentinel], service, node, primary).map(Mutex::new)
                };
                let clients = sentinels.iter().cloned().map(client);
                Self::Sentinel(Rotation::new(clients.collect::<Result<_, _>>()?))
            }
            Topology::Cluster(nodes) => {
                let cluster = ClusterClient::builder(nodes.clone())
                    .connection_timeout(RESPONSE_TIMEOUT)
                    .response_timeout(RESPONSE_TIMEOUT)
                    .retries(1)
                    .build()?;
                let nodes = nodes.iter().cloned().map(Client::open);
                let nodes = Rotation::new(nodes.collect::<Result<_, _>>()?);
                Self::Cluster { cluster, nodes }
            }
        })
    }

    async fn connect(&self) -> RedisResult<Connection> {
        match self {
            Self::Server { manager, .. } => {
                managed::Manager::create(manager).await.map(Connection::Server)
            }
            Self::Sentinel(sentinels) => {
                let primary = sentinels.attempt(primary).await?;
                let timeouts = timeouts();
                let connection = primary.get_multiplexed_async_connection_with_config(&timeouts);
                connection.await.map(Connection::Server)
            }
            Self::Cluster { cluster, .. } => {
                cluster.get_async_connection().await.map(Connection::Cluster)
            }
        }
    }

    /// Connects for the messages of a channel. In a cluster every node receives every message.
    pub(crate) async fn subscribe(&self, channel: &str) -> RedisResult<PubSub> {
        let mut messages = match self {
            Self::Server { client, .. } => client.get_async_pubsub().await?,
            Self::Sentinel(sentinels) => {
                sentinels.attempt(primary).await?.get_async_pubsub().await?
            }
            Self::Cluster { nodes, .. } => nodes.attempt(Client::get_async_pubsub).await?,
        };
        messages.subscribe(channel).await?;
        Ok(messages)
    }
}

async fn primary(sentinel: &Mutex<SentinelClient>) -> RedisResult<Client> {
    sentinel.lock().await.async_get_client().await
}

fn timeouts() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
}

/// Servers of which any one will do. After a failure, or a timeout that drops the future, the next
/// attempt uses the next server.
pub(crate) struct Rotation<T> {
    servers: Vec<T>,
    position: AtomicUsize,
}

impl<T> Rotation<T> {
    const fn new(servers: Vec<T>) -> Self {
        Self { servers, position: AtomicUsize::new(0) }
    }

    async fn attempt<'a, R, F>(&'a self, connect: impl FnOnce(&'a T) -> F) -> RedisResult<R>
    where
        F: Future<Output = RedisResult<R>>,
    {
        let position = self.position.fetch_add(1, Ordering::Relaxed);
        let position = position.checked_rem(self.servers.len()).unwrap_or_default();
        let server = self.servers.get(position).ok_or((ErrorKind::Client, "no address"))?;
        let connected = connect(server).await?;
        self.position.store(position, Ordering::Relaxed);
        Ok(connected)
    }
}

/// Makes the connections of a pool.
pub(crate) struct Connector(Arc<Endpoint>);

impl managed::Manager for Connector {
    type Type = Connection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Connection> {
        self.0.connect().await
    }

    async fn recycle(&self, _: &mut Connection, _: &Metrics) -> RecycleResult<RedisError> {
        Ok(())
    }
}

/// A connection to one server or to a cluster.
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(server) => server.req_packed_command(command),
            Self::Cluster(cluster) => cluster.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(server) => server.req_packed_commands(commands, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(server) => server.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}
