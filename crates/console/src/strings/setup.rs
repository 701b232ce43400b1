//! Texts of the first administrator.

strings! {
    SetupStrings SETUP;

    link_before "No administrator yet?"
    link "Set up this server"
    title "Set up this server"
    text "Create the first administrator. The setup token is in the output of the server since its latest start."
    token "Setup token"
    token_hint "It works once, and is not kept here."
    action "Create the administrator"
    done "The administrator is ready. Please sign in."
    closed_title "This server is set up"
    closed_text "There is an administrator, and no setup token works any more. Administrators invite further people."
    closed_action "Sign in"
}
