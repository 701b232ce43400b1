//! Admission of connections: at most so many at a time, in all and for each client address.
//!
//! A connection beyond a limit is closed at once: nothing of it is read. Trusted proxies and exempt
//! networks are limited in all only, because one address of them stands for many clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_rate_limit::AddressPrefix;

use crate::settings::Settings;

/// The open connections of a node.
pub(crate) struct Admission {
    total: usize,
    per_address: usize,
    open: Mutex<OpenConnections>,
}

/// An entry of an address exists only while a connection of it is open.
#[derive(Default)]
struct OpenConnections {
    total: usize,
    by_address: HashMap<AddressPrefix, usize>,
}

/// An admitted connection, counted until this is dropped.
pub(super) struct AdmittedConnection {
    admission: Arc<Admission>,
    /// The address that it counts for; `None` if it counts in all only.
    address: Option<AddressPrefix>,
}

impl Admission {
    pub(super) fn new(settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            total: settings.connections.total,
            per_address: settings.connections.per_address,
            open: Mutex::default(),
        })
    }

    /// Admits a connection of this peer, unless a limit is reached.
    pub(super) fn admit(
        self: &Arc<Self>,
        peer: Option<IpAddr>,
        settings: &Settings,
    ) -> Option<AdmittedConnection> {
        let limited = peer.filter(|peer| !settings.stands_for_many(*peer));
        let address = limited.map(AddressPrefix::new);
        let mut open = self.open();
        if open.total >= self.total {
            return None;
        }
        if address.is_some_and(|address| !self.count(&mut open, address)) {
            return None;
        }
        open.total += 1;
        Some(AdmittedConnection { admission: Arc::clone(self), address })
    }

    /// Counts one more connection of this address, unless its limit is reached.
    fn count(&self, open: &mut OpenConnections, address: AddressPrefix) -> bool {
        let count = open.by_address.entry(address).or_insert(0);
        if *count >= self.per_address {
            return false;
        }
        *count += 1;
        true
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AdmittedConnection {
    /// Counts the connection of a proxy for this client, whose address the proxy has told. Returns
    /// false if the limit of the client is reached.
    pub(super) fn attribute(&mut self, client: IpAddr, settings: &Settings) -> bool {
        if settings.stands_for_many(client) {
            return true;
        }
        let address = AddressPrefix::new(client);
        let admission = Arc::clone(&self.admission);
        let is_counted = admission.count(&mut admission.open(), address);
        self.address = is_counted.then_some(address);
        is_counted
    }
}

impl Drop for AdmittedConnection {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total = open.total.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ConnectionLimits;

    fn settings() -> Settings {
        Settings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            connections: ConnectionLimits {
                total: 6,
                per_address: 2,
                exempt_networks: vec!["192.0.2.0/24".parse().unwrap()],
            },
            ..Settings::new("http://127.0.0.1".to_owned())
        }
    }

    struct Node(Arc<Admission>, Settings);

    impl Node {
        fn new() -> Self {
            let settings = settings();
            Self(Admission::new(&settings), settings)
        }

        fn admit(&self, peer: &str) -> Option<AdmittedConnection> {
            self.0.admit(peer.parse().ok(), &self.1)
        }
    }

    #[test]
    fn an_address_has_so_many_connections_and_gets_another_when_one_ends() {
        let node = Node::new();
        let held = [node.admit("198.51.100.1").unwrap(), node.admit("198.51.100.1").unwrap()];
        assert!(node.admit("198.51.100.1").is_none());
        assert!(node.admit("::ffff:198.51.100.1").is_none(), "the same address");
        let other = node.admit("198.51.100.2").unwrap();
        drop(held);
        assert!(node.admit("198.51.100.1").is_some());
        drop(other);
        assert!(node.0.open().by_address.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let node = Node::new();
        let _held = [node.admit("2001:db8::1").unwrap(), node.admit("2001:db8::2").unwrap()];
        assert!(node.admit("2001:db8::3").is_none());
        assert!(node.admit("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn a_connection_of_a_proxy_counts_for_the_client_that_it_tells() {
        let node = Node::new();
        let client = IpAddr::from([198, 51, 100, 1]);
        let mut held = [(); 3].map(|()| node.admit("10.1.2.3").unwrap());
        let attributed = held.each_mut().map(|place| place.attribute(client, &node.1));
        assert_eq!(attributed, [true, true, false]);
        assert!(node.admit("198.51.100.1").is_none(), "the same limit as without a proxy");
        drop(held);
        assert!(node.admit("198.51.100.1").is_some());
        assert!(node.0.open().by_address.is_empty());
    }

    #[test]
    fn proxies_and_exempt_networks_are_limited_in_all_only() {
        let node = Node::new();
        let held: Vec<_> =
            ["10.1.2.3", "10.1.2.3", "10.1.2.3", "192.0.2.1", "192.0.2.1", "192.0.2.1"]
                .map(|peer| node.admit(peer).unwrap())
                .into();
        for peer in ["10.1.2.3", "192.0.2.1", "198.51.100.1"] {
            assert!(node.admit(peer).is_none(), "{peer}");
        }
        drop(held);
        assert!(node.admit("198.51.100.1").is_some());
    }
}
