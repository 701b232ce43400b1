//! The routes of the listener for operators and monitors.

use std::sync::Arc;

use portcullis_web::{Configure, Mount, Route, RouteTable, Router};

use crate::node::{health, health_report, metrics};

fn routes(to: &mut impl Router) {
    to.add(&health::LIVE, health::live);
    to.add(&health::READY, health::ready);
    to.add(&health_report::REPORT, health_report::report);
    to.add(&metrics::EXPOSE, metrics::expose);
}

/// Every route of this listener.
pub fn operations_table() -> Vec<&'static Route> {
    let mut table = RouteTable::default();
    routes(&mut table);
    table.0
}

/// Mounts the routes.
pub fn operations() -> Configure {
    Arc::new(|app, limits| {
        let mut mount = Mount::new(app, limits);
        routes(&mut mount);
        mount.otherwise(RouteTable(operations_table()));
    })
}
