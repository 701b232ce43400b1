//! The section `mail`: sender, mail server, templates and delivery.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_flows::node::outbox::{DeliverySettings, SecretLifetimes};
use portcullis_mail::{
    Encryption, Sender, SenderError, SmtpSettings, TemplateFault, Templates, Transport,
};

use super::finding::Findings;
use super::raw::{self, Environment, MailEncryption};

/// The checked section.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender of every mail; `None` if it has a fault.
    pub sender: Option<Sender>,
    /// The templates; `None` if they have a fault.
    pub templates: Option<Arc<Templates>>,
    /// The way of the mails; `None` if they wait in the outbox for a mail server.
    pub transport: Option<Transport>,
    /// Attempts, timeouts and lifetimes.
    pub delivery: DeliverySettings,
    /// The mails with reset links to an address, until an hour has passed since the last one.
    pub resets_per_hour: u32,
}

const HOST: &str = "mail.smtp_host";
const FROM: &str = "mail.from";
const ENCRYPTION: &str = "mail.encryption";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The sender of printed mails.
const CONSOLE_SENDER: &str = "portcullis@localhost";

impl Mail {
    pub(crate) fn check(
        raw: raw::Mail,
        base_url: &str,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        let name = raw.sender_name.as_deref().unwrap_or("Portcullis");
        let sender = sender(name, raw.from.as_deref(), raw.smtp_host.is_some(), findings);
        let templates = templates(raw.templates.as_deref(), name, base_url, findings);
        let connections = findings.within("mail.connections", raw.connections, 4, 1..=100);
        let seconds = |findings: &mut Findings, key, value, default, most| {
            SECOND * findings.within(key, value, default, 1..=most)
        };
        let key = "mail.connect_timeout_seconds";
        let connect = seconds(findings, key, raw.connect_timeout_seconds, 15, 60);
        let key = "mail.delivery_timeout_seconds";
        let deliver = seconds(findings, key, raw.delivery_timeout_seconds, 60, 400);
        let lifetimes = SecretLifetimes {
            email: HOUR * findings.within("mail.verify_hours", raw.verify_hours, 24, 1..=168),
            reset: 60
                * SECOND
                * findings.within("mail.reset_minutes", raw.reset_minutes, 30, 5..=30),
            invitation: 24
                * HOUR
                * findings.within("mail.invitation_days", raw.invitation_days, 7, 1..=30),
            disavowal: 24
                * HOUR
                * findings.within("mail.disavowal_days", raw.disavowal_days, 7, 7..=30),
        };
        let attempts = findings.within("mail.max_attempts", raw.max_attempts, 140, 1..=10_000);
        let resets_per_hour =
            findings.within("mail.resets_per_hour", raw.resets_per_hour, 3, 1..=100);
        let server = Server { connections, connect, deliver };
        Self {
            sender,
            templates,
            transport: transport(raw, &server, environment, findings),
            delivery: DeliverySettings {
                max_attempts: attempts,
                concurrency: connections,
                send_timeout: connect + deliver,
                lifetimes,
            },
            resets_per_hour,
        }
    }
}

struct Server {
    connections: usize,
    connect: Duration,
    deliver: Duration,
}

fn sender(
    name: &str,
    from: Option<&str>,
    has_server: bool,
    findings: &mut Findings,
) -> Option<Sender> {
    let is_missing = from.is_none() && has_server;
    if is_missing {
        findings.fault(FROM, "is not set, but mail.smtp_host is", "set SMTP_FROM");
    }
    match Sender::new(name, from.unwrap_or(CONSOLE_SENDER)) {
        Ok(sender) => (!is_missing).then_some(sender),
        Err(SenderError::Name) => {
            let remedy = "write the name of your service";
            findings.refuse("mail.sender_name", SenderError::Name, remedy);
            None
        }
        Err(SenderError::Address) => {
            let remedy = "write one address such as auth@example.org";
            findings.refuse(FROM, SenderError::Address, remedy);
            None
        }
    }
}

fn templates(
    directory: Option<&Path>,
    name: &str,
    base_url: &str,
    findings: &mut Findings,
) -> Option<Arc<Templates>> {
    match Templates::load(directory, name, base_url) {
        Ok(templates) => Some(Arc::new(templates)),
        Err(faults) => {
            for TemplateFault { file, problem } in faults {
                let problem = format!("has a fault in {file}: {problem}");
                findings.fault(
                    "mail.templates",
                    problem,
                    "correct the file; docs/mail.md has the names",
                );
            }
            None
        }
    }
}

fn transport(
    raw: raw::Mail,
    server: &Server,
    environment: Environment,
    findings: &mut Findings,
) -> Option<Transport> {
    let credentials = match (raw.smtp_user, raw.smtp_password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        (Some(_), None) => {
            findings.fault("mail.smtp_password", "is not set, but mail.smtp_user is", "set both");
            None
        }
        (None, Some(_)) => {
            findings.fault("mail.smtp_user", "is not set, but mail.smtp_password is", "set both");
            None
        }
    };
    let Some(host) = raw.smtp_host else {
        if environment == Environment::Development {
            return Some(Transport::Console);
        }
        let problem = "is not set: no mail is sent, no link and no code of a risky sign-in arrives";
        findings.warn(HOST, problem, "set SMTP_HOST and SMTP_FROM");
        return None;
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        findings.fault(HOST, "is not the name of a host", "write a name such as smtp.example.org");
        return None;
    }
    let encryption = match raw.encryption {
        None | Some(MailEncryption::StartTls) => Encryption::StartTls,
        Some(MailEncryption::Tls) => Encryption::Tls,
        Some(MailEncryption::None) => Encryption::None,
    };
    if encryption == Encryption::None && !is_this_machine(&host) {
        let problem = "sends links and passwords over the network in plain text";
        findings.fault(ENCRYPTION, problem, "use \"starttls\" or \"tls\"");
    }
    let settings = SmtpSettings {
        port: raw.smtp_port.unwrap_or(if encryption == Encryption::Tls { 465 } else { 587 }),
        host,
        encryption,
        ca_file: raw.ca_file,
        credentials,
        connect_timeout: server.connect,
        delivery_timeout: server.deliver,
        connections: server.connections,
    };
    if let Err(error) = settings.check() {
        findings.fault("mail.ca_file", error.to_string(), "name a PEM file of one certificate");
    }
    Some(Transport::Smtp(settings))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
