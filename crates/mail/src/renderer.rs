//! `Renderer`: renders a mail as text and as HTML, from compiled templates and texts.
//!
//! Values are inserted into a text by its own template, escaped in HTML; the finished texts are then inserted
//! into the layout.

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use portcullis_domain::{ExposeSecret, SecretString, Timestamp};
use portcullis_flows::node::mail::Mail;

use crate::link;
use crate::template_files::BUILT_IN;
use crate::user_text::without_links;

/// The compiled templates of texts and layouts.
pub(crate) struct Renderer {
    pub(crate) environment: Environment<'static>,
    pub(crate) product: String,
    pub(crate) base_url: String,
}

/// A mail as text and as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RenderedMail {
    /// The subject, without text of users.
    pub(crate) subject: String,
    /// The part of type `text/plain`.
    pub(crate) text: String,
    /// The part of type `text/html`.
    pub(crate) html: String,
    /// The link, if the mail has one.
    pub(crate) link: Option<String>,
    /// The command that uses the link, if the mail has one.
    pub(crate) command: Option<String>,
}

/// The reason why a mail cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template {template}: {problem}")]
pub(crate) struct TemplateError {
    /// The name of the template.
    pub(crate) template: String,
    problem: String,
}

/// The data of a mail beside its kind.
pub(crate) struct Circumstances<'a> {
    pub(crate) username: Option<&'a str>,
    pub(crate) at: Timestamp,
    pub(crate) secret: Option<(&'a SecretString, Duration)>,
}

/// The maximum size of a rendered part.
const MAX_PART: usize = 256 * 1024;

/// The maximum number of instructions of one template: a loop cannot run for long.
const FUEL: u64 = 50_000;

/// The maximum number of characters of a subject.
const MAX_SUBJECT: usize = 150;

impl Renderer {
    /// A renderer with the built-in layouts, without texts.
    pub(crate) fn new(product: &str, base_url: &str) -> Self {
        let environment = environment();
        Self { environment, product: product.to_owned(), base_url: base_url.to_owned() }
    }

    pub(crate) fn render(
        &self,
        mail: &Mail,
        circumstances: &Circumstances<'_>,
    ) -> Result<RenderedMail, TemplateError> {
        let secret = circumstances.secret.zip(mail.purpose());
        let link =
            secret.and_then(|((secret, _), purpose)| link::to(&self.base_url, purpose, secret));
        let command =
            secret.map(|((secret, _), purpose)| link::command(&self.base_url, purpose, secret));
        let values = self.values(mail, circumstances)?;
        let subject = self.string(mail.kind(), "subject", Part::Text, &values)?;
        if subject.contains(char::is_control) || subject.chars().count() > MAX_SUBJECT {
            return Err(TemplateError {
                template: format!("[{}] subject", mail.kind()),
                problem: "the subject is too long, or has a line break".to_owned(),
            });
        }
        let part = |part| self.part(part, mail, &values, &subject, link.as_deref());
        Ok(RenderedMail {
            text: part(Part::Text)?,
            html: part(Part::Html)?,
            subject,
            link,
            command,
        })
    }

    /// The values of the texts, as plain text.
    fn values(
        &self,
        mail: &Mail,
        circumstances: &Circumstances<'_>,
    ) -> Result<Values, TemplateError> {
        let mut values = Values::from([
            ("product", self.product.clone()),
            ("base_url", self.base_url.clone()),
            ("at", minute(circumstances.at)),
        ]);
        if let Some(username) = circumstances.username {
            values.insert("username", without_links(username));
        }
        let client = match mail {
            Mail::RegistrationAttempt { address }
            | Mail::EmailChangeRequested { address }
            | Mail::EmailChanged { address }
            | Mail::PasswordChanged { address }
            | Mail::SignInCode { address }
            | Mail::SignInRefused { address }
            | Mail::PasswordBreached { address }
            | Mail::NetworksChanged { address }
            | Mail::AccountDeleted { address }
            | Mail::PasswordRemoved { address }
            | Mail::PasswordReset { address }
            | Mail::RefreshTokenReuse { address }
            | Mail::RefreshTokenLate { address }
            | Mail::PasskeyCounterWentBack { address } => Some(address),
            Mail::NewDevice { address, device } => {
                // A client may send no user agent, or one that says nothing.
                let is_name = device.as_str().contains(char::is_alphanumeric);
                let device = if is_name { without_links(device.as_str()) } else { String::new() };
                values.insert("device", device);
                Some(address)
            }
            Mail::ApiKeyCreated { address, key } => {
                values.insert("key", without_links(key.as_str()));
                Some(address)
            }
            Mail::FactorAdded { address, factor }
            | Mail::FactorUsed { address, factor }
            | Mail::FactorRemoved { address, factor } => {
                let name = self.string("factors", factor.as_str(), Part::Text, &values)?;
                values.insert("factor", name);
                Some(address)
            }
            Mail::VerifyRegistration { username, .. } => {
                values.insert("wanted_username", without_links(username.as_str()));
                None
            }
            Mail::Invitation { inviter, .. } => {
                values.insert("inviter", without_links(inviter.as_str()));
                None
            }
            _ => None,
        };
        if let Some(address) = client {
            values.insert("address", address.to_string());
        }
        if let (Mail::SignInCode { .. }, Some((code, _))) = (mail, circumstances.secret) {
            values.insert("code", code.expose_secret().to_owned());
        }
        if let Some((_, lifetime)) = circumstances.secret {
            let (unit, count) = in_units(lifetime);
            let count = Values::from([("count", count.to_string())]);
            values.insert("lifetime", self.string("common", unit, Part::Text, &count)?);
        }
        Ok(values)
    }

    fn part(
        &self,
        part: Part,
        mail: &Mail,
        values: &Values,
        subject: &str,
        link: Option<&str>,
    ) -> Result<String, TemplateError> {
        let string = |section: &str, key: &str| self.string(section, key, part, values);
        let greeting =
            if values.contains_key("username") { "greeting" } else { "greeting_without_name" };
        let text = string(mail.kind(), "text")?;
        let paragraphs: Vec<Value> = text
            .split("\n\n")
            .map(str::trim)
            .filter(|paragraph| !paragraph.is_empty())
            .map(|paragraph| part.finished(paragraph))
            .collect();
        let with_link = |section: &str, key: &str| match link {
            Some(_) => string(section, key),
            None => Ok(String::new()),
        };
        let layout = Value::from(BTreeMap::from([
            ("subject", Value::from(subject)),
            ("product", Value::from(self.product.as_str())),
            ("base_url", part.value("base_url", &self.base_url)),
            ("greeting", part.finished(&string("common", greeting)?)),
            ("paragraphs", Value::from(paragraphs)),
            ("note", part.finished(&string(mail.kind(), "note")?)),
            ("footer", part.finished(&string("common", "footer")?)),
            // A URL of these parts has no character that HTML would need to escape.
            ("link", part.finished(link.unwrap_or_default())),
            ("action", part.finished(&with_link(mail.kind(), "action")?)),
            ("expiry", part.finished(&with_link("common", "expiry")?)),
            ("link_help", part.finished(&with_link("common", "link_help")?)),
        ]));
        self.run(&self.layout(mail.kind(), part), layout)
    }

    /// The name of the layout of a kind: its own one, or the common one.
    pub(crate) fn layout(&self, kind: &str, part: Part) -> String {
        let own = format!("{kind}.{}", part.extension());
        match self.environment.get_template(&own) {
            Ok(_) => own,
            Err(_) => format!("mail.{}", part.extension()),
        }
    }

    fn string(
        &self,
        section: &str,
        key: &str,
        part: Part,
        values: &Values,
    ) -> Result<String, TemplateError> {
        let values: BTreeMap<_, _> =
            values.iter().map(|(name, value)| (*name, part.value(name, value))).collect();
        self.run(&string_name(section, key, part), Value::from(values))
    }

    fn run(&self, name: &str, values: Value) -> Result<String, TemplateError> {
        let template = self.environment.get_template(name);
        let rendered = template.and_then(|template| template.render(values));
        let failed = |problem| TemplateError { template: name.to_owned(), problem };
        match rendered {
            Ok(text) if text.len() <= MAX_PART => Ok(text),
            Ok(_) => Err(failed(format!("it renders more than {MAX_PART} bytes"))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// The values of the placeholders of a text.
type Values = BTreeMap<&'static str, String>;

/// A part of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text,
    Html,
}

impl Part {
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Html => "html",
        }
    }

    /// A value, which HTML escapes. The base URL is an origin, without any character to escape.
    fn value(self, name: &str, value: &str) -> Value {
        if name == "base_url" { self.finished(value) } else { Value::from(value) }
    }

    /// A text that is already in the language of the part.
    fn finished(self, text: &str) -> Value {
        match self {
            Self::Text => Value::from(text),
            Self::Html => Value::from_safe_string(text.to_owned()),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
        Some((_, "html")) => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    for (name, text) in BUILT_IN {
        // A test renders the built-in templates; one that does not compile is missing there.
        let _ = environment.add_template(name, text);
    }
    environment
}

/// The name of the template of a text.
pub(crate) fn string_name(section: &str, key: &str, part: Part) -> String {
    format!("{section}/{key}.{}", part.extension())
}

/// The largest unit of which there are at least two, with the number.
fn in_units(time: Duration) -> (&'static str, u64) {
    let minutes = time.as_secs() / 60;
    match minutes {
        2_880.. if minutes.is_multiple_of(1_440) => ("days", minutes / 1_440),
        120.. if minutes.is_multiple_of(60) => ("hours", minutes / 60),
        _ => ("minutes", minutes),
    }
}

/// A time to the minute, such as `2027-01-15 08:00 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
    format!("{minute} UTC")
}
