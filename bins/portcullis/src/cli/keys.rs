use clap::{Args, Subcommand, ValueEnum};
use portcullis_token::KeyPairAlgorithm;

/// What can be done with the key pairs that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// Show every key pair and what it does now
    List,
    /// Make a new key pair, which takes over after five minutes
    Rotate(KeysRotate),
}

/// How the next key pair is to be.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key is published at once and signs five minutes later, when whoever keeps a copy of the \
published keys has seen it. The old one stays published until its last token has expired.

After a leak of a private key that is not enough: its tokens stay valid until it retires.")]
pub(crate) struct KeysRotate {
    /// Take over within two seconds; services must ask again for a key that they do not know
    #[arg(long)]
    pub(crate) now: bool,
    /// The algorithm, to prepare for a change of it [default: the configured one]
    #[arg(long)]
    pub(crate) algorithm: Option<PairAlgorithm>,
}

/// An algorithm with a public half.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PairAlgorithm {
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "ES256")]
    Es256,
}

impl From<PairAlgorithm> for KeyPairAlgorithm {
    fn from(algorithm: PairAlgorithm) -> Self {
        match algorithm {
            PairAlgorithm::EdDsa => Self::EdDsa,
            PairAlgorithm::Es256 => Self::Es256,
        }
    }
}
