//! `keys rotate`: makes a new key pair, which replaces the signing key.

use std::fmt;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::signing_key::{ActivationDelay, RotationError};
use portcullis_token::KeyPairAlgorithm;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The properties of the new key pair.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key is published at once and signs five minutes later, when every cached copy of the \
published keys contains it. The old key stays published until its last token has expired.

After a leak of a private key, rotate with --now, and then retire the leaked key with \
`portcullis keys retire`.")]
pub(crate) struct Arguments {
    /// Sign within two seconds; services must fetch the published keys again for an unknown key
    #[arg(long)]
    now: bool,
    /// The algorithm of the new key, to prepare a change of algorithm [default: the configured one]
    #[arg(long)]
    algorithm: Option<PairAlgorithm>,
}

/// An algorithm with key pairs.
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
             tokens.algorithm to EdDSA or ES256, or prepare that change with --algorithm; to replace \
             the secret key, set SECRET_KEY_PREVIOUS to it and SECRET_KEY to a new one",
        ));
    };
    let head_start = if arguments.now { ActivationDelay::Least } else { ActivationDelay::Full };
    let operator = operator("keys rotate");
    let OpenedDatabase { store, secret, .. } = opening::opened_existing(config, &operator.origin)?;
    let key = assembly::node::signing_keys(&store, config, &secret, &Ambient::system())
        .rotate(algorithm, head_start, &operator)
        .map_err(failure)?;
    output.answer(&Rotated {
        kid: key.public.kid().to_owned(),
        algorithm: algorithm.name(),
        signs_from: key.signs_from,
        is_configured: config.tokens.algorithm == Some(algorithm),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn failure(error: RotationError) -> Failure {
    match error {
        RotationError::TooMany => Failure::failed(error, "`portcullis keys list` lists the keys"),
        RotationError::Store(error) => error.into(),
    }
}

#[derive(Serialize)]
struct Rotated {
    kid: String,
    algorithm: &'static str,
    signs_from: Timestamp,
    /// The configured algorithm is that of this key.
    is_configured: bool,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, algorithm, signs_from, is_configured } = self;
        writeln!(f, "made {kid} ({algorithm}); it is published from now on")?;
        if *is_configured {
            write!(
                f,
                "It signs from {signs_from}. The previous key stays published until its last token \
                 has\nexpired, and is then retired automatically."
            )
        } else {
            write!(f, "It signs when tokens.algorithm is {algorithm}.")
        }
    }
}
