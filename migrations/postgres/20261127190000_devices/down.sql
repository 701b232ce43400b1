ALTER TABLE sessions DROP COLUMN opened_from;
ALTER TABLE sessions DROP COLUMN device_id;
ALTER TABLE accounts DROP COLUMN factor_epoch;
DROP TABLE devices;
