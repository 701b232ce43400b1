//! Checks the minimum length of passwords as the only factor (NIST SP 800-63B-4 section 3.1.1.2).

use super::check::Check;
use crate::config::LoadedConfig;

const NAME: &str = "password policy";

const RECOMMENDED: usize = 15;

pub(super) fn check(loaded: &LoadedConfig) -> Check {
    let Some(config) = loaded.partly(&["passwords.min_length"]) else {
        return Check::skipped_for_faults(NAME);
    };
    let least = config.passwords.min_length;
    if least >= RECOMMENDED {
        return Check::ok(NAME, format!("at least {least} characters"));
    }
    let detail = format!("the minimum is {least} characters, and no second factor is enforced");
    Check::warning(NAME, detail, format!("set passwords.min_length = {RECOMMENDED}"))
}
