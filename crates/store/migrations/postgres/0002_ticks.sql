-- What resume and the user stream need: every change of a row carries a tick.
--
-- A tick orders commits without a clock. On SQLite it counts write transactions; on PostgreSQL it is
-- the transaction's id. A reader's position is the first tick that it has not surely seen.

ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

-- of the last change of anything that belongs to the conversation, cursors too
ALTER TABLE conversations ADD COLUMN tick BIGINT NOT NULL DEFAULT 0;

-- the conversation's version at this row's last change
ALTER TABLE members ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE members ADD COLUMN tick BIGINT NOT NULL DEFAULT 0;
-- who left keeps a row: it says so to their devices
ALTER TABLE members ADD COLUMN left_at BIGINT;
-- their own history begins after it
ALTER TABLE members ADD COLUMN cleared_seq BIGINT NOT NULL DEFAULT 0;
-- the tick at which they cleared it or joined: devices drop what they hold from before
ALTER TABLE members ADD COLUMN cleared_tick BIGINT NOT NULL DEFAULT 0;
DROP INDEX members_user;
CREATE INDEX members_user ON members (user_id, conversation_id);

-- when it was stored, and when it was last changed after that
ALTER TABLE messages ADD COLUMN tick BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN revised_tick BIGINT;
-- of the first text: tells a repetition from another message under the same clientId
ALTER TABLE messages ADD COLUMN body_hash BIGINT;
-- what stands in the table reactions, counted, as JSON; null when there is none
ALTER TABLE messages ADD COLUMN reactions TEXT;
CREATE INDEX messages_revised ON messages (conversation_id, revised_tick) WHERE revised_tick IS NOT NULL;

CREATE TABLE reactions (
  message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id),
  emoji TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (message_id, emoji, user_id)
);
