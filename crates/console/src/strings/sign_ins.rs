//! Texts of the page of failed sign-ins.

strings! {
    SignInsStrings SIGN_INS;

    unlocked "The account is unlocked."
    banned "The address is banned."
    ban_for "Ban for"
    one_hour "1 hour"
    one_day "1 day"
    one_week "1 week"
    ban_reason "Refused sign-ins"
}
