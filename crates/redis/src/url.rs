//! URLs of Redis: one server, servers that Sentinel watches, or a cluster.

use std::fmt;

use deadpool_redis::redis::{ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use portcullis_domain::{ExposeSecret, SecretString};
use url::Url;

/// The checked URL of a Redis.
///
/// | Form | Meaning |
/// |---|---|
/// | `redis://user:password@host:6379/0` | one server, and a database of it |
/// | `redis+unix:///path?pass=password` | one server, by a socket of this machine |
/// | `redis+sentinel://user:password@host,host:26379/service/0` | the primary of a service, which the Sentinels at these addresses name |
/// | `redis+cluster://user:password@host:6379,host` | a cluster, found by any of these nodes |
///
/// `rediss`, `rediss+sentinel` and `rediss+cluster` are the same over TLS, with certificates that the
/// system trusts, or the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. User and password
/// belong to the servers; those of the Sentinels are `?sentinel_user=…&sentinel_password=…`.
#[derive(Clone)]
pub struct RedisUrl {
    pub(crate) topology: Topology,
    pub(crate) is_tls: bool,
}

#[derive(Clone)]
pub(crate) enum Topology {
    Server(Box<ConnectionInfo>),
    Sentinel { sentinels: Vec<ConnectionInfo>, service: String, server: Box<RedisConnectionInfo> },
    Cluster(Vec<ConnectionInfo>),
}

/// The error for a text that is not the URL of a Redis. It does not quote the text, which may
/// contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the URL of a Redis")]
pub struct RedisUrlError;

const SENTINEL_PORT: u16 = 26_379;

impl RedisUrl {
    /// Reads a URL. Nothing is connected or resolved.
    ///
    /// # Errors
    ///
    /// If the text has none of the forms.
    pub fn parse(text: &SecretString) -> Result<Self, RedisUrlError> {
        let text = text.expose_secret();
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError)?;
        let (base, is_tls) = match scheme.split_once('+').map_or(scheme, |(base, _)| base) {
            "redis" => ("redis", false),
            "rediss" => ("rediss", true),
            _ => return Err(RedisUrlError),
        };
        // A fragment could switch the check of certificates off.
        if text.contains('#') {
            return Err(RedisUrlError);
        }
        let topology = match scheme.strip_prefix(base) {
            Some("") if Parts::of(rest).hosts.len() == 1 => {
                Topology::Server(Box::new(server(text)?))
            }
            Some("+unix") if !is_tls => Topology::Server(Box::new(server(text)?)),
            Some("+sentinel") => sentinel(base, &Parts::of(rest))?,
            Some("+cluster") => cluster(base, &Parts::of(rest))?,
            _ => return Err(RedisUrlError),
        };
        Ok(Self { topology, is_tls })
    }
}

/// The parts of a URL with several hosts, which URL parsers do not read.
struct Parts<'a> {
    credentials: &'a str,
    hosts: Vec<&'a str>,
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Self {
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        Self { credentials, hosts: hosts.split(',').collect(), tail }
    }
}

fn sentinel(base: &str, parts: &Parts<'_>) -> Result<Topology, RedisUrlError> {
    let url = Url::parse(&format!("redis://{}@host{}", parts.credentials, parts.tail))
        .map_err(|_| RedisUrlError)?;
    let path: Vec<_> = url.path().trim_start_matches('/').split('/').collect();
    let (service, database) = match path[..] {
        [service] => (service, ""),
        [service, database] => (service, database),
        _ => return Err(RedisUrlError),
    };
    if service.is_empty() {
        return Err(RedisUrlError);
    }
    let (mut user, mut password) = (String::new(), None);
    for (name, value) in url.query_pairs() {
        match &*name {
            "sentinel_user" => user = value.into_owned(),
            "sentinel_password" => password = Some(value.into_owned()),
            _ => return Err(RedisUrlError),
        }
    }
    let sentinels = parts.hosts.iter().map(|host| {
        let mut url = Url::parse(&format!("{base}://{host}")).map_err(|_| RedisUrlError)?;
        if url.port().is_none() {
            url.set_port(Some(SENTINEL_PORT)).map_err(|()| RedisUrlError)?;
        }
        url.set_username(&user).map_err(|()| RedisUrlError)?;
        url.set_password(password.as_deref()).map_err(|()| RedisUrlError)?;
        server(url.as_str())
    });
    let sentinels = sentinels.collect::<Result<_, _>>()?;
    let server = server(&format!("redis://{}@host/{database}", parts.credentials))?;
    let server = Box::new(server.redis_settings().clone());
    Ok(Topology::Sentinel { sentinels, service: service.to_owned(), server })
}

fn cluster(base: &str, parts: &Parts<'_>) -> Result<Topology, RedisUrlError> {
    // A cluster has one database.
    if !matches!(parts.tail, "" | "/" | "/0") {
        return Err(RedisUrlError);
    }
    let node = |host: &&str| server(&format!("{base}://{}@{host}", parts.credentials));
    parts.hosts.iter().map(node).collect::<Result<_, _>>().map(Topology::Cluster)
}

fn server(url: &str) -> Result<ConnectionInfo, RedisUrlError> {
    let server = url.into_connection_info().map_err(|_| RedisUrlError)?;
    let database = server.redis_settings().db();
    if u16::try_from(database).is_ok() { Ok(server) } else { Err(RedisUrlError) }
}

/// The addresses, without user and password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = |nodes: &[ConnectionInfo]| {
            let addresses: Vec<_> = nodes.iter().map(|node| node.addr().to_string()).collect();
            addresses.join(", ")
        };
        match &self.topology {
            Topology::Server(server) => server.addr().fmt(f)?,
            Topology::Sentinel { sentinels, service, .. } => {
                write!(f, "service {service} of the Sentinels {}", addresses(sentinels))?;
            }
            Topology::Cluster(nodes) => write!(f, "cluster of {}", addresses(nodes))?,
        }
        f.write_str(if self.is_tls { " over TLS" } else { "" })
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RedisUrl, RedisUrlError> {
        RedisUrl::parse(&SecretString::from(text))
    }

    #[test]
    fn each_form_is_read() {
        for (text, expected) in [
            ("redis://localhost", "localhost:6379"),
            ("redis://:secret@127.0.0.1:7000/3", "127.0.0.1:7000"),
            ("rediss://user:secret@redis.example", "redis.example:6379 over TLS"),
            ("redis+unix:///run/redis.sock?pass=secret", "/run/redis.sock"),
            ("redis+sentinel://:secret@a,b:1/main", "service main of the Sentinels a:26379, b:1"),
            (
                "rediss+sentinel://a/main/2?sentinel_password=secret",
                "service main of the Sentinels a:26379 over TLS",
            ),
            ("redis+cluster://user:secret@a:7000,b", "cluster of a:7000, b:6379"),
            ("rediss+cluster://[2001:db8::1]:1,b/0", "cluster of 2001:db8::1:1, b:6379 over TLS"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.to_string(), expected);
            assert!(!format!("{url:?}").contains("secret"));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis:///0",
            "redis://localhost/first",
            "redis://localhost/-1",
            "redis://a,b",
            "rediss://localhost/#insecure",
            "rediss+unix:///run/redis.sock",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel://a/main/x",
            "redis+sentinel://a/main/0/1",
            "redis+sentinel://a/main?password=x",
            "redis+sentinel:///main",
            "redis+sentinel://a,,b/main",
            "redis+cluster://",
            "redis+cluster://a/1",
            "redis+cluster://a:x",
            "redis+cluster://a,b@c,/0",
            "redis+tcp://a",
        ] {
            assert_eq!(parse(text).err(), Some(RedisUrlError), "{text}");
        }
    }

    #[test]
    fn credentials_go_to_the_servers_and_not_to_the_sentinels() {
        let text = "redis+sentinel://u%40:p%2F@a/main/2?sentinel_user=s&sentinel_password=q%2F";
        let Topology::Sentinel { sentinels, service, server } = parse(text).unwrap().topology
        else {
            panic!("another topology");
        };
        assert_eq!((service.as_str(), server.db()), ("main", 2));
        assert_eq!((server.username(), server.password()), (Some("u@"), Some("p/")));
        let sentinel = sentinels[0].redis_settings();
        assert_eq!((sentinel.username(), sentinel.password()), (Some("s"), Some("q/")));
    }
}
