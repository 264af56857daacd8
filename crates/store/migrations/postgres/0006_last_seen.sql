-- When somebody's last device went. Apart from users: their rows are locked by appends, and this is written when people go.
CREATE TABLE last_seen (
  user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  at BIGINT NOT NULL
);
