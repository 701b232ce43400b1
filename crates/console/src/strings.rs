//! Texts: every English text of the pages, and the sentences for error codes.
//!
//! A translation is another value of [`Strings`]; one that lacks a text does not compile.

use portcullis_web::Code;

use crate::paths;

/// Declares the texts: name and English text.
macro_rules! strings {
    ($($name:ident $text:literal)*) => {
        /// The texts of the pages.
        #[derive(Debug)]
        pub(crate) struct Strings {
            $(pub(crate) $name: &'static str),*
        }

        /// English.
        pub(crate) static ENGLISH: Strings = Strings { $($name: $text),* };
    };
}

strings! {
    language "en"
    navigation "Sections"
    account_section "Account"
    skip "Skip to content"
    error_prefix "Error:"
    error_page_begin "Go to the first page"
    error_page_id "If it stays, tell the operator this id:"
    wait_before "Try again in"
    wait_seconds "seconds."
    optional "optional"
    field_required "fill this in"
    bad_character "remove characters that are not visible, or that turn the text around"

    password "Password"
    code "Code"

    sign_in_title "Sign in"
    sign_in_name "User name or email"
    sign_in_action "Sign in"
    sign_in_forgot "Forgot your password?"
    sign_in_register_before "No account yet?"
    sign_in_register "Create one"
    session_ended "Your session has ended. Please sign in again."

    second_step_title "Second step"
    second_step_text "Enter the six-digit code of your authenticator app, or one of your backup codes."
    mailed_code_title "Check your mail"
    mailed_code "Code from the mail"
    mailed_code_text "This sign-in looks unusual, so we have sent a code to the email address of the account. It may take a minute to arrive."
    second_step_action "Continue"
    second_step_begin_again "Begin again"

    sign_in_passkey "Sign in with a passkey"
    use_passkey "Use a passkey"
    passkey_no_password "No password? Confirm with a passkey"
    passkey_fault "The passkey was not used. Try again, or go on without it."
    passkey_script_needed "Passkeys need JavaScript, and this browser runs none for this page."

    sign_out_action "Sign out"
    signed_out_title "You are signed out"
    signed_out_text "The session of this browser has ended. On a shared computer, close the browser as well."
    signed_out_action "Sign in again"

    renewal_title "One moment"
    renewal_text "Your session is being continued."
    renewal_action "Continue"

    confirm_title "Please confirm"
    confirm_text "For this, your second factor must have been proven in the last 15 minutes. Enter the code of your authenticator app, or a backup code."
    confirm_other_before "No code at hand?"
    sign_in_too_old "For this, you must have signed in within the last 15 minutes. Please sign in again."

    home_title "Your account"
    username "User name"
    username_hint "3 to 64 characters, without spaces."
    email "Email"
    display_name "Display name"
    role "Role"
    member_since "Member since"
    email_verified "verified"
    email_unverified "not verified"
    none "none"
    change "Change"
    save "Save"

    new_password "New password"
    current_password "Current password"
    new_password_hint "Long is better than complicated: a few unrelated words are a good password. Spaces and all letters are fine."

    register_title "Create an account"
    register_action "Create the account"
    register_invited_text "You are invited. The account gets the email address to which the invitation was sent."
    register_sign_in_before "You have an account?"
    registered "Your account is ready. Please sign in."

    check_mail_title "Check your mail"
    check_mail_text "If the address can be used here, a mail with a link is on its way. It may take a minute, and it may be among unwanted mails."
    check_mail_action "Go to the sign-in"
    back_to_sign_in "Back to the sign-in"

    verify_title "Confirm your email address"
    verify_text "One click, and it is done."
    verify_action "Confirm the address"
    verify_choice_text "The user name of your registration is taken by now. Choose another one, and a password for it."
    verified_title "Your email address is confirmed"
    verified_text "You can sign in now, with the user name"
    resend_title "Send another link"
    resend_text "Links in mails work once and for a limited time. Enter the address of your account to get another one."
    resend_action "Send a link"

    forgot_title "Reset your password"
    forgot_text "Enter the email address of your account. You get a mail with a link, with which you choose a new password."
    forgot_action "Send a link"
    reset_title "Choose a new password"
    reset_text "All sessions of your account end. A second factor is still asked for."
    reset_action "Set the password"
    reset_done "Your password is changed, and all sessions have ended. Please sign in with the new password."

    password_title "Change your password"
    password_text "All other sessions end. You stay signed in here."
    password_action "Change the password"
    password_must_change "Your password must be changed before you can go on."
    password_done "Your password is changed, and all other sessions have ended."

    profile_title "Display name"
    profile_text "The name that others see. Without one, they see your user name."

    confirm_email_title "Confirm your new email address"
    confirm_email_text "From then on your account has this address, and mails go there."
    confirm_email_done_title "Your email address is changed"
    confirm_email_done_text "Your account now has the address"

    not_me_title "This was not me"
    not_me_text "This protects your account at once: all sessions end, nobody can sign in, and you get a mail with a link for a new password. If your email address was changed, it is changed back."
    not_me_action "Protect my account"
    not_me_done_title "Your account is protected"
    not_me_done_text "All sessions have ended, and nobody can sign in until the password is reset. A mail with a link for that is on its way."

    privacy_title "Your data"
    data_title "Your data as a file"
    data_text "One JSON file with all that this server keeps about you: account, sessions, devices, factors, keys, mails and the audit log of your account. It contains no password and no secret. Keep it in a safe place."
    data_action "Download the file"
    delete_title "Delete your account"
    delete_text "Your account, its sessions, factors and keys are deleted now. This cannot be undone."
    delete_action "Delete the account for good"
    delete_done_title "Your account is deleted"
    delete_done_text "You are signed out everywhere. A mail confirms it."

    factors_title "Security"
    factors_text "A second factor protects your account even if somebody learns your password."
    factor_required "Your account must have a second factor. Set one up before you go on."
    factor_removed "The factor is removed."
    added "added"
    remove "Remove"
    not_used_yet "not used yet"
    app_title "Authenticator app"
    app_name "App with six-digit codes"
    app_none "There is no authenticator app."
    app_add "Set up"
    app_replace "Replace"
    app_text "An app on your phone shows a new six-digit code every 30 seconds. An app that you have set up before stays in force until the new one is confirmed."
    app_scan "Scan the picture with your authenticator app, then enter the code that the app shows."
    app_qr "QR code with the key for the app"
    app_no_camera "No camera? Type the key instead"
    app_open "Open an app on this device"
    app_code "Six-digit code"
    app_confirm "Confirm the app"
    app_again "Enter the code that the app shows now. If the app does not have the account yet, begin again."
    app_done "Your authenticator app is set up, and all other sessions have ended. Make backup codes now, for the day on which you do not have your phone."
    app_remove_title "Remove the authenticator app"
    app_remove_text "From then on, no code of the app is asked for. If it is your only factor, the backup codes end too."
    passkeys_title "Passkeys"
    passkeys_none "There is no passkey."
    passkey_add "Add a passkey"
    passkey_title "Add a passkey"
    passkey_text "With a passkey you sign in by the fingerprint, face or code of your device, without a password. It works on this site only, so it cannot be given away to another one."
    passkey_create_text "Give the passkey a name by which you recognise the device. Then your browser asks you to confirm."
    passkey_create "Create the passkey"
    passkey_name "Name"
    passkey_default_name "This device"
    passkey_backed_up "synchronised"
    passkey_one_title "Passkey"
    passkey_lost "Lost, or no longer used?"
    passkey_remove "Remove this passkey"
    passkey_remove_text "From then on, nobody signs in with it. Delete it from your device too."
    passkey_done "Your passkey is added, and all other sessions have ended. Make backup codes if you have none."
    backup_title "Backup codes"
    backup_make "Make new codes"
    backup_text "Ten codes for the day on which you have no app and no passkey. Each works once. New codes end all earlier ones."
    backup_action "Make ten codes"
    backup_none "You have no backup codes. Without them, a lost phone can cost you the account."
    backup_left "unused codes are left."
    backup_shown_once "These codes are shown only now. Keep them where you keep important papers."
    backup_stored "I have stored them"
    backup_file "backup-codes.txt"
    copy "Copy"
    copied "Copied."
    save_file "Save as a file"
    print "Print"

    email_title "Change your email address"
    email_text "A link goes to the new address, and a notice to the present one. The address changes when you follow the link."
    new_email "New email address"
    email_action "Send the link"

    api_keys_title "API keys"
    api_keys_text "A key lets a program act for you, within the rights that you give it."
    api_keys_none "There is no API key."
    api_key_add "Create a key"
    api_key_name "Name"
    api_key_name_hint "What the program is or does."
    api_key_scope "Rights"
    api_key_scope_hint "One on each line, as resource:action, such as schedule:read. The key never has more than your role."
    api_key_networks "Networks"
    api_key_networks_hint "One on each line, such as 192.0.2.0/24. Without one, the key works from everywhere."
    api_key_days "Lifetime in days"
    api_key_days_hint "1 to 365."
    api_key_days_fault "Enter a whole number from 1 to 365."
    api_key_rotate "Replace"
    api_key_rotate_title "Replace an API key"
    api_key_rotate_text "The new key has the same name, rights, networks and lifetime. The present one works for another 24 hours."
    api_key_revoke "Revoke"
    api_key_revoke_title "Revoke an API key"
    api_key_revoke_text "The key stops working everywhere within a second. This cannot be undone."
    api_key_new_title "Your new API key"
    api_key_shown_once "This key is shown only now. Give it to the program as a secret, in the header Authorization: Bearer."
    api_key_file "api-key.txt"
    api_key_damaged "damaged, and refused"
    api_key_everywhere "from everywhere"
    expired "expired"
    expires "expires"
    done "Done"

    operation "Operation"
    accounts_title "Accounts"
    all_sessions_title "All sessions"
    invitations_title "Invitations"
    bans_title "Bans"
    matrix_title "Access matrix"
    audit_title "Audit log"
    sign_ins_title "Sign-ins"
    period "Period"
    last_hour "Last hour"
    last_day "Last day"
    last_week "Last week"
    last_month "Last 30 days"
    period_empty "use a time after the begin"
    period_too_long "use at most 400 days"
    refused_sign_ins "Refused"
    successful_sign_ins "Successful"
    unknown_names "Refused, for unknown names"
    refusals_over_time "Refused sign-ins over time"
    refusals_none "No sign-in was refused in this period."
    at_most "in the highest bar"
    as_table "As a table"
    refusals_by_hour "Refused sign-ins by hour of the week (UTC)"
    day "Day"
    monday "Mon"
    tuesday "Tue"
    wednesday "Wed"
    thursday "Thu"
    friday "Fri"
    saturday "Sat"
    sunday "Sun"
    top_accounts "Accounts with most refusals"
    top_addresses "Addresses with most refusals"
    none_of_it "There is none."
    entries "Entries of the audit log"
    other_outcomes "others"
    lockouts_title "Lockouts"
    lockouts_text "Too many wrong passwords or codes in a row close an account for a while, for those who have proven nothing. A device that the holder has used before has a counter of its own."
    lockouts_none "No account is locked."
    lockout_of "Locked for"
    lockout_strangers "strangers"
    lockout_devices "known devices"
    lockout_factors "second factors"
    last_failure "Last failure"
    outbox_title "Mails"
    mails_none "No mail matches."
    next_attempt "Next attempt"
    attempts "Attempts"
    resend "Send again"
    resent "The mail is due now."
    keys_title "Signing keys"
    keys_text "The keys whose signatures make access tokens valid. This server signs with"
    key_now "Sign with it at once, because the present key may have leaked"
    key_rotate "Make a new key"
    key_name "Name"
    algorithm "Algorithm"
    signs_from "Signs from"
    key_retire "Retire"
    jobs_title "Jobs"
    jobs_text "Work in the background, on this node or on one node for all."
    job "Job"
    interval "Every"
    last_run "Last run"
    took "Took"
    result "Result"
    next_run "Next run"
    failing "failing"
    succeeded "succeeded"
    running "running"
    settings_title "Settings"
    settings_text "The settings in force on this node, with their sources. Secrets are not shown."
    setting "Setting"
    value "Value"
    source "Source"
    secret_set "set"
    secret_unset "not set"
    event "Event"
    outcome "Outcome"
    time "Time"
    about "About"
    about_account "About the account (id)"
    by_account "By the account (id)"
    actor "By"
    from "From (UTC)"
    before "Before (UTC)"
    more "More"
    export "Export as CSV"
    entries_none "No entry matches."
    cursor_fault "begin the search again"
    entry_id "Entry"
    session "Session"
    user_agent "User agent"
    request_id "Request"
    owner "Owner"
    parties "Parties"
    attributes "Attributes"
    matrix_of_entry "Matrix version"
    details "Details"
    matrix_version "Version in force:"
    matrix_compared "compared with version"
    matrix_changes "changes"
    matrix_without "without the comparison"
    matrix_places "The place of each action in a cell"
    may_title "May this role do that?"
    may_role "May"
    may_action "do"
    may_resource "on"
    every_role "every role"
    every_action "every action"
    every_resource "every resource"
    show "Show"
    allowed "allowed"
    denied "denied"
    situation_none "Nothing is known about the object"
    situation_own "The object is their own"
    situation_other "The object is somebody else's"
    situation_party "The object is somebody else's, and they are a party"
    of "of"
    actions_word "actions"
    always "always"
    line "line"
    mark_direct "own grant"
    mark_inherited "inherited from a junior role"
    mark_conditional "only under conditions"
    mark_gained "gained"
    mark_lost "lost"
    mark_changed "other conditions"
    rules "Rules"
    rules_none "No rule gives this."
    resource "Resource"
    action "Action"
    when "When"
    path "Path"
    line_title "Line"
    versions_title "Versions"
    version "Version"
    added_by "Added by"
    added_at "Added"
    activated_at "Last activated"
    in_force "in force"
    compare "Compare"
    activate_version "Activate"
    version_propose "Propose a version"
    version_text "Matrix file"
    version_text_hint "The whole text of the TOML file. It is checked and stored, and its changes are shown. It is not in force before you activate it."
    version_check "Check and store"
    search "Search"
    search_name "Name or address begins with"
    any "any"
    never "never"
    kind "Kind"
    state "State"
    active "active"
    deactivated "deactivated"
    blocked "blocked"
    second_factor "second factor"
    must_change_tag "must change the password"
    last_sign_in "Last sign-in"
    users_none "No account matches."
    nothing_here "Nothing on this page."
    next_page "Next page"
    failures "Failures in a row"
    locked_until "locked until"
    unlocked_only "an administrator unlocks it"
    networks "Networks"
    everywhere "everywhere"
    account_id "Id"
    actions "Actions"
    sure "I am sure"
    change_done "Done."
    unlock "Unlock"
    unlock_text "Forgets the failures, and lifts the block after a report of the holder."
    end_sessions "End all sessions"
    end_sessions_text "The holder is signed out everywhere, and can sign in again."
    demand_password "Demand a new password"
    demand_password_text "At the next sign-in, the holder must choose another password before anything else."
    reset_factors "Reset the second factors"
    reset_factors_text "For a holder who has lost them all. Sessions end, and the password alone signs in. A mail tells the holder."
    activate "Activate"
    activate_text "The account can be used again."
    deactivate "Deactivate"
    deactivate_text "The account cannot be used, and its sessions end. It can be activated again."
    delete_user "Delete"
    delete_user_text "The account is gone for good. The audit log keeps its entries."
    sessions_none "There is no session."
    device "Device"
    address "Address"
    begun "Since"
    used "Last used"
    valid_until "Valid until"
    invite "Invite"
    invitations_none "No invitation waits."
    bans_text "Requests from a banned address are refused. Too many refused requests ban an address automatically, for longer each time."
    bans_none "No address is banned."
    ban_action "Ban"
    ban_hours "Hours"
    ban_hours_fault "use a whole number from 1 to 8784"
    address_fault "use an IPv4 or IPv6 address"
    until "Until"
    imposed_by "By"
    imposed_automatically "automatically"
    reason "Reason"
    lift "Lift"

    sessions_title "Sessions"
    sessions_open "Where you are signed in"
    sessions_end "End"
    sessions_end_others "End all others"
    devices_title "Known devices"
    devices_text "Browsers in which you have signed in before. A forgotten device is signed out, and its next sign-in is that of a new device."
    devices_none "There is no known device."
    devices_forget "Forget"
    this_browser "this browser"
    since "since"
    last_used "last used"
}

impl Strings {
    /// The days of the week, from Monday on.
    pub(crate) const fn days(&self) -> [&'static str; 7] {
        [
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        ]
    }

    /// The sections of the navigation: path and name.
    pub(crate) const fn sections(&self) -> [(&'static str, &'static str); 3] {
        [
            (paths::HOME, self.account_section),
            (paths::FACTORS, self.factors_title),
            (paths::SESSIONS, self.sessions_title),
        ]
    }
}

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
        _ => "Please go back and try again.",
    }
}
