DROP INDEX outbox_by_account;

DROP TABLE reset_mails;
