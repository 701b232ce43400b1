//! Whether every account is found by its address alone, see `Database::former_email_keys`.

use portcullis_storage::{Database, FormerEmailKey};

use super::check::Check;

pub(super) const NAME: &str = "email addresses";

pub(super) fn check(database: &Database) -> Check {
    let former = match database.former_email_keys() {
        Ok(former) => former,
        Err(error) => return Check::failed(NAME, error.to_string(), "see above"),
    };
    if former.is_empty() {
        return Check::ok(NAME, "each belongs to one account");
    }
    let accounts: Vec<_> = former.iter().map(described).collect();
    let detail = format!("without a key of their own: {}", accounts.join("; "));
    let remedy = "nothing was merged, and both sign in by user name and by their address as it was \
                  typed; keep one account of each, or ask its owner for another address";
    Check::warning(NAME, detail, remedy)
}

fn described(former: &FormerEmailKey) -> String {
    let FormerEmailKey { username, email, taken_by, .. } = former;
    let email = visible(email);
    match taken_by {
        Some(other) => format!("{username} <{email}>, which is the mailbox of {other}"),
        None => format!("{username} <{email}>, which is no address under the present rule"),
    }
}

/// Outside ASCII by number: what makes two such addresses differ may be invisible.
fn visible(text: &str) -> String {
    let shown = |c: char| {
        if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }
    };
    text.chars().map(shown).collect()
}
