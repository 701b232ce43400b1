//! Tests of the use cases over a real database, with a test clock.

#[cfg(test)]
mod account;
#[cfg(test)]
mod account_change;
#[cfg(test)]
mod account_credentials;
#[cfg(test)]
mod account_deletion;
#[cfg(test)]
mod account_networks;
#[cfg(test)]
mod account_parts;
#[cfg(test)]
mod administration;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod backup_codes;
#[cfg(test)]
mod ban;
#[cfg(test)]
mod bootstrap;
#[cfg(test)]
mod breach_review;
#[cfg(test)]
mod challenge;
#[cfg(test)]
mod challenge_retention;
#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod checkpoint_alarm;
#[cfg(test)]
mod clock_watch;
#[cfg(test)]
mod decision;
#[cfg(test)]
mod deployment;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod directories;
#[cfg(test)]
mod disavowal;
#[cfg(test)]
mod email_change;
#[cfg(test)]
mod email_verification;
#[cfg(test)]
mod entry_proof;
#[cfg(test)]
mod factor_events;
#[cfg(test)]
mod factor_lockout;
#[cfg(test)]
mod factor_policy;
#[cfg(test)]
mod factor_races;
#[cfg(test)]
mod factor_use_cases;
#[cfg(test)]
mod factors;
#[cfg(test)]
mod health;
#[cfg(test)]
mod intercepted_store;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod invitation;
#[cfg(test)]
mod job;
#[cfg(test)]
mod lockout;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
mod mailed_codes;
#[cfg(test)]
mod mass_sign_out;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod outbox_administration;
#[cfg(test)]
mod own_data;
#[cfg(test)]
mod passkey;
#[cfg(test)]
mod passkey_changes;
#[cfg(test)]
mod passkey_races;
#[cfg(test)]
mod password_change;
#[cfg(test)]
mod password_policy;
#[cfg(test)]
mod password_reset;
#[cfg(test)]
mod pending_registration;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod provisioning;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod recording_bounds;
#[cfg(test)]
mod recording_desk;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod refresh_model;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod rehash;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod revocation_clock;
#[cfg(test)]
mod risk_evasion;
mod risk_table;
#[cfg(test)]
mod role_moves;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod session;
#[cfg(test)]
mod shared_secret;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_in_outcomes;
#[cfg(test)]
mod sign_in_risk;
#[cfg(test)]
mod sign_in_statistics;
#[cfg(test)]
mod sign_out;
#[cfg(test)]
mod signing_key;
#[cfg(test)]
mod step_up;
#[cfg(test)]
mod totp_steps;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod unlock;
#[cfg(test)]
mod verification;
