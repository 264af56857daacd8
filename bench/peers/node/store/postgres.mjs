// Messages in PostgreSQL by pg: one prepared statement a message, which is its own transaction. Sends of one
// conversation wait for each other, so that what one person sent keeps its order; conversations do not wait.
import pg from "pg";

const CONNECTIONS = 20;
const UNIQUE_VIOLATION = "23505";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS conversations (id TEXT PRIMARY KEY, seq BIGINT NOT NULL);
  CREATE TABLE IF NOT EXISTS messages (
    conversation TEXT NOT NULL,
    seq BIGINT NOT NULL,
    sender TEXT NOT NULL,
    client_id TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, sender, client_id)
  );`;

const APPEND = {
  name: "append",
  text: `WITH place AS (
      INSERT INTO conversations AS c (id, seq) VALUES ($1, 1)
      ON CONFLICT (id) DO UPDATE SET seq = c.seq + 1 RETURNING c.seq)
    INSERT INTO messages (conversation, seq, sender, client_id, text)
    SELECT $1, seq, $2, $3, $4 FROM place
    RETURNING seq, created_at AS "createdAt"`,
};
const EARLIER = {
  name: "earlier",
  text: `SELECT seq, text, created_at AS "createdAt" FROM messages
    WHERE conversation = $1 AND sender = $2 AND client_id = $3`,
};

// A seq stays far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export async function open() {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS });
  pool.on("error", (error) => console.error(error));
  await pool.query(SCHEMA);
  const inOrder = queues();

  async function append(conversation, sender, clientId, text) {
    const key = { conversation, sender, clientId };
    try {
      const { rows } = await pool.query({ ...APPEND, values: [conversation, sender, clientId, text] });
      return { message: { ...key, text, ...rows[0] }, isNew: true };
    } catch (error) {
      if (error.code !== UNIQUE_VIOLATION) throw error;
      const { rows } = await pool.query({ ...EARLIER, values: [conversation, sender, clientId] });
      return { message: { ...key, ...rows[0] }, isNew: false };
    }
  }

  return {
    append: (conversation, ...rest) =>
      inOrder(conversation, () => append(conversation, ...rest)),
    close: () => pool.end(),
  };
}

/** Runs what has the same key one after the other. */
function queues() {
  const last = new Map();
  return (key, work) => {
    const result = (last.get(key) ?? Promise.resolve()).then(work);
    const done = result.catch(() => {}).then(() => last.get(key) === done && last.delete(key));
    last.set(key, done);
    return result;
  };
}
