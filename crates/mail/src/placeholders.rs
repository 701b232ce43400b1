//! The placeholders that each template and each text may have.

/// The placeholders of a layout: `mail.txt`, `mail.html`, and those of one kind.
pub(crate) const LAYOUT: [&str; 11] = [
    "action",
    "base_url",
    "expiry",
    "footer",
    "greeting",
    "link",
    "link_help",
    "note",
    "paragraphs",
    "product",
    "subject",
];

/// The placeholders of a text. A subject is a header: it has the name of the service only.
pub(crate) fn of_text(section: &str, key: &str) -> Vec<&'static str> {
    let mut all = vec!["product"];
    if key == "subject" {
        return all;
    }
    match (section, key) {
        ("common", "minutes" | "hours" | "days") => return vec!["count"],
        ("factors", _) => return Vec::new(),
        ("common", "greeting") => all.push("username"),
        ("common", "expiry") => all.push("lifetime"),
        _ => {}
    }
    all.push("base_url");
    match section {
        "verify_registration" => all.push("wanted_username"),
        "registration_attempt"
        | "email_change_requested"
        | "email_changed"
        | "password_changed"
        | "password_breached"
        | "sign_in_refused"
        | "networks_changed"
        | "account_deleted"
        | "password_removed"
        | "password_reset"
        | "passkey_counter_went_back"
        | "refresh_token_reuse"
        | "refresh_token_late" => {
            all.extend(["at", "address"]);
        }
        "sign_in_code" => all.extend(["at", "address", "code", "lifetime"]),
        "factors_reset" | "networks_set" => all.push("at"),
        "api_key_created" => all.extend(["at", "address", "key"]),
        "new_device" => all.extend(["at", "address", "device"]),
        "factor_added" | "factor_used" | "factor_removed" => {
            all.extend(["at", "address", "factor"]);
        }
        "invitation" => all.push("inviter"),
        _ => {}
    }
    all
}
