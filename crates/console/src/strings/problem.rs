//! The sentences for error codes: what has happened, and the next step.

use portcullis_web::Code;

/// The title of a problem for a person.
pub(crate) const fn title(code: Code) -> &'static str {
    match code {
        Code::NotFound => "This page does not exist",
        Code::InvalidRequest | Code::UnacceptableAccount => "Please check the form",
        Code::UnacceptablePassword => "This password cannot be used",
        Code::InvalidMfaToken => "The second step has expired",
        Code::MalformedBody | Code::MalformedRequest | Code::UnsupportedMediaType => {
            "The form could not be read"
        }
        Code::CsrfFailed | Code::ForeignOrigin => "The form did not come from this page",
        Code::RefreshTokenReused => "Your sessions were ended for safety",
        Code::Overloaded | Code::Busy => "The server is very busy",
        Code::Stopping | Code::Unavailable | Code::RevocationsStale | Code::ClockOff => {
            "The server is not available at the moment"
        }
        code => code.title(),
    }
}

/// The next step for a person.
pub(crate) const fn advice(code: Code) -> &'static str {
    match code {
        Code::NotFound => "The address is wrong, or the page has moved.",
        Code::InvalidRequest | Code::UnacceptableAccount | Code::UnacceptablePassword => {
            "Change what is marked below, then send the form again."
        }
        Code::InvalidCredentials => {
            "Check both. After several failures a wait begins, in which even the right password is refused."
        }
        Code::InvalidCode | Code::WrongCode => {
            "Use the code that the app shows now, or a backup code that you have not used yet. After several failures a wait begins."
        }
        Code::InvalidSetupToken => {
            "Copy the token that the server printed at its latest start. Each start replaces the one before."
        }
        Code::InvalidMfaToken => {
            "It takes five minutes, or fifteen with a mailed code, and five codes at most, in the same browser. Please begin again."
        }
        Code::EmailNotVerified => {
            "Follow the link in the mail that we sent when you registered. You can ask for another one."
        }
        Code::PasswordTooLong => "Passwords have at most 1,024 bytes.",
        Code::AmbiguousCredentials => {
            "Your browser sent two cookies of the same name. Delete the cookies of this site, then sign in again."
        }
        Code::CsrfFailed | Code::ForeignOrigin => {
            "Open the page again and repeat what you did. Nothing was changed."
        }
        Code::RefreshTokenReused => {
            "The session of this browser was also used somewhere else. Sign in again, and change your password if that was not you."
        }
        Code::InvalidLink => {
            "A link works once and for a limited time, and a newer one replaces it. Please ask for another one."
        }
        Code::InvalidInvitation => {
            "It was used or taken back, has expired, or a newer one replaced it. Ask for another invitation."
        }
        Code::WrongPassword => {
            "Check it. After several failures a wait begins, in which even the right password is refused."
        }
        Code::UsernameTaken => {
            "Please choose another one. Names that look alike count as the same."
        }
        Code::EmailTaken => "You can sign in with it, or reset its password.",
        Code::DeletionNotAllowed => "Ask an administrator to delete the account.",
        Code::LastAdministrator => "Make somebody else administrator first.",
        Code::InvitationRequired => "Ask an administrator for an invitation.",
        Code::AdministratorsOnly => "Ask an administrator for an account.",
        Code::RegistrationClosed => "Ask the operator of this service for an account.",
        Code::FactorRequired => {
            "Your account must have a second factor. Enrol one with the application that brought you here, then come back."
        }
        Code::OutsideNetworks => "This account can only be used from certain networks.",
        Code::Banned => "There were too many requests from your network. Please wait.",
        Code::RateLimited => "There were too many attempts from your network. Please wait.",
        Code::Overloaded | Code::Busy => "Please try again in a moment.",
        Code::Stopping | Code::Unavailable | Code::RevocationsStale | Code::ClockOff => {
            "Nothing was changed. Please try again in a moment."
        }
        Code::OutcomeUnknown => {
            "Look whether the change is there before you repeat it. To sign in or out once more is safe."
        }
        Code::Forbidden => "Ask an administrator if you need this, and name the id below.",
        Code::Internal => "Please try again.",
        Code::MatrixFaults | Code::MatrixUnfit => {
            "Change what is named below, then send the file again."
        }
        Code::MatrixSuperseded => "Look at the versions again: another one is in force now.",
        Code::MailOver => "Its code or its link is over. The person can ask for a new one.",
        _ => "Please go back and try again.",
    }
}
