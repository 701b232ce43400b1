//! `mail test`: sends a test mail at once, without the outbox.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{Ambient, Email, MessageId};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{ClaimedMessage, MailSender, OutgoingMail, SendError};
use serde::Serialize;

use crate::assembly;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// The recipient of the mail.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address of the recipient
    address: String,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let recipient = Email::parse(&arguments.address)
        .map_err(|error| Failure::usage(format!("the address {error}")))?;
    let Some(mailer) = assembly::node::mailer(config)? else {
        return Err(Failure::failed("no mail server is configured", "set SMTP_HOST and SMTP_FROM"));
    };
    let ambient = Ambient::system();
    let now = ambient.now();
    let address = recipient.as_str().to_owned();
    let message = ClaimedMessage {
        id: MessageId::generate(now, &*ambient.random),
        recipient,
        username: None,
        at: now,
        mail: Mail::Test,
        subject: None,
        attempts: 0,
    };
    let sent = mailer.send(&OutgoingMail { message: &message, secret: None, now });
    sent.map_err(|error| {
        let remedy = match error {
            SendError::Refused(_) => {
                "check mail.from and the address: the server refused this mail"
            }
            SendError::Deferred(_) => {
                "try again later: the server took no mail for this address now"
            }
            SendError::Unavailable(_) => "check the section [mail] and the mail server",
        };
        Failure::failed(error, remedy)
    })?;
    output.answer(&Sent { sent_to: address })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Sent {
    sent_to: String,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The test mail to {} is on its way.", self.sent_to)
    }
}
