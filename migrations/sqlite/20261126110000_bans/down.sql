DROP TABLE ban_revision;
DROP TABLE bans;
