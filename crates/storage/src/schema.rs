//! Table definitions of Diesel, shared by SQLite and PostgreSQL. Change them with each migration
//! (steps: docs/CONTRIBUTING.md, "Migrations").

use diesel::table;

mod audit;
mod factor;

pub(crate) use self::audit::{
    audit_chains, audit_checkpointed, audit_checkpoints, decision_blocks, security_events,
    sign_in_hours, sign_in_positions, sign_in_refusals,
};
pub(crate) use self::factor::{
    backup_codes, passkey_challenges, passkeys, sign_in_challenges, totp_enrolments, totp_factors,
};

table! {
    use diesel::sql_types::{Bool, Integer, Nullable, Text};
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
        is_blocked -> Bool,
        email_verified -> Bool,
        password_must_change -> Bool,
        password_hash -> Nullable<Text>,
        created_at -> Utc,
        updated_at -> Utc,
        last_sign_in_at -> Nullable<Utc>,
        tokens_valid_from -> Nullable<Utc>,
        password_epoch -> Integer,
        password_cost -> Nullable<Text>,
        breach_reviewed_epoch -> Nullable<Integer>,
        must_verify_email -> Bool,
        mfa_enabled -> Bool,
        allowed_networks -> Nullable<Text>,
        factor_epoch -> Integer,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    pending_registrations (id) {
        id -> Id,
        username -> Text,
        email -> Text,
        email_key -> Text,
        display_name -> Nullable<Text>,
        password_hash -> Text,
        refused_names -> Integer,
        created_at -> Utc,
        expires_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_type::{Id, Utc};

    invitations (id) {
        id -> Id,
        email -> Text,
        email_key -> Text,
        role -> Text,
        kind -> Text,
        inviter_id -> Nullable<Id>,
        created_at -> Utc,
        expires_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::sql_type::{Id, Utc};

    email_changes (id) {
        id -> Id,
        account_id -> Id,
        email -> Text,
        password_epoch -> Integer,
        created_at -> Utc,
        expires_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer};
    use crate::sql_type::Utc;

    mail_allowances (counter) {
        counter -> Binary,
        mails -> Integer,
        window_ends_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    sign_in_failures (counter) {
        #[sql_name = "budget"]
        counter -> Binary,
        recent -> Integer,
        in_a_row -> Integer,
        last_failed_at -> Utc,
        closed_until -> Utc,
        account_id -> Nullable<Id>,
        kind -> Nullable<Text>,
        password_epoch -> Nullable<Integer>,
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
        amr -> Text,
        acr -> Text,
        proven_at -> Nullable<Utc>,
        device_id -> Nullable<Binary>,
        opened_from -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Text};
    use crate::sql_type::Utc;

    network_failures (network, bucket_at, counter) {
        network -> Text,
        bucket_at -> Utc,
        counter -> Binary,
        failures -> Integer,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    devices (id) {
        id -> Binary,
        account_id -> Id,
        generation -> BigInt,
        name -> Nullable<Text>,
        address -> Text,
        user_agent -> Nullable<Text>,
        created_at -> Utc,
        rotated_at -> Utc,
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
    use diesel::sql_types::{Binary, Integer};

    shared_keys (id) {
        id -> Integer,
        sealed -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::sql_type::Utc;

    matrix_versions (number) {
        number -> BigInt,
        digest -> Binary,
        file -> Text,
        actor -> Text,
        at -> Utc,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_type::Utc;

    matrix_activations (revision) {
        revision -> BigInt,
        version -> BigInt,
        actor -> Text,
        at -> Utc,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    revocations (id) {
        id -> Id,
        kind -> Text,
        target -> Id,
        issued_before -> Nullable<Utc>,
        until -> Utc,
        recorded_at -> Utc,
        position -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable};

    use crate::sql_type::Utc;

    revocation_feed (id) {
        id -> Integer,
        head -> BigInt,
        purged_through -> BigInt,
        horizon -> Nullable<Utc>,
        issued_from -> Nullable<Utc>,
        longest_access_ms -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::sql_type::Utc;

    bans (addresses) {
        addresses -> Text,
        started_at -> Utc,
        ends_at -> Utc,
        former_bans -> BigInt,
        imposed_by -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer};

    ban_revision (id) {
        id -> Integer,
        revision -> BigInt,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::Utc;

    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        public_key -> Binary,
        sealed -> Binary,
        created_at -> Utc,
        signs_from -> Utc,
        retired_at -> Nullable<Utc>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    outbox (id) {
        id -> Id,
        kind -> Text,
        payload -> Text,
        recipient -> Text,
        account_id -> Nullable<Id>,
        event_id -> Id,
        created_at -> Utc,
        due_at -> Utc,
        attempts -> BigInt,
        lease -> Nullable<Binary>,
        leased_until -> Nullable<Utc>,
        failure -> Nullable<Text>,
        delivered_at -> Nullable<Utc>,
        dead_at -> Nullable<Utc>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    mail_secrets (purpose, subject_id) {
        purpose -> Text,
        subject_id -> Id,
        account_id -> Nullable<Id>,
        digest -> Binary,
        address -> Text,
        message_id -> Id,
        minted_at -> Utc,
        expires_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::sql_type::{Id, Utc};

    former_emails (account_id, email_key) {
        account_id -> Id,
        email_key -> Text,
        position -> Integer,
        replaced_at -> Utc,
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

table! {
    use diesel::sql_types::{Binary, Integer};
    use crate::sql_type::Utc;

    secret_fingerprint (id) {
        id -> Integer,
        fingerprint -> Binary,
        noted_at -> Utc,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::Utc;

    jobs (name) {
        name -> Text,
        every_ms -> BigInt,
        holder -> Nullable<Binary>,
        held_until -> Utc,
        due_at -> Utc,
        started_at -> Utc,
        succeeded_at -> Nullable<Utc>,
        failed_at -> Nullable<Utc>,
        failure -> Nullable<Text>,
        duration_ms -> BigInt,
        done -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(accounts, outbox);
diesel::allow_tables_to_appear_in_same_query!(accounts, sign_in_challenges);
diesel::allow_tables_to_appear_in_same_query!(accounts, refresh_tokens);
diesel::allow_tables_to_appear_in_same_query!(accounts, sessions);
diesel::allow_tables_to_appear_in_same_query!(accounts, sign_in_failures);
diesel::allow_tables_to_appear_in_same_query!(devices, sessions);
diesel::allow_tables_to_appear_in_same_query!(refresh_tokens, sessions);
diesel::allow_tables_to_appear_in_same_query!(revocation_feed, revocations);

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::{Id, Utc};

    api_keys (id) {
        id -> Id,
        account_id -> Id,
        name -> Text,
        sealed -> Binary,
        created_at -> Utc,
        expires_at -> Utc,
        last_used_at -> Nullable<Utc>,
        replaced_at -> Nullable<Utc>,
    }
}
