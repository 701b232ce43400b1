ALTER TABLE accounts DROP COLUMN allowed_networks;
