-- Whether the host app signs them in: its tokens speak for these users and for nobody else.
ALTER TABLE users ADD COLUMN from_host BOOLEAN NOT NULL DEFAULT FALSE;
