//! The operator: the principal of the command line and of the jobs of a server.

use std::net::{IpAddr, Ipv4Addr};

use portcullis_audit::Origin;
use portcullis_flows::principal::Principal;

/// The principal of this verb.
pub(crate) fn operator(verb: &str) -> Principal {
    Principal::operator(local_origin(verb))
}

/// The origin of the events of this verb.
pub(crate) fn local_origin(verb: &str) -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(format!("portcullis {verb}")),
        request_id: None,
    }
}
