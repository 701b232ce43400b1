//! Texts of the confirmation of a form.

strings! {
    ConfirmStrings CONFIRM;

    kept "What you have typed is kept, without passwords and codes."
    password_text "For this, you must have signed in within the last 15 minutes. Enter your password."
    done_title "You are confirmed"
    done_text "The form is as you have typed it. Nothing has happened yet."
    send "Continue"
    back "Back without it"
}
