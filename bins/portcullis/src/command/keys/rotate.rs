//! `keys rotate`: a new key pair takes over.

use std::fmt;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::signing_key::HeadStart;
use portcullis_token::KeyPairAlgorithm;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::Opened;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening};

/// How the next key pair is to be.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key is published at once and signs five minutes later, when every cached copy of the \
published keys contains it. The old one stays published until its last token has expired.

After a leak of a private key, make the new one sign with --now, and then retire the old one with \
`portcullis keys retire`.")]
pub(crate) struct Arguments {
    /// Take over within two seconds; services must ask again for a key that they do not know
    #[arg(long)]
    now: bool,
    /// The algorithm, to prepare for a change of it [default: the configured one]
    #[arg(long)]
    algorithm: Option<PairAlgorithm>,
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

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let wanted = arguments.algorithm.map(Into::into);
    let Some(algorithm) = wanted.or(config.tokens.algorithm) else {
        return Err(Failure::usage(
            "tokens are signed with HS256 under the secret key, which has no key pair: set \
             tokens.algorithm to EdDSA or ES256, or prepare for that with --algorithm; to replace \
             the secret itself, set SECRET_KEY_PREVIOUS to it and SECRET_KEY to a new one",
        ));
    };
    let head_start = if arguments.now { HeadStart::Least } else { HeadStart::Full };
    let origin = local_origin("keys rotate");
    let Opened { store, secret, .. } = opening::opened_existing(config, &origin)?;
    let key = assembly::node::signing_keys(&store, config, &secret, &Ambient::system())
        .rotate(algorithm, head_start, &origin)?;
    output.answer(&Rotated {
        kid: key.public.kid().to_owned(),
        algorithm: algorithm.name(),
        signs_from: key.signs_from,
        is_configured: config.tokens.algorithm == Some(algorithm),
    })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Rotated {
    kid: String,
    algorithm: &'static str,
    signs_from: Timestamp,
    /// Whether the servers that run sign with such keys.
    is_configured: bool,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, algorithm, signs_from, is_configured } = self;
        writeln!(f, "made {kid} ({algorithm}), which is published from now on")?;
        if *is_configured {
            write!(
                f,
                "It signs from {signs_from}. The key before it stays published until the last \
                 token it signed\nhas expired, and then retires by itself."
            )
        } else {
            write!(f, "It signs when tokens.algorithm is {algorithm}.")
        }
    }
}
