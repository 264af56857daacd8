-- How many messages each sender has in each block of 512 places of a conversation, once the block is full; the
-- row without a sender counts all of them. Deleted ones are not counted. What is unread is counted from these
-- and the places at both ends, so it takes the same time in a long history as in a short one.
CREATE TABLE message_counts (
  conversation_id UUID NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  sender_id TEXT NOT NULL,
  block BIGINT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, sender_id, block)
);
INSERT INTO message_counts (conversation_id, sender_id, block, count)
SELECT m.conversation_id, m.sender_id, (m.seq - 1) / 512, COUNT(*)
FROM messages m JOIN conversations c ON c.id = m.conversation_id
WHERE m.deleted_at IS NULL AND m.seq <= c.last_seq / 512 * 512
GROUP BY m.conversation_id, m.sender_id, (m.seq - 1) / 512;
INSERT INTO message_counts (conversation_id, sender_id, block, count)
SELECT conversation_id, '', block, SUM(count) FROM message_counts GROUP BY conversation_id, block;
