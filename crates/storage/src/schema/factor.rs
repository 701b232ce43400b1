//! Table definitions of second factors and their challenges.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::sql_type::{Id, Utc};

    totp_factors (account_id) {
        account_id -> Id,
        seed -> Binary,
        last_step -> BigInt,
        confirmed_at -> Utc,
        last_used_at -> Nullable<Utc>,
    }
}

table! {
    use diesel::sql_types::Binary;
    use crate::sql_type::{Id, Utc};

    totp_enrolments (account_id) {
        account_id -> Id,
        session_id -> Id,
        seed -> Binary,
        expires_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable};
    use crate::sql_type::{Id, Utc};

    backup_codes (account_id) {
        account_id -> Id,
        sealed -> Binary,
        used -> Integer,
        created_at -> Utc,
        last_used_at -> Nullable<Utc>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    sign_in_challenges (token) {
        token -> Binary,
        binding -> Nullable<Binary>,
        account_id -> Id,
        password_epoch -> Integer,
        delivery -> Text,
        device_name -> Nullable<Text>,
        tries -> Integer,
        expires_at -> Utc,
        message_id -> Nullable<Id>,
        address -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    passkeys (id) {
        id -> Id,
        account_id -> Id,
        credential_id -> Binary,
        sealed_key -> Binary,
        counter -> BigInt,
        model -> Text,
        transports -> Text,
        is_user_verified -> Bool,
        is_discoverable -> Bool,
        is_backed_up -> Bool,
        name -> Text,
        created_at -> Utc,
        last_used_at -> Nullable<Utc>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    passkey_challenges (digest) {
        digest -> Binary,
        purpose -> Text,
        session_id -> Nullable<Id>,
        binding -> Nullable<Binary>,
        delivery -> Nullable<Text>,
        expires_at -> Utc,
    }
}
