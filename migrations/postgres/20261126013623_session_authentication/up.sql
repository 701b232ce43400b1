-- How the person of a session has proven who they are: the words of `amr`, with spaces between them,
-- and `acr`. Sessions of before were opened by a password, as those are that a node of before opens.
ALTER TABLE sessions ADD COLUMN amr text NOT NULL DEFAULT 'pwd';
ALTER TABLE sessions ADD COLUMN acr text NOT NULL DEFAULT 'aal1';
