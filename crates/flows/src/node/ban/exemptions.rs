//! Exemptions: the addresses that are never refused because of a ban.

use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_domain::canonical_address;
use portcullis_rate_limit::AddressPrefix;

/// The networks that are never banned, beside this machine.
///
/// A program on the same machine may be a proxy that is not configured as one. A ban of its address
/// would refuse everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BanExemptions {
    networks: Vec<IpNet>,
}

impl BanExemptions {
    /// This machine and these networks: trusted proxies, and services of the deployment.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self { networks: networks.into_iter().collect() }
    }

    /// True if requests of this address are never refused because of a ban.
    pub fn cover(&self, address: IpAddr) -> bool {
        let address = canonical_address(address);
        address.is_loopback()
            || address.is_unspecified()
            || self.networks.iter().any(|network| network.contains(&address))
    }

    /// True if one of the addresses is exempt.
    pub fn meet(&self, addresses: AddressPrefix) -> bool {
        let first = addresses.first_address();
        let has_this_machine = first.is_loopback() || first.is_unspecified();
        let whole = IpNet::new(first, addresses.prefix_len()).ok();
        let meets = |network: &IpNet| {
            whole.is_some_and(|whole| network.contains(&whole) || whole.contains(network))
        };
        has_this_machine || self.networks.iter().any(meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemptions() -> BanExemptions {
        let networks = ["10.0.0.0/8", "2001:db8::7/128", "2001:db8:ffff::/48"];
        BanExemptions::new(networks.map(|network| network.parse().unwrap()))
    }

    #[test]
    fn this_machine_and_the_listed_networks_are_exempt() {
        let exempt = |address: &str| exemptions().cover(address.parse().unwrap());
        for address in ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::ffff:127.0.0.1"] {
            assert!(exempt(address), "{address}");
        }
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7", "2001:db8:ffff:1::1"] {
            assert!(exempt(address), "{address}");
        }
        for address in ["11.0.0.1", "2001:db8::8", "192.0.2.1", "::2"] {
            assert!(!exempt(address), "{address}");
        }
    }

    #[test]
    fn a_network_with_one_exempt_address_cannot_be_banned() {
        let meets = |addresses: &str| exemptions().meet(addresses.parse().unwrap());
        for addresses in ["10.1.2.3", "2001:db8::/64", "2001:db8:ffff:9::/64", "::/64", "127.0.0.2"]
        {
            assert!(meets(addresses), "{addresses}");
        }
        for addresses in ["11.0.0.1", "2001:db8:0:1::/64"] {
            assert!(!meets(addresses), "{addresses}");
        }
    }
}
