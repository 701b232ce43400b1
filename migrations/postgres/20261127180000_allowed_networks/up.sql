-- The networks that an account may be used from, with spaces between them; NULL allows all.
ALTER TABLE accounts ADD COLUMN allowed_networks text;
