// Listening and ending, the same for every peer on Node.
import { mkdirSync } from "node:fs";

/** Listens on the port that the bench gave, says so, and ends on SIGTERM. */
export function serve(server, close = async () => {}) {
  server.listen(Number(process.env.PORT), "127.0.0.1", 4096, () => console.log("listening"));
  process.once("SIGTERM", async () => {
    server.close();
    server.closeAllConnections();
    await close();
    process.exit(0);
  });
}

/** The folder for this server's data, made if it is missing. */
export function dataFolder() {
  const folder = process.env.DATA_DIR;
  if (!folder) throw new Error("DATA_DIR is not set");
  mkdirSync(folder, { recursive: true });
  return folder;
}
