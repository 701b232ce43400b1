//! Checks that every account is found by its email address, see `Database::former_email_keys`.

use portcullis_storage::{Database, FormerEmailKey};

use super::check::Check;

pub(super) const NAME: &str = "email addresses";

pub(super) fn check(database: &Database) -> Check {
    let former = match database.former_email_keys() {
        Ok(former) => former,
        Err(error) => return Check::failed(NAME, error.to_string(), "see above"),
    };
    if former.is_empty() {
        return Check::ok(NAME, "each address belongs to one account");
    }
    let accounts: Vec<_> = former.iter().map(described).collect();
    let detail = format!("accounts without a unique address: {}", accounts.join("; "));
    let remedy = "no account was merged; both accounts sign in by user name and by their address as \
                  entered; keep one account of each pair, or ask its owner for another address";
    Check::warning(NAME, detail, remedy)
}

fn described(former: &FormerEmailKey) -> String {
    let FormerEmailKey { username, email, taken_by, .. } = former;
    let email = visible(email);
    match taken_by {
        Some(other) => format!("{username} <{email}>, the same mailbox as {other}"),
        None => format!("{username} <{email}>, an address that is invalid by the current rule"),
    }
}

/// Escapes characters outside ASCII: the difference of two addresses may be invisible.
fn visible(text: &str) -> String {
    let shown = |c: char| {
        if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }
    };
    text.chars().map(shown).collect()
}
