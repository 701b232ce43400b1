//! Limits of the codes that sign-ins cause by mail.
//!
//! Everybody who knows the password can cause a code, and nobody must use up those of the holder. So an
//! address has two budgets: one for sign-ins that the account knows the device or the network of, and one
//! for all others. A stranger elsewhere uses up the second one only. In each, a network has a smaller limit:
//! it takes several networks to use up a budget.

use std::net::IpAddr;

use portcullis_domain::{Email, NetworkPrefix};

use crate::identity::mail_limit::{MailAllowance, MailLimit};

/// The maximum of codes in an hour that one network causes.
const MAX_OF_NETWORK: u32 = 5;

/// The maximum of codes in an hour for known devices and known networks.
const MAX_FAMILIAR: u32 = 10;

/// The maximum of codes in an hour for unknown devices on unknown networks.
const MAX_UNFAMILIAR: u32 = 20;

/// The allowances of a code. That of the network comes first: a network that has used up its own takes
/// nothing of the budget.
pub(super) fn allowances(email: &Email, address: IpAddr, is_familiar: bool) -> Vec<MailAllowance> {
    let (budget, most) = if is_familiar {
        ("sign_in_code:familiar", MAX_FAMILIAR)
    } else {
        ("sign_in_code:unfamiliar", MAX_UNFAMILIAR)
    };
    let network = format!("{budget}:{}", NetworkPrefix::of(address));
    let allowance =
        |cause: &str, most| MailAllowance::of(cause, email, MailLimit::in_an_hour(most));
    vec![allowance(&network, MAX_OF_NETWORK), allowance(budget, most)]
}
