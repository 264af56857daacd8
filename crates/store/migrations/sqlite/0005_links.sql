-- Whoever has one becomes a member.
CREATE TABLE links (
  id BLOB PRIMARY KEY,
  conversation_id BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  -- SHA-256 of the token, which is shown once
  token_hash BLOB NOT NULL UNIQUE,
  created_by TEXT NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  max_uses BIGINT,
  uses BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX links_conversation ON links (conversation_id, id) WHERE revoked_at IS NULL;
