CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  handle TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  -- the name in lower case, for the directory's prefix search in any script
  name_lower TEXT NOT NULL,
  email TEXT UNIQUE,
  bio TEXT,
  avatar_url TEXT,
  -- PHC string; null for people whose app signs them in
  password_hash TEXT,
  created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  id UUID PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- SHA-256 of the newest refresh token's secret; an older one that is shown revokes the session
  refresh_hash BYTEA NOT NULL,
  device TEXT,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE conversations (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL,
  -- both members' ids in order, for direct ones: two people have one conversation
  direct_key TEXT UNIQUE,
  title TEXT,
  label TEXT,
  -- both in lower case, for search in any script
  search_lower TEXT NOT NULL,
  metadata TEXT NOT NULL,
  avatar_url TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  -- the newest message's time, or the making: the list's order
  active_at BIGINT NOT NULL,
  last_seq BIGINT NOT NULL,
  version BIGINT NOT NULL,
  member_count BIGINT NOT NULL
);

CREATE TABLE members (
  conversation_id UUID NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  joined_at BIGINT NOT NULL,
  read_seq BIGINT NOT NULL,
  delivered_seq BIGINT NOT NULL,
  muted_until BIGINT,
  pinned BOOLEAN NOT NULL,
  archived BOOLEAN NOT NULL,
  hidden BOOLEAN NOT NULL,
  PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX users_handle_prefix ON users (handle text_pattern_ops);
CREATE INDEX users_name_prefix ON users (name_lower text_pattern_ops);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE messages (
  conversation_id UUID NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  seq BIGINT NOT NULL,
  id UUID NOT NULL UNIQUE,
  -- the conversation's version at this row's last change
  version BIGINT NOT NULL,
  sender_id TEXT NOT NULL REFERENCES users (id),
  client_id TEXT,
  kind TEXT NOT NULL,
  content TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  edited_at BIGINT,
  deleted_at BIGINT,
  PRIMARY KEY (conversation_id, seq)
);
-- one sender's clientId makes one message, for ever
CREATE UNIQUE INDEX messages_client ON messages (conversation_id, sender_id, client_id) WHERE client_id IS NOT NULL;
