-- Finds the accounts whose email key was made under a former rule: a present one is ASCII.
CREATE INDEX accounts_by_former_email_key ON accounts (id)
    WHERE length(CAST(email_key AS blob)) <> length(email_key);
