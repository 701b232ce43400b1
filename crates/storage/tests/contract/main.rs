//! Contract tests of every port on both databases: results, refusals, the state after a refusal, and races
//! for everything that may happen once.

#[cfg(test)]
mod account;
#[cfg(test)]
mod account_change;
#[cfg(test)]
mod account_deletion;
#[cfg(test)]
mod account_directory;
#[cfg(test)]
mod account_part;
#[cfg(test)]
mod alarm;
#[cfg(test)]
mod audited;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod ban;
#[cfg(test)]
mod bootstrap;
#[cfg(test)]
mod breach_review;
#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod deadlock;
#[cfg(test)]
mod device;
#[cfg(test)]
mod disavowal;
#[cfg(test)]
mod email_key;
#[cfg(test)]
mod family;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod hash_cost;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod job;
#[cfg(test)]
mod lockout;
#[cfg(test)]
mod lockout_directory;
#[cfg(test)]
mod lockout_races;
#[cfg(test)]
mod mail_secret;
#[cfg(test)]
mod mass_sign_out;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod member;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod outbox_directory;
#[cfg(test)]
mod outbox_races;
#[cfg(test)]
mod overview;
#[cfg(test)]
mod password_change;
#[cfg(test)]
mod password_reset;
#[cfg(test)]
mod password_reset_request;
#[cfg(test)]
mod provisioning;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod refresh_races;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod revocation_races;
#[cfg(test)]
mod role_move;
#[cfg(test)]
mod sealed_entry;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod session;
#[cfg(test)]
mod session_directory;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_in_ranking;
#[cfg(test)]
mod sign_in_statistics;
#[cfg(test)]
mod sign_out;
#[cfg(test)]
mod signing_key;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod trail_races;
#[cfg(test)]
mod writers;
