//! One schema for both databases.

use diesel::table;

table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    accounts (id) {
        id -> Id,
        username -> Text,
        username_skeleton -> Text,
        email -> Text,
        email_key -> Text,
        display_name -> Nullable<Text>,
        kind -> Text,
        role -> Text,
        is_active -> Bool,
        email_verified -> Bool,
        password_must_change -> Bool,
        password_hash -> Nullable<Text>,
        created_at -> Utc,
        updated_at -> Utc,
        last_sign_in_at -> Nullable<Utc>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer};
    use crate::sql_type::Utc;

    sign_in_failures (budget) {
        budget -> Binary,
        recent -> Integer,
        in_a_row -> Integer,
        last_failed_at -> Utc,
        closed_until -> Utc,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    sessions (id) {
        id -> Id,
        account_id -> Id,
        delivery -> Text,
        binding -> Nullable<Binary>,
        device_name -> Nullable<Text>,
        current_token -> Id,
        previous_token -> Nullable<Id>,
        rotated_at -> Utc,
        authenticated_at -> Utc,
        expires_at -> Utc,
        ended_at -> Nullable<Utc>,
        end_reason -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_type::{Id, Utc};

    refresh_tokens (id) {
        id -> Id,
        session_id -> Id,
        parent_id -> Nullable<Id>,
        issued_at -> Utc,
        address -> Text,
        user_agent -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_type::{Id, Utc};

    security_events (id) {
        id -> Id,
        at -> Utc,
        kind -> Text,
        subject -> Nullable<Id>,
        session_id -> Nullable<Id>,
        address -> Text,
        user_agent -> Nullable<Text>,
        outcome -> Text,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable};
    use crate::sql_type::Utc;

    setup (id) {
        id -> Integer,
        token_digest -> Nullable<Binary>,
        offered_at -> Utc,
        closed_at -> Nullable<Utc>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(accounts, sessions);
