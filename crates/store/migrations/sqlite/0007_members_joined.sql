-- A page of members, and the first of them, in a group of ten thousand as in one of ten.
CREATE INDEX members_joined ON members (conversation_id, joined_at, user_id) WHERE left_at IS NULL;
