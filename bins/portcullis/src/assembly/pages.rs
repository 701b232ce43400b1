//! Assembly of the routes: the API for programs and the pages for people, on one listener.

use std::sync::Arc;

use portcullis_console::{MailWay, Offers};
use portcullis_flows::identity::account_request::RegistrationMode;
use portcullis_mail::Transport;
use portcullis_web::{Code, Configure, Group, Mount, RouteTable};

use crate::config::Config;

/// The groups of routes that are not of the API.
pub(super) const GROUPS: &[Group] = &[portcullis_api::VIEWER, portcullis_console::PAGES];

/// Mounts all routes. The server tries them in this order, and most requests are for the API.
pub(super) fn routes(config: &Config) -> Configure {
    let api = portcullis_api::configure(config.server.docs);
    let offers = Offers {
        registration: registration(config),
        passkeys: config.relying_party.is_some(),
        mails: match &config.mail.transport {
            Some(Transport::Smtp(_)) => MailWay::Server,
            Some(Transport::Console) => MailWay::Output,
            None => MailWay::None,
        },
    };
    let console = portcullis_console::configure(config.brand.clone(), offers);
    Arc::new(move |app, limits| {
        api(app, limits);
        console(app, limits);
        let mut table = portcullis_api::route_table();
        table.extend(portcullis_console::route_table());
        Mount::new(app, limits).otherwise(RouteTable(table));
    })
}

/// The refusal of registrations without an invitation, by the mode.
const fn registration(config: &Config) -> Result<(), Code> {
    match config.accounts.mode {
        RegistrationMode::Open => Ok(()),
        RegistrationMode::Invite => Err(Code::InvitationRequired),
        RegistrationMode::AdminOnly => Err(Code::AdministratorsOnly),
        RegistrationMode::Closed => Err(Code::RegistrationClosed),
    }
}
