//! `policy explain`: prints the decision for a role, an action and a resource, with the full reason.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use portcullis_access::{DecisionContext, Explanation, Parties, Reason};
use serde::Serialize;

use super::named::MatrixSource;
use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// One decision to explain.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The role of the subject
    #[arg(long)]
    role: String,
    /// The resource
    #[arg(long)]
    resource: String,
    /// The action
    #[arg(long)]
    action: String,
    /// The id of the subject
    #[arg(long, default_value = "")]
    subject: String,
    /// The owner of the resource
    #[arg(long)]
    owner: Option<String>,
    /// A party of the resource; may be repeated
    #[arg(long = "party", value_name = "PARTY")]
    parties: Vec<String>,
    /// Another attribute, its value JSON or a text; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, serde_json::Value)>,
    /// Use this matrix file [default: the matrix in force]
    #[arg(long)]
    file: Option<PathBuf>,
}

/// Exits with 0 for a grant and for a denial: both are a successful explanation.
pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (name, matrix) = if let Some(path) = &arguments.file {
        let named = MatrixSource::File(path.clone());
        (named.to_string(), named.parse(&named.text_alone(loaded)?)?)
    } else {
        let versions = Versions::open(loaded)?;
        (versions.name(), versions.in_force())
    };
    let Arguments { role, resource, action, .. } = arguments;
    let attributes = arguments.attributes.iter().cloned().collect();
    let context = DecisionContext {
        subject: &arguments.subject,
        owner: arguments.owner.as_deref(),
        parties: Some(&arguments.parties).filter(|all| !all.is_empty()).map(Parties::from),
        attributes: Some(&attributes),
    };
    let decision = matrix.decide_words(role, resource, action, &context);
    output.answer(&ExplainOutput { matrix: name, explanation: matrix.explain(&decision) })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct ExplainOutput<'a> {
    matrix: String,
    #[serde(flatten)]
    explanation: Explanation<'a>,
}

impl fmt::Display for ExplainOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { matrix, explanation } = self;
        match &explanation.reason {
            Reason::ConditionsUnmet { unmet } => {
                writeln!(f, "denied: no grant has all its conditions met")?;
                unmet.iter().try_for_each(|one| writeln!(f, "  {one}"))?;
            }
            Reason::Granted { .. } => writeln!(f, "allowed: {explanation}")?,
            _ => writeln!(f, "{explanation}")?,
        }
        write!(f, "by {matrix}")
    }
}

fn attribute(text: &str) -> Result<(String, serde_json::Value), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
