//! Texts of the overview.

strings! {
    OverviewStrings OVERVIEW;

    title "Overview"
    last_day "Sign-ins of the last 24 hours"
    successes "Successful"
    refusals "Refused"
    others "others"
    now "At present"
    lockouts "Lockouts"
    sessions "Sessions"
    accounts "Active accounts"
    waiting_mails "Waiting mails"
    oldest "the oldest for"
    dead "given up"
    log "Audit log"
    checkpoint "Latest signed checkpoint"
    checkpoint_none "none yet"
    checkpoint_of "of"
    alarms "Alarms since the start"
    alarms_none "none"
    jobs "Background jobs"
    jobs_fine "all fine"
    failing "failing"
    fine "fine"
}
