-- One table counts the mails to an address, whatever their cause. Windows of reset links begin with the last mail.
INSERT INTO mail_allowances (counter, mails, window_ends_at)
    SELECT counter, mails, last_at + interval '1 hour' FROM reset_mails;

DROP TABLE reset_mails;

DELETE FROM jobs WHERE name = 'reset_mails';
