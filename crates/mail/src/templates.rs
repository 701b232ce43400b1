//! `Templates`: all templates and texts, checked: those of an operator in place of the built-in ones.
//!
//! A directory may hold `strings.toml`, `mail.txt` and `mail.html`, and for one kind of mail
//! `reset_password.txt` and so on. Each file takes the place of the built-in one. All are checked when they
//! are loaded: every mail is rendered once.

use std::fmt;
use std::path::Path;

use portcullis_domain::{SecretString, Timestamp};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::SecretLifetimes;

use crate::placeholders;
use crate::renderer::{Circumstances, Part, RenderedMail, Renderer, TemplateError, string_name};
use crate::strings::Strings;
use crate::template_files::{Files, STRINGS, TemplateFault};

/// All templates, checked.
pub struct Templates(Renderer);

/// A mail with sample values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewedMail {
    /// The kind of the mail.
    pub kind: &'static str,
    /// The subject.
    pub subject: String,
    /// The part of type `text/plain`.
    pub text: String,
    /// The part of type `text/html`.
    pub html: String,
}

impl Templates {
    /// The built-in templates, with the files of the directory in place of some.
    ///
    /// # Errors
    ///
    /// All faults of these files.
    pub fn load(
        directory: Option<&Path>,
        product: &str,
        base_url: &str,
    ) -> Result<Self, Vec<TemplateFault>> {
        let mut faults = Vec::new();
        let files = match directory {
            Some(directory) => Files::read(directory, &mut faults),
            None => Files::default(),
        };
        let (strings, problems) = Strings::with(files.strings.as_deref());
        faults.extend(problems.into_iter().map(|problem| fault(STRINGS, problem)));
        let mut templates = Self(Renderer::new(product, base_url));
        templates.add_strings(&strings, &mut faults);
        for (name, text) in files.layouts {
            templates.add(&name, text, &placeholders::LAYOUT, &name, &mut faults);
        }
        if faults.is_empty() {
            templates.try_all(&mut faults);
        }
        if faults.is_empty() { Ok(templates) } else { Err(faults) }
    }

    /// One mail of each kind with sample values and these lifetimes of links, for operators who
    /// change templates.
    pub fn preview(&self, lifetimes: &SecretLifetimes) -> Vec<PreviewedMail> {
        let secret = SecretString::from(SAMPLE_SECRET);
        let preview = |mail: &Mail| {
            let sample = sample(mail, recipient(mail), &secret, lifetimes);
            // Loading has rendered each of them.
            let RenderedMail { subject, text, html, .. } = self.render(mail, &sample).ok()?;
            Some(PreviewedMail { kind: mail.kind(), subject, text, html })
        };
        Mail::samples().iter().filter_map(preview).collect()
    }

    pub(crate) fn render(
        &self,
        mail: &Mail,
        circumstances: &Circumstances<'_>,
    ) -> Result<RenderedMail, TemplateError> {
        self.0.render(mail, circumstances)
    }

    /// Compiles all texts, each for both parts.
    fn add_strings(&mut self, strings: &Strings, faults: &mut Vec<TemplateFault>) {
        for (section, key, text) in strings.iter() {
            let allowed = placeholders::of_text(section, key);
            let place = format!("[{section}] {key}");
            for part in [Part::Text, Part::Html] {
                let name = string_name(section, key, part);
                let before = faults.len();
                self.add(&name, text.to_owned(), &allowed, STRINGS, faults);
                for fault in faults.iter_mut().skip(before) {
                    fault.problem = format!("{place}: {}", fault.problem);
                }
                if faults.len() > before {
                    break;
                }
            }
        }
    }

    fn add(
        &mut self,
        name: &str,
        text: String,
        allowed: &[&str],
        file: &str,
        faults: &mut Vec<TemplateFault>,
    ) {
        if let Err(error) = self.0.environment.add_template_owned(name.to_owned(), text) {
            faults.push(fault(file, error.to_string()));
            return;
        }
        let Ok(template) = self.0.environment.get_template(name) else { return };
        let mut unknown: Vec<_> = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !allowed.contains(&name.as_str()))
            .collect();
        unknown.sort();
        for name in unknown {
            let allowed = allowed.join(", ");
            faults.push(fault(file, format!("{name} is not a placeholder here; write {allowed}")));
        }
    }

    /// Renders one mail of each kind: a template that fails, or loses the link, is found before a mail needs
    /// it.
    fn try_all(&self, faults: &mut Vec<TemplateFault>) {
        let secret = SecretString::from(SAMPLE_SECRET);
        let lifetimes = SecretLifetimes::default();
        for mail in Mail::samples() {
            for username in [Some("ada"), None] {
                let sample = sample(&mail, username, &secret, &lifetimes);
                let found = match self.render(&mail, &sample) {
                    Ok(rendered) => self.missing_link(&rendered, mail.kind()),
                    Err(error) => Some(fault(file_of(&error.template), error.to_string())),
                };
                if let Some(found) = found
                    && !faults.contains(&found)
                {
                    faults.push(found);
                }
            }
        }
    }

    fn missing_link(&self, rendered: &RenderedMail, kind: &str) -> Option<TemplateFault> {
        let link = rendered.link.as_ref()?;
        let parts = [(Part::Text, &rendered.text), (Part::Html, &rendered.html)];
        let (part, _) = parts.into_iter().find(|(_, text)| !text.contains(link.as_str()))?;
        let problem = format!("{kind} has no {{{{ link }}}}, so nobody could follow it");
        Some(fault(&self.0.layout(kind, part), problem))
    }
}

/// The secret of mails that nobody gets.
const SAMPLE_SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The time of mails that nobody gets: 2027-01-15 08:00 UTC.
const SAMPLE_TIME: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn sample<'a>(
    mail: &Mail,
    username: Option<&'a str>,
    secret: &'a SecretString,
    lifetimes: &SecretLifetimes,
) -> Circumstances<'a> {
    let secret = mail.purpose().map(|purpose| (secret, lifetimes.of(purpose)));
    Circumstances { username, at: SAMPLE_TIME, secret }
}

/// The name in the greeting. Some mails go to people who have no account yet, or to any address.
const fn recipient(mail: &Mail) -> Option<&'static str> {
    match mail {
        Mail::Test | Mail::VerifyRegistration { .. } | Mail::Invitation { .. } => None,
        _ => Some("ada"),
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Renderer { product, base_url, .. }) = self;
        f.debug_struct("Templates")
            .field("product", product)
            .field("base_url", base_url)
            .finish_non_exhaustive()
    }
}

fn file_of(template: &str) -> &str {
    if template.contains('/') || template.starts_with('[') { STRINGS } else { template }
}

fn fault(file: &str, problem: String) -> TemplateFault {
    TemplateFault { file: file.to_owned(), problem }
}
