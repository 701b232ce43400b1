//! Tables of the audit log, and of the statistics that are derived from it.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    security_events (chain, sequence) {
        chain -> BigInt,
        sequence -> BigInt,
        id -> Id,
        at -> Utc,
        kind -> Text,
        actor -> Text,
        subject -> Nullable<Id>,
        session_id -> Nullable<Id>,
        address -> Text,
        user_agent -> Nullable<Text>,
        request_id -> Nullable<Text>,
        outcome -> Text,
        details -> Nullable<Text>,
        link -> Binary,
    }
}

table! {
    use diesel::sql_types::BigInt;

    sign_in_positions (chain) {
        chain -> BigInt,
        sequence -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_type::Utc;

    sign_in_hours (hour_at, outcome) {
        hour_at -> Utc,
        outcome -> Text,
        events -> BigInt,
        without_account -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::sql_type::Utc;

    sign_in_refusals (counted_by, key, day_at) {
        counted_by -> Text,
        key -> Binary,
        day_at -> Utc,
        refusals -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::sql_type::Utc;

    decision_blocks (chain, sequence) {
        chain -> BigInt,
        sequence -> BigInt,
        first_ordinal -> BigInt,
        count -> BigInt,
        from_at -> Utc,
        until_at -> Utc,
        link -> Binary,
        filter -> Binary,
        payload -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::Utc;

    audit_chains (id) {
        id -> BigInt,
        kind -> Text,
        opened_at -> Utc,
        sequence -> BigInt,
        entries -> BigInt,
        link -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_type::Utc;

    audit_checkpoints (number) {
        number -> BigInt,
        at -> Utc,
        file -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};

    audit_checkpointed (chain) {
        chain -> BigInt,
        sequence -> BigInt,
        entries -> Nullable<BigInt>,
        link -> Nullable<Binary>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(audit_chains, sign_in_positions);
