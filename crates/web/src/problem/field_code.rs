//! The codes that the faults of single fields may have, by the code of the error.

use super::{Code, Problem};

impl Code {
    /// The stable codes of the fields in `errors`, for the errors that name fields. Docs: docs/errors.md.
    pub const fn field_codes(self) -> &'static [&'static str] {
        match self {
            Self::InvalidRequest => &[
                "missing",
                "unknown",
                "duplicate",
                "wrong_type",
                "forbidden_character",
                "malformed",
                "host_bits",
                "out_of_range",
                "too_short",
                "too_long",
                "too_deep",
                "wrong_count",
                "unknown_role",
                "unknown_kind",
                "unknown_algorithm",
                "beyond_role",
                "ambiguous",
                "incomplete",
                "not_after_from",
                "not_allowed",
                "no_password",
            ],
            Self::QuestionTooLarge => &["too_large", "wrong_count"],
            Self::UnacceptableAccount | Self::UnacceptablePassword => &[
                "required",
                "too_short",
                "too_long",
                "forbidden_character",
                "malformed",
                "reserved",
                "offensive",
                "too_common",
                "not_invited",
                "breached",
                "too_guessable",
                "contains_context",
                "missing_classes",
                "unchanged",
            ],
            Self::MatrixFaults => &[
                "syntax",
                "too_large",
                "unknown_key",
                "missing_key",
                "wrong_type",
                "invalid_word",
                "duplicate_word",
                "empty_list",
                "mixed_wildcard",
                "unknown_role",
                "unknown_resource",
                "unknown_action",
                "unknown_condition",
                "cycle",
                "duplicate_grant",
                "unreachable_grant",
                "role_without_path",
                "no_role",
            ],
            _ => &[],
        }
    }
}

impl Problem {
    /// The first code of a field that [`Code::field_codes`] does not list. A test that provokes it fails.
    pub(super) fn unlisted_field_code(&self) -> Option<&str> {
        let listed = self.code.field_codes();
        self.fields.iter().map(|field| &*field.code).find(|code| !listed.contains(code))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portcullis_access::{FaultCode, ScopeError};
    use portcullis_domain::{EmailError, NetworkListError, TextError, UsernameError};
    use portcullis_flows::identity::account_request::FieldError;
    use portcullis_password::Violation;

    use super::*;
    use crate::problem::FieldProblem;

    #[test]
    fn a_code_that_is_not_listed_is_found() {
        let problem = |code| Problem::invalid(vec![FieldProblem::new(String::new(), code, "")]);
        assert_eq!(problem("missing").unlisted_field_code(), None);
        assert_eq!(problem("offensive").unlisted_field_code(), Some("offensive"));
    }

    #[test]
    fn the_codes_of_an_account_are_those_of_its_field_errors() {
        use FieldError::{DisplayName, Email, Password, Username};
        let errors = [
            Username(UsernameError::TooShort),
            Username(UsernameError::TooLong),
            Username(UsernameError::Forbidden),
            FieldError::UsernameReserved,
            FieldError::UsernameOffensive,
            Email(EmailError::TooLong),
            Email(EmailError::Malformed),
            FieldError::EmailMissing,
            FieldError::EmailUnchanged,
            FieldError::EmailNotInvited,
            DisplayName(TextError::TooLong),
            DisplayName(TextError::Forbidden),
            DisplayName(TextError::Blank),
            FieldError::DisplayNameOffensive,
            Password(Violation::TooShort { minimum: 12 }),
            Password(Violation::TooLong { maximum: 128 }),
            Password(Violation::TooCommon),
            Password(Violation::Breached),
            Password(Violation::TooGuessable),
            Password(Violation::ContainsContext),
            Password(Violation::MissingClasses { required: 3 }),
            FieldError::PasswordUnchanged,
        ];
        let sent: BTreeSet<&str> = errors.iter().map(FieldError::code).collect();
        for code in [Code::UnacceptableAccount, Code::UnacceptablePassword] {
            assert_eq!(sent, code.field_codes().iter().copied().collect(), "{code:?}");
        }
    }

    #[test]
    fn the_faults_of_lists_in_a_request_are_listed() {
        let scopes = [ScopeError::Malformed, ScopeError::Empty, ScopeError::TooLong];
        let networks =
            [NetworkListError::Malformed, NetworkListError::HostBits, NetworkListError::TooLong];
        let codes = scopes.map(ScopeError::code).into_iter();
        for code in codes.chain(networks.map(NetworkListError::code)) {
            assert!(Code::InvalidRequest.field_codes().contains(&code), "{code}");
        }
    }

    #[test]
    fn the_codes_of_a_matrix_are_those_of_its_faults() {
        let faults = [
            FaultCode::Syntax,
            FaultCode::TooLarge,
            FaultCode::UnknownKey,
            FaultCode::MissingKey,
            FaultCode::WrongType,
            FaultCode::InvalidWord,
            FaultCode::DuplicateWord,
            FaultCode::EmptyList,
            FaultCode::MixedWildcard,
            FaultCode::UnknownRole,
            FaultCode::UnknownResource,
            FaultCode::UnknownAction,
            FaultCode::UnknownCondition,
            FaultCode::Cycle,
            FaultCode::DuplicateGrant,
            FaultCode::UnreachableGrant,
            FaultCode::RoleWithoutPath,
            FaultCode::NoRole,
        ];
        assert_eq!(faults.map(FaultCode::as_str), Code::MatrixFaults.field_codes());
    }
}
