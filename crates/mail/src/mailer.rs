//! `Mailer`: renders a mail and hands it to the mail server, or prints it.

use std::io;
use std::sync::Arc;

use portcullis_flows::node::outbox::{MailSender, OutgoingMail, SendError};
use tokio::runtime::{Builder, Runtime};

use crate::renderer::Circumstances;
use crate::sender::Sender;
use crate::smtp::{Smtp, SmtpError, SmtpSettings};
use crate::templates::Templates;
use crate::{console, message};

/// The settings of a [`Mailer`].
#[derive(Debug)]
pub struct MailerSettings {
    /// The sender of every mail.
    pub sender: Sender,
    /// The templates.
    pub templates: Arc<Templates>,
    /// The way of the mails.
    pub transport: Transport,
}

/// The way of the mails.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// To standard output: for development.
    Console,
}

/// Renders and sends mails. It has a thread of its own for its connections.
pub struct Mailer {
    sender: Sender,
    templates: Arc<Templates>,
    /// `None` if mails are printed.
    smtp: Option<Smtp>,
    /// Taken when the value is dropped.
    runtime: Option<Runtime>,
}

impl Mailer {
    /// Creates a mailer; it connects when it sends.
    ///
    /// # Errors
    ///
    /// If the settings of TLS cannot be used, or the operating system gives no thread.
    pub fn new(settings: MailerSettings) -> Result<Self, SmtpError> {
        let MailerSettings { sender, templates, transport } = settings;
        let smtp = match transport {
            Transport::Smtp(settings) => Some(Smtp::new(settings)?),
            Transport::Console => None,
        };
        let runtime = smtp.as_ref().map(|_| runtime()).transpose().map_err(SmtpError::Thread)?;
        Ok(Self { sender, templates, smtp, runtime })
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).thread_name("mail").enable_all().build()
}

impl MailSender for Mailer {
    fn send(&self, outgoing: &OutgoingMail<'_>) -> Result<(), SendError> {
        let message = outgoing.message;
        let circumstances = Circumstances {
            username: message.username.as_deref(),
            at: message.at,
            secret: outgoing.secret,
        };
        let rendered = self.templates.render(&message.mail, &circumstances);
        let rendered = rendered.map_err(|error| SendError::Refused(error.to_string()))?;
        let (Some(smtp), Some(runtime)) = (&self.smtp, &self.runtime) else {
            let printed = console::print(&message.recipient, &rendered);
            return printed.map_err(|error| SendError::Unavailable(error.to_string()));
        };
        let prepared = message::prepare(&self.sender, outgoing, &rendered)
            .ok_or_else(|| SendError::Refused("the address cannot receive mail".to_owned()))?;
        runtime.block_on(smtp.send(&prepared))
    }
}

impl Drop for Mailer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A plain drop would wait, which an asynchronous task must not.
            runtime.shutdown_background();
        }
    }
}
