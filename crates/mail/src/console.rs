//! Mails on standard output, for a server without a mail server: text, recipient and link.

use std::io::{self, Write};

use portcullis_domain::Email;

use crate::renderer::RenderedMail;

/// Prints one mail.
pub(crate) fn print(recipient: &Email, mail: &RenderedMail) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{}", text(recipient, mail))?;
    output.flush()
}

fn text(recipient: &Email, mail: &RenderedMail) -> String {
    let (to, RenderedMail { subject, text, command, .. }) = (recipient.as_str(), mail);
    let text = text.trim_end();
    let command = command.as_ref().map(|command| format!("\n\nWithout a page: {command}"));
    let command = command.unwrap_or_default();
    format!(
        "\n----- mail (no mail server is configured) -----\nTo: {to}\nSubject: {subject}\n\n{text}{command}\n----- end of mail -----\n"
    )
}
