//! The catalogue of error codes: code, HTTP status, title, advice. The other files of this folder
//! map the errors of use cases to these codes.

use actix_web::http::StatusCode;

/// Declares the catalogue: variant, stable code, status, title, advice.
macro_rules! catalogue {
    ($($variant:ident $code:literal $status:ident $title:literal $advice:literal)*) => {
        /// The catalogue of errors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each entry explains itself by title and advice")]
        pub enum Code {
            $($variant),*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => StatusCode::$status),* }.as_u16()
            }

            /// The title, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// The advice: the next step for the client.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),* }
            }
        }
    };
}

catalogue! {
    MalformedRequest "malformed_request" BAD_REQUEST "The request is malformed"
        "Check the request line and the headers."
    MalformedBody "malformed_body" BAD_REQUEST "The body cannot be read"
        "Send well-formed UTF-8 of the announced type."
    InvalidRequest "invalid_request" BAD_REQUEST "The request does not have the form of this route"
        "Compare the fields with /api/openapi.json; `errors` names what does not fit."
    AmbiguousCredentials "ambiguous_credentials" BAD_REQUEST "The request carries more than one credential"
        "Send either the access cookie or one Authorization header."
    PasswordTooLong "password_too_long" BAD_REQUEST "The password is too long"
        "Passwords have at most 1,024 bytes."
    NotAuthenticated "not_authenticated" UNAUTHORIZED "Sign in first"
        "Sign in at /api/auth/login and send the access token."
    InvalidToken "invalid_token" UNAUTHORIZED "The access token is not valid"
        "Refresh it at /api/auth/refresh, or sign in again."
    InvalidCredentials "invalid_credentials" UNAUTHORIZED "The name or the password is not right"
        "Check both. After several failures a wait begins, in which even the right password is refused."
    InvalidMfaToken "invalid_mfa_token" UNAUTHORIZED "The second step of this sign-in is over"
        "Sign in again from the start: the second step takes five minutes, or fifteen with a mailed code, and five codes at most, in the same browser."
    InvalidCode "invalid_code" UNAUTHORIZED "The second factor is not right"
        "Use the present code of the app, an unused backup code or a passkey. After several failures a wait begins."
    InvalidPasskey "invalid_passkey" UNAUTHORIZED "The passkey is not accepted"
        "Start again at /api/auth/login/passkey/options in this browser, with a passkey that verifies its user."
    InvalidRefreshToken "invalid_refresh_token" UNAUTHORIZED "The refresh token is not valid"
        "Sign in again. A browser must send the binding cookie along."
    RefreshTokenReused "refresh_token_reused" UNAUTHORIZED "The refresh token had been used before"
        "Sessions were ended for safety. Sign in again, and change the password if it was not you."
    InvalidSetupToken "invalid_setup_token" UNAUTHORIZED "The setup token is not valid"
        "Use the token the server printed at its last start; once an administrator exists there is none."
    InvalidServiceCredential "invalid_service_credential" UNAUTHORIZED "This is not the credential of a service"
        "Send name and secret by HTTP Basic; `portcullis service credential NAME` makes one."
    InvalidApiKey "invalid_api_key" UNAUTHORIZED "The API key is not valid"
        "It is mistyped, or was revoked. Create another one at /api/auth/api-keys."
    ApiKeyExpired "api_key_expired" UNAUTHORIZED "The API key has expired"
        "Create another one at /api/auth/api-keys, and rotate it in time."
    SignInTooOld "insufficient_user_authentication" UNAUTHORIZED "The sign-in is too long ago for this"
        "Prove a second factor at /api/auth/mfa/step-up, or sign in again; then repeat the request within 15 minutes."
    TlsRequired "tls_required" FORBIDDEN "The request must be sent over TLS"
        "Send it to the https address of the server; treat credentials sent without TLS as disclosed."
    ForeignOrigin "foreign_origin" FORBIDDEN "Requests from this page are not accepted"
        "Call from the server's own origin, or add the page's origin to CORS_ORIGINS."
    CsrfFailed "csrf_failed" FORBIDDEN "The request is not shown to come from an allowed page"
        "Get a token at /api/auth/csrf and send it in X-CSRF-Token, with Origin or Sec-Fetch-Site."
    PasswordChangeRequired "password_change_required" FORBIDDEN "The password must be changed first"
        "Change it at /api/auth/password/change, which answers with new tokens."
    FactorRequired "factor_required" FORBIDDEN "A second factor must be enrolled first"
        "Enrol an authenticator app at /api/auth/mfa/totp/enrol, and confirm it, which answers with new tokens."
    Forbidden "forbidden" FORBIDDEN "This account may not do that"
        "Ask an administrator, and name the decision_id: the reason is kept under it."
    ApiKeyNotAccepted "api_key_not_accepted" FORBIDDEN "This route takes no API key"
        "Sign in at /api/auth/login and send the access token."
    ApiKeyOwnerInactive "api_key_owner_inactive" FORBIDDEN "The owner of the API key is not active"
        "Ask an administrator to activate the account again."
    OutsideNetworks "outside_networks" FORBIDDEN "The credential is not for use from this network"
        "Send the request from one of the networks of the account, of its role, and of the API key if it is one."
    OutOfScope "out_of_scope" FORBIDDEN "The scope of the API key does not cover this"
        "Create a key with the scope that the documentation of the route names."
    NoApiKeys "no_api_keys" FORBIDDEN "Accounts of people have no API keys"
        "Ask an administrator to make the account one of a developer, or for a service account."
    AboveOwnRole "above_own_role" FORBIDDEN "The role is above your own"
        "Ask somebody with that role, or a more senior one."
    MatrixAboveOwnRole "matrix_above_own_role" FORBIDDEN "The version would give more than your role has"
        "Leave out what the detail names, or ask somebody with the most senior role."
    WrongPassword "wrong_password" FORBIDDEN "The current password or passkey is not right"
        "Check it. After several failures a wait begins, in which even the right password is refused."
    DeletionNotAllowed "deletion_not_allowed" FORBIDDEN "Accounts are not deleted by their holders here"
        "Ask an administrator to delete the account."
    WrongCode "wrong_code" FORBIDDEN "The second factor is not right"
        "Use the present code of the app, an unused backup code or a passkey. After several failures a wait begins."
    Banned "banned" FORBIDDEN "Requests from this address are not accepted at the moment"
        "Wait as long as Retry-After says. Programs must wait after each 429; the operator can lift the ban."
    EmailNotVerified "email_not_verified" FORBIDDEN "The email address must be verified first"
        "Follow the link in the mail; /api/auth/email/resend sends another one."
    InvitationRequired "invitation_required" FORBIDDEN "Registration requires an invitation"
        "Ask an administrator for an invitation, and send its token as `invitation`."
    AdministratorsOnly "administrators_only" FORBIDDEN "Only administrators create accounts"
        "Ask an administrator for an account."
    RegistrationClosed "registration_closed" FORBIDDEN "Registration is closed"
        "Ask the operator of the server for an account."
    NotFound "not_found" NOT_FOUND "There is nothing here"
        "See /api/openapi.json for the routes."
    NoPasskeys "no_passkeys" NOT_FOUND "This server has no passkeys"
        "Passkeys need a domain name: the operator sets server.base_url."
    NotBanned "not_banned" NOT_FOUND "The address is not banned"
        "See /api/admin/bans for the bans in force."
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "This route does not know that method"
        "See the Allow header."
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request took too long to arrive"
        "Send it again."
    UsernameTaken "username_taken" CONFLICT "The user name is taken"
        "Choose another; names that look alike count as the same."
    EmailTaken "email_taken" CONFLICT "The email is taken"
        "Sign in with it instead."
    NoEnrolment "no_enrolment" CONFLICT "There is no enrolment to confirm"
        "Start one in this session, of an app at /api/auth/mfa/totp/enrol or of a passkey at /api/auth/passkeys/options."
    NoPasskeyAlone "no_passkey_alone" CONFLICT "The account has no passkey that signs in alone"
        "Register a passkey at /api/auth/passkeys/options whose authenticator verifies its user."
    TooManyPasskeys "too_many_passkeys" CONFLICT "The account has too many passkeys"
        "Remove one at /api/auth/passkeys first."
    TooManyApiKeys "too_many_api_keys" CONFLICT "The account has too many API keys"
        "Revoke one at /api/auth/api-keys first."
    ApiKeyReplaced "api_key_replaced" CONFLICT "The API key was replaced already"
        "Rotate its successor; /api/auth/api-keys lists the keys."
    AllowlistExcludesClient "allowlist_excludes_client" CONFLICT "The list would shut you out"
        "To confirm the list, send the request from an address inside of it; or add the address of this request."
    NoFactor "no_factor" CONFLICT "The account has no such second factor"
        "See /api/auth/mfa for the factors of the account."
    LastFactor "last_factor" CONFLICT "The account must keep a second factor"
        "Replace it instead: enrol another authenticator app, or register another passkey and remove this one then."
    OwnAccount "own_account" CONFLICT "This is your own account"
        "Ask another administrator: nobody changes their own role or state."
    LastAdministrator "last_administrator" CONFLICT "This is the last active administrator"
        "Make somebody else administrator first."
    RoleJustChanged "role_just_changed" CONFLICT "The account was changed a moment ago"
        "Wait three seconds, then try again."
    MatrixSuperseded "matrix_superseded" CONFLICT "Another version was activated at the same time"
        "See which version is in force now, and decide again."
    RolesInUse "roles_in_use" CONFLICT "Accounts have roles that this version lacks"
        "Give these accounts other roles, or keep the roles in the file."
    MailOver "mail_over" CONFLICT "The mail is not sent again"
        "It was delivered, or its code or link is over. Ask its recipient to request another one."
    NoKeyPairs "no_key_pairs" CONFLICT "Tokens are signed with the secret key"
        "Name an algorithm, EdDSA or ES256, to prepare a change of tokens.algorithm; the operator replaces SECRET_KEY."
    KeySigns "key_signs" CONFLICT "The key signs, or did a moment ago"
        "Make a new key with `now` first, and wait four seconds."
    KeyRetired "key_retired" CONFLICT "The key has retired already"
        "See /api/admin/signing-keys for the states of the keys."
    TooManyKeys "too_many_keys" CONFLICT "Twenty keys are not retired"
        "Wait for the retirement of a key whose last token expires, or retire one."
    NothingToRollBack "nothing_to_roll_back" CONFLICT "No other version has been in force before"
        "Activate the version you want by its number."
    InvalidLink "invalid_link" GONE "The link is not valid"
        "A link works once and for a limited time, and a newer one replaces it. Ask for a new one."
    InvalidInvitation "invalid_invitation" GONE "The invitation is not valid"
        "It was used or revoked, has expired, or a newer one replaced it. Ask for another invitation."
    CursorExpired "cursor_expired" GONE "The feed does not go back to this cursor"
        "Take the snapshot at /api/revocations/snapshot, and go on from its cursor."
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large"
        "Send less: most routes read at most 16 KiB, and the detail says how much this one does."
    UrlTooLong "url_too_long" URI_TOO_LONG "The URL is too long"
        "Use a path and a query of at most 8 KiB together."
    HeadTooLarge "request_head_too_large" REQUEST_HEADER_FIELDS_TOO_LARGE "The head of the request is too large"
        "Send fewer cookies and headers: all of it has at most 32 KiB, and 96 fields."
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is of the wrong type"
        "Send the content type that the route names, in UTF-8, not compressed."
    UnacceptableAccount "unacceptable_account" UNPROCESSABLE_ENTITY "The account breaks the rules of this server"
        "Mend what `errors` names."
    UnacceptablePassword "unacceptable_password" UNPROCESSABLE_ENTITY "The new password breaks the rules of this server"
        "Mend what `errors` names."
    UnbannableAddress "unbannable_address" UNPROCESSABLE_ENTITY "The address cannot be banned"
        "The server never bans its own machine, trusted proxies, exempt networks, or the address of the request."
    QuestionTooLarge "question_too_large" UNPROCESSABLE_ENTITY "A question holds more than can be recorded"
        "Send less with the questions that `errors` names."
    MatrixFaults "matrix_faults" UNPROCESSABLE_ENTITY "The access matrix has faults"
        "Mend the lines that `errors` names."
    MatrixUnfit "matrix_unfit" UNPROCESSABLE_ENTITY "The access matrix does not fit this server"
        "Under it nobody could administer this server any more, or everybody could; the detail says which."
    PasskeyRefused "passkey_refused" UNPROCESSABLE_ENTITY "The passkey is not accepted"
        "Use an authenticator that the account has not registered yet, and that this server allows."
    BlockTooLarge "block_too_large" UNPROCESSABLE_ENTITY "A stored block of decisions is too large to be read here"
        "Search before and after the time that the detail names; `portcullis audit export --format archive` holds the block."
    RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many requests"
        "Wait as long as Retry-After says. RateLimit-Policy names each limit, and RateLimit what is left of it."
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong on our side"
        "Try again; if it stays, tell the operator the request_id."
    Overloaded "overloaded" SERVICE_UNAVAILABLE "Too many passwords are being checked"
        "Wait as long as Retry-After says, then try again."
    Busy "busy" SERVICE_UNAVAILABLE "Too much of this is being done at once"
        "Wait as long as Retry-After says, then try again with fewer requests at once."
    ClockOff "clock_off" SERVICE_UNAVAILABLE "The clock of this node differs from that of the database"
        "Ask another node; an operator must set the clocks right."
    RevocationsStale "revocations_stale" SERVICE_UNAVAILABLE "This node does not know what was revoked lately"
        "Ask another node, or wait as long as Retry-After says, then try again."
    Stopping "stopping" SERVICE_UNAVAILABLE "This node is about to stop"
        "Ask another node, or wait as long as Retry-After says, then try again."
    OutcomeUnknown "outcome_unknown" SERVICE_UNAVAILABLE "It is not known whether the request took effect"
        "The database did not confirm its commit. See whether the change is there before you repeat it; a refresh, a sign-in or a sign-out is safe to repeat."
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The server cannot do this at the moment"
        "Wait as long as Retry-After says, then try again."
}
