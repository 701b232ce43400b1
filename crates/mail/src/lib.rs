#![doc = include_str!("../README.md")]

mod console;
mod link;
mod mailer;
mod message;
mod placeholders;
mod renderer;
mod reply_stream;
mod sender;
mod smtp;
mod strings;
mod template_files;
mod templates;
mod user_text;

pub use mailer::{Mailer, MailerSettings, Transport};
pub use sender::{Sender, SenderError};
pub use smtp::{Encryption, SmtpError, SmtpSettings};
pub use template_files::TemplateFault;
pub use templates::{PreviewedMail, Templates};
