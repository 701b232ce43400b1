use clap::{Args, Subcommand};

/// What can be done for other services.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceVerb {
    /// Make the secret by which a service follows revocations and asks about tokens
    Credential(ServiceCredential),
}

/// Whom the secret is for.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret is printed once and kept nowhere. The server is told its digest, in its configuration, and \
needs a restart to know it. To replace a secret, enter the new one under another name, change the \
service over, and remove the old entry.")]
pub(crate) struct ServiceCredential {
    /// What to call the service: 1 to 64 of a-z, 0-9, _ and -
    #[arg(value_parser = name)]
    pub(crate) name: String,
}

fn name(text: &str) -> Result<String, &'static str> {
    if crate::config::is_service_name(text) {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 of a-z, 0-9, _ and -")
    }
}
