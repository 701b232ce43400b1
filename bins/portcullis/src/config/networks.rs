//! Lists of networks in CIDR notation.

use std::net::IpAddr;

use ipnet::IpNet;

use super::finding::Findings;

/// Checks the list of `key`. A network of half of all addresses is an error in production, because
/// clients are in it.
pub(crate) fn check(
    key: &str,
    texts: &[String],
    in_production: bool,
    findings: &mut Findings,
) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in texts {
        let network = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>());
        let Ok(network) = network else {
            let remedy = "list networks such as 10.0.0.0/8, or single addresses";
            findings.fault(key, "has an entry that is not a network", remedy);
            continue;
        };
        if network != network.trunc() {
            let remedy = format!("write {} or {}", network.trunc(), network.addr());
            findings.fault(key, "has an address where a network should be", remedy);
        }
        if network.prefix_len() < 8 {
            let problem = "is a network of half of all addresses, with clients in it";
            let remedy = "list only networks without clients";
            if in_production {
                findings.fault(key, problem, remedy);
            } else {
                findings.warn(key, problem, remedy);
            }
        }
        networks.push(network);
    }
    networks
}
