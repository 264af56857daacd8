// Messages in SQLite by better-sqlite3: one transaction a message, synced to the disk before it is acked. The library is
// synchronous, so the order of commits is the order of the calls.
import { join } from "node:path";
import Database from "better-sqlite3";
import { dataFolder } from "../serving.mjs";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS conversations (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS messages (
    conversation TEXT NOT NULL,
    seq INTEGER NOT NULL,
    sender TEXT NOT NULL,
    client_id TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, sender, client_id)
  ) WITHOUT ROWID;`;

export async function open() {
  const database = new Database(join(dataFolder(), "chat.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec(SCHEMA);
  const earlier = database.prepare(
    "SELECT seq, text, created_at AS createdAt FROM messages WHERE conversation = ? AND sender = ? AND client_id = ?",
  );
  const place = database
    .prepare(
      `INSERT INTO conversations (id, seq) VALUES (?, 1)
       ON CONFLICT (id) DO UPDATE SET seq = seq + 1 RETURNING seq`,
    )
    .pluck();
  const insert = database.prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)");

  const append = database.transaction((conversation, sender, clientId, text) => {
    const found = earlier.get(conversation, sender, clientId);
    if (found) return { message: { conversation, sender, clientId, ...found }, isNew: false };
    const seq = place.get(conversation);
    const createdAt = Date.now();
    insert.run(conversation, seq, sender, clientId, text, createdAt);
    return { message: { conversation, seq, sender, clientId, text, createdAt }, isNew: true };
  });

  return { append: append.immediate, close: async () => database.close() };
}
