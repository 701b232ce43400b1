//! Texts of the first steps of an administrator.

strings! {
    FirstStepsStrings FIRST_STEPS;

    title "First steps"
    lead "Four steps to a server that people and services can rely on. Each shows its present state."
    link "First steps of a new server"
    done "done"
    open "open"
    failed "failed"
    waiting "on its way"

    origin_title "The address of this server"
    origin_text "Links in mails, cookies and passkeys use the address that browsers see."
    origin_configured "Configured"
    origin_seen "Your browser uses"
    origin_unknown "Your browser names none."
    origin_right "Both are the same."
    origin_remedy "They differ. If the address of your browser is the right one, configure it, and restart the server:"

    mail_title "Mails"
    mail_text "Links and alerts go by mail. A test mail takes the same way to your own address:"
    mail_none "No mail server is configured, so mails wait. Set SMTP_HOST and SMTP_FROM, and restart the server."
    mail_output "No mail server is configured: mails are printed to the output of the server. Set SMTP_HOST and SMTP_FROM before people use it."
    mail_send "Send a test mail"
    mail_queued "The test mail is on its way. Show this page again in a moment to see whether it was accepted."
    mail_refresh "Show the state now"
    mail_latest "Latest test mail:"
    mail_accepted "The mail server has accepted it. Look into your mailbox."
    mail_printed "It was printed."
    mail_waits "It waits for its first attempt."
    mail_next "Next attempt:"
    failure_refused "The mail server refuses it. Check the sender, mail.from, and your address."
    failure_deferred "The mail server does not take it now, or does not answer in time."
    failure_unavailable "The mail server cannot be reached, or takes no mail at all. Check the section [mail]."
    failure_unreadable "The server could not read it."

    factor_title "Your second factor"
    factor_text "An administrator with a password alone is the weakest place of a server."
    factor_has "Your account has a second factor."
    factor_action "Set up a factor"
    factor_show "Show your factors"

    route_title "Protect a first route"
    route_text "A service asks this server about each token, or verifies tokens itself. These commands create its credential, and write the access matrix for its code:"
    route_has "A service has a credential."
    route_curl "Any language"
    route_curl_text "The published keys, and the question about one token:"
    route_rust "Rust, with actix-web"
    route_rust_text "The guard verifies tokens itself, and learns of each revocation within a second:"
}
