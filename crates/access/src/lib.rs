#![doc = include_str!("../README.md")]

mod access;
mod condition;
mod coverage;
mod decision;
mod diff;
mod digest;
mod document;
mod escalation;
mod explain;
mod export;
mod fault;
mod grant;
mod hierarchy;
mod matrix;
mod note;
pub mod replay;
mod resolve;
mod scope;
mod soundness;
mod table;
mod vocabulary;
mod word;

pub use access::{Access, EffectiveGrant};
pub use condition::{
    Condition, ConditionNameError, ConditionResult, Conditions, DecisionContext, Parties,
};
pub use decision::Decision;
pub use diff::{CellChange, Change, HierarchyChange, MatrixDiff, WordChanges};
pub use escalation::Escalation;
pub use explain::{Explanation, Reason, Rule, UnmetGrant};
pub use export::MatrixView;
pub use fault::{Fault, FaultCode, MatrixFaults};
pub use matrix::{ActionId, Matrix, ResourceId, RoleId};
pub use note::Note;
/// Generates Rust types for the words of a matrix file, so that a misspelt word does not compile.
///
/// The path is relative to the `Cargo.toml` of the crate that uses the macro. The macro generates
///
/// - `enum Role`, `enum Resource` and `enum Action`, each with `ALL`, `as_str`, `Display` and
///   `FromStr`;
/// - modules `roles`, `resources` and `actions` with an empty type for each word, which implements
///   [`Word`];
/// - `const MATRIX: &str`, the text of the file, ready for [`Matrix::parse`].
///
/// `swap_request` becomes `SwapRequest`. A change of the file recompiles the crate. Faults beyond
/// the words are reported by [`Matrix::parse`].
///
/// ```
/// mod words {
///     portcullis_access::access_words!("../../config/access_matrix.toml");
/// }
/// assert_eq!(words::Resource::SwapRequest.as_str(), "swap_request");
/// assert_eq!("approve".parse(), Ok(words::Action::Approve));
/// ```
///
/// A word that the file does not contain does not compile:
///
/// ```compile_fail,E0599
/// # mod words { portcullis_access::access_words!("../../config/access_matrix.toml"); }
/// let _ = words::Resource::Scheduel;
/// ```
///
/// A missing file does not compile either:
///
/// ```compile_fail
/// portcullis_access::access_words!("no/such/file.toml");
/// ```
#[cfg(feature = "macros")]
pub use portcullis_access_derive::access_words;
pub use scope::{Scope, ScopeError, ScopeItem};
pub use word::Word;
