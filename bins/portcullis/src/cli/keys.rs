use clap::{Args, Subcommand, ValueEnum};
use portcullis_token::KeyPairAlgorithm;

/// What can be done with the key pairs that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// Show every key pair and what it does now
    List,
    /// Make a new key pair, which takes over after five minutes
    Rotate(KeysRotate),
    /// Take a key pair out of use at once, because its private half has leaked
    Retire(KeysRetire),
    /// Print the key of HS256, for services that check access tokens by themselves
    #[command(after_help = "\
Whoever has it can sign access tokens for everybody, so it goes only to services that may. Nothing \
else can be done with it. The audit trail records that it was printed. With the algorithms EdDSA and \
ES256 no service needs a secret; once they sign, what is signed with it is accepted for the life of one \
access token and then no more.")]
    SharedSecret,
    /// Make the configured secret key that of the database, because the one before is lost
    #[command(after_help = "\
Nobody can undo this. Everybody has to sign in again, key pairs that were made under the lost secret are \
of no more use, and the audit trail before it can be proved only by whoever finds it again. Stop every \
server first. To replace a secret that you have, set SECRET_KEY_PREVIOUS to it instead: then none of this \
happens.")]
    AcceptSecret,
}

/// How the next key pair is to be.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key is published at once and signs five minutes later, when whoever keeps a copy of the \
published keys has seen it. The old one stays published until its last token has expired.

After a leak of a private key, make the new one sign with --now, and then retire the old one with \
`portcullis keys retire`.")]
pub(crate) struct KeysRotate {
    /// Take over within two seconds; services must ask again for a key that they do not know
    #[arg(long)]
    pub(crate) now: bool,
    /// The algorithm, to prepare for a change of it [default: the configured one]
    #[arg(long)]
    pub(crate) algorithm: Option<PairAlgorithm>,
}

/// Which key shall go.
#[derive(Debug, Args)]
#[command(after_help = "\
Every token that it has signed is refused from then on: by the servers within a second, by services \
that have fetched the published keys when their copy is too old, five minutes unless a cache between \
keeps one too. Whoever holds such a token has to refresh. A \
key that signs cannot be retired: run `portcullis keys rotate --now` first and wait four seconds. The \
shared secret of HS256 goes likewise once key pairs sign, if it must not be accepted until its time is \
over.")]
pub(crate) struct KeysRetire {
    /// The name of the key, as `keys list` shows it
    pub(crate) kid: String,
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
